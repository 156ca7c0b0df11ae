// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// One client, one service and its backends, of either family.
enum Family: CaseIterable, Sendable {
    case ipv4, ipv6

    var client: String { self == .ipv4 ? "10.0.0.10" : "2001:db8::10" }
    var vip: String { self == .ipv4 ? "10.0.0.100" : "2001:db8::100" }
    var local: String { self == .ipv4 ? "10.0.1.200" : "2001:db8:1::200" }
    func backend(_ number: Int) -> String {
        self == .ipv4 ? "10.0.1.\(number)" : "2001:db8:1::\(number)"
    }

    /// One service on port 80 at `vip`, with backends 2 and 3.
    func state(
        _ protocol: TransportProtocol = .udp,
        mode: ForwardingMode = .fnat,
        backendPort: UInt16 = 8080,
        _ edit: (inout Service) -> Void = { _ in }
    ) throws -> DesiredState {
        var state = DesiredState.web()
        if self == .ipv6 {
            state.addresses = [
                InterfaceAddress(interface: "dpdk0", prefix: .literal("2001:db8::1/64")),
                InterfaceAddress(interface: "dpdk1", prefix: .literal("2001:db8:1::1/64")),
            ]
        }
        var service = Service(
            key: .init(
                address: try required(IPAddress(vip)),
                port: `protocol` == .icmp ? 0 : 80,
                protocol: `protocol`
            ),
            name: "service",
            mode: mode,
            localAddresses: mode == .fnat ? [try required(IPAddress(local))] : [],
            backends: try (2...3)
                .map {
                    Backend(
                        endpoint: Endpoint(
                            try required(IPAddress(backend($0))),
                            `protocol` == .icmp ? 0 : backendPort
                        )
                    )
                }
        )
        edit(&service)
        state.services = [service]
        return state
    }

    func world(
        _ state: DesiredState,
        workers: Int = 1,
        scaling: ReceiveSideScaling? = nil,
        companions: [Int] = []
    ) throws -> World {
        let world = try World(
            state,
            workers: workers,
            scaling: scaling,
            hasLinkLocalAddresses: self == .ipv6,
            companions: companions
        )
        for number in 10...40 {
            switch self {
            case .ipv4: world.hosts[0][IPv4Address(10, 0, 0, UInt8(number))] = .client(number)
            case .ipv6: world.hosts6[0][.literal("2001:db8::\(number)")] = .client(number)
            }
        }
        for number in 2...9 {
            switch self {
            case .ipv4: world.hosts[1][IPv4Address(10, 0, 1, UInt8(number))] = .backend(number)
            case .ipv6: world.hosts6[1][.literal("2001:db8:1::\(number)")] = .backend(number)
            }
        }
        world.advance(.seconds(4))
        for port in 0...1 {
            _ = (world.takeARP(port), world.takeLinkTalk(port), world.takeKernel(port))
        }
        return world
    }
}

extension World {
    /// The packets that left `port` since the last call.
    func takeFragments(_ port: Int) -> [IPPacket] {
        take(port).compactMap { IPPacket(frame: $0.octets) }
    }

    func send(_ packets: [IPPacket], on port: Int, queue: Int = 0) {
        for packet in packets {
            links[port].deliver(packet.frame(to: Self.portMACs[port]), queue: queue)
        }
        settle()
    }
}

@Suite struct FragmentScenarios {
    private static let data = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func request(_ family: Family, port: UInt16 = 40000) -> IPPacket {
        IPPacket(from: family.client, to: family.vip, 17, IPPacket.udp(port, 80, Self.data))
            .withChecksum
    }

    /// What a backend answers to a request as it came there.
    private func reply(to request: IPPacket) -> IPPacket {
        let port = UInt16(IPPacket.number(request.payload, 0, 2))
        return IPPacket(
            from: request.destination.description,
            to: request.source.description,
            17,
            IPPacket.udp(8080, port, Self.data.reversed())
        )
        .withChecksum
    }

    @Test(arguments: Family.allCases, [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
    func `a datagram in fragments passes both ways, in any order`(
        family: Family,
        order: [Int]
    ) throws {
        let world = try family.world(try family.state())
        defer { world.expectConservation() }
        let fragments = request(family).fragments(of: 1200)
        world.send(order.map { fragments[$0] }, on: 0)
        let sent = world.takeFragments(1)
        let whole = try #require(IPPacket(reassembling: sent))
        #expect(whole.transportChecksum == 0 && Array(whole.payload.dropFirst(8)) == Self.data)
        #expect(whole.source.description == family.local)
        #expect(whole.destination.description == family.backend(2))
        #expect(sent.first?.fragmentOffset == 0, "the first one goes first")

        world.send(order.map { reply(to: whole).fragments(of: 1200)[$0] }, on: 1)
        let answer = try #require(IPPacket(reassembling: world.takeFragments(0)))
        #expect(answer.transportChecksum == 0 && answer.destination.description == family.client)
        #expect(answer.source.description == family.vip)
        #expect(Array(answer.payload.dropFirst(8)) == Self.data.reversed())
        #expect(world.connectionCount == 1)
    }

    @Test(arguments: Family.allCases)
    func `fragments without a first one wait, count as held, and expire`(family: Family) throws {
        let world = try family.world(try family.state())
        world.send(Array(request(family).fragments(of: 1200).dropFirst()), on: 0)
        #expect(world.total(.held) == 2)
        world.expectConservation()
        world.advance(.milliseconds(900))
        #expect(world.drops(.fragmentExpired) == 0)
        world.advance(.milliseconds(300))
        #expect(world.drops(.fragmentExpired) == 2 && world.total(.held) == 0)
        world.expectConservation()
    }

    @Test(arguments: Family.allCases)
    func `a flood of later fragments stays within bounds and disturbs no datagram`(
        family: Family
    ) throws {
        let world = try family.world(try family.state())
        let whole = request(family)
        let fragments = whole.fragments(of: 1200, identification: 1)
        world.send([fragments[0]], on: 0)
        for identification in 100..<4100 {
            let flood = whole.fragments(of: 1200, identification: UInt32(identification))[1]
            world.links[0].deliver(flood.frame(to: World.portMACs[0]))
        }
        world.settle()
        #expect(world.total(.held) <= 1024 && world.drops(.fragmentExpired) >= 2900)
        world.expectConservation()
        world.send(Array(fragments.dropFirst()), on: 0)
        #expect(IPPacket(reassembling: world.takeFragments(1)) != nil)
        world.advance(.seconds(2))
        #expect(world.total(.held) == 0)
        world.expectConservation()
    }

    @Test func `more fragments of one datagram than may wait are refused`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state())
        world.send(Array(request(.ipv4).fragments(of: 200).dropFirst()), on: 0)
        #expect(world.total(.held) == 8 && world.drops(.fragmentTableFull) == 7)
        world.expectConservation()
    }

    @Test func `fragments follow into the drop as well`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state { $0.backends = [] })
        world.send(request(.ipv4).fragments(of: 1200).reversed(), on: 0)
        #expect(world.drops(.noBackend) == 1 && world.drops(.fragmentOfDropped) == 2)
        world.expectConservation()
    }

    @Test func `a fragment that would overwrite a TCP header is refused`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.tcp))
        let segment = IPPacket(
            from: Family.ipv4.client,
            to: Family.ipv4.vip,
            6,
            IPPacket.tcp(40000, 80, flags: 2, Array(repeating: 1, count: 100))
        )
        world.send(Array(segment.withChecksum.fragments(of: 8)[1...1]), on: 0)
        #expect(world.drops(.unexpectedFragment) == 1)
    }

    @Test func `a reload in the middle of a datagram leaves it on its way`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state())
        let fragments = request(.ipv4).fragments(of: 1200)
        world.send([fragments[0]], on: 0)
        try world.change { $0.services[0].backends.removeFirst() }
        world.send(Array(fragments.dropFirst()), on: 0)
        let whole = try #require(IPPacket(reassembling: world.takeFragments(1)))
        #expect(whole.destination.description == Family.ipv4.backend(2))
        world.expectConservation()
    }

    @Test func `when the connection has ended meanwhile nothing follows it`() throws {
        let world = try Family.ipv4.world(
            try Family.ipv4.state { $0.connectionTimeout = .seconds(2) }
        )
        let fragments = request(.ipv4).fragments(of: 1200)
        world.send([fragments[0]], on: 0)
        world.advance(.seconds(4))
        #expect(world.connectionCount == 0)
        world.send([fragments[1]], on: 0)
        #expect(world.drops(.connectionGone) == 1)
        world.expectConservation()
    }

    @Test func `direct routing passes fragments on as they are`() throws {
        let family = Family.ipv4
        let world = try family.world(try family.state(mode: .dr, backendPort: 80))
        world.send(request(family).fragments(of: 1200).reversed(), on: 0)
        let sent = world.take(1)
        #expect(sent.count == 3 && sent.allSatisfy { $0.destinationMAC == .backend(2) })
        let whole = try #require(
            IPPacket(reassembling: sent.compactMap { IPPacket(frame: $0.octets) })
        )
        #expect(whole.destination.description == family.vip)
        world.expectConservation()
    }

    // MARK: - Several workers

    /// Sends fragments wherever a device might, one queue after another.
    private func scatter(
        _ fragments: [IPPacket],
        on port: Int,
        _ world: World,
        _ workers: Int,
        from queue: Int
    ) {
        for (number, fragment) in fragments.enumerated() {
            world.links[port]
                .deliver(
                    fragment.frame(to: World.portMACs[port]),
                    queue: (queue + number) % workers
                )
        }
        world.settle()
    }

    @Test(arguments: Family.allCases, [2, 3, 4])
    func `fragments that a device scatters find the connection of whole packets`(
        family: Family,
        workers: Int
    ) throws {
        let scaling = ReceiveSideScaling(table: (0..<128).map { $0 % workers })
        let world = try family.world(try family.state(), workers: workers, scaling: scaling)
        for flow in 0..<24 {
            let port = UInt16(30000 + flow)
            let small = IPPacket(
                from: family.client,
                to: family.vip,
                17,
                IPPacket.udp(port, 80, [1])
            )
            world.links[0].deliverBySpreading(small.withChecksum.frame(to: World.portMACs[0]))
            world.settle()
            let first = try #require(world.takeFragments(1).first)
            let fragments = request(family, port: port)
                .fragments(of: 1200, identification: UInt32(flow))
            scatter(
                flow % 2 == 0 ? fragments : fragments.reversed(),
                on: 0,
                world,
                workers,
                from: flow
            )
            let whole = try #require(IPPacket(reassembling: world.takeFragments(1)), "flow \(flow)")
            #expect(whole.destination == first.destination && whole.transportChecksum == 0)
            #expect(whole.payload.prefix(4) == first.payload.prefix(4), "the same local port")
            let answer = reply(to: whole).fragments(of: 1200, identification: UInt32(flow))
            scatter(answer.reversed(), on: 1, world, workers, from: flow + 1)
            let back = try #require(IPPacket(reassembling: world.takeFragments(0)))
            #expect(back.destination.description == family.client && back.transportChecksum == 0)
            world.expectConservation()
        }
        #expect(world.connectionCount == 24)
    }

    @Test(arguments: Family.allCases, [2, 3])
    func `where only the device knows the owner, fragments look for it`(
        family: Family,
        workers: Int
    ) throws {
        let world = try family.world(try family.state(), workers: workers)
        for flow in 0..<12 {
            let port = UInt16(30000 + flow)
            let small = IPPacket(
                from: family.client,
                to: family.vip,
                17,
                IPPacket.udp(port, 80, [1])
            )
            world.send([small.withChecksum], on: 0, queue: flow % workers)
            let first = try #require(world.takeFragments(1).first)
            for round in 0..<4 {
                let fragments = request(family, port: port)
                    .fragments(of: 1200, identification: UInt32(flow * 10 + round))
                scatter(fragments.reversed(), on: 0, world, workers, from: round)
                let whole = try #require(IPPacket(reassembling: world.takeFragments(1)))
                #expect(whole.destination == first.destination)
                #expect(whole.payload.prefix(4) == first.payload.prefix(4))
            }
            world.expectConservation()
        }
        #expect(world.connectionCount == 12)
        // A flow of fragments alone is opened once, whoever keeps its datagrams.
        for round in 0..<6 {
            let fragments = request(family, port: 50000)
                .fragments(of: 1200, identification: UInt32(1000 + round))
            scatter(fragments, on: 0, world, workers, from: round)
            #expect(IPPacket(reassembling: world.takeFragments(1)) != nil)
        }
        #expect(world.connectionCount == 13)
        world.expectConservation()
    }
}
