// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Private hosts 10.0.0.0/24 on port 0 that reach the Internet, which begins at 10.0.1.254 on port 1.
@Suite struct SNATScenarios {
    private static let wan = MACAddress(rawValue: 0x0200_0000_CC01)
    private static let lan = MACAddress(rawValue: 0x0200_0000_CC02)

    private static func state(
        _ protocol: TransportProtocol = .udp,
        publicAddresses: [IPv4Address] = [IPv4Address(10, 0, 1, 200)],
        input: String? = nil,
        output: String? = nil,
        _ edit: (inout Service) -> Void = { _ in }
    ) -> DesiredState {
        var service = Service(
            key: Service.Key(
                .match(
                    TrafficMatch(
                        source: .literal("10.0.0.0/24"),
                        destination: .any(.ipv4),
                        inputInterface: input,
                        outputInterface: output
                    )
                ),
                `protocol`
            ),
            name: "out",
            mode: .snat,
            localAddresses: publicAddresses.map { .v4($0) }
        )
        edit(&service)
        return DesiredState(
            addresses: [
                InterfaceAddress(interface: "dpdk0", prefix: .literal("10.0.0.1/24")),
                InterfaceAddress(interface: "dpdk1", prefix: .literal("10.0.1.1/24")),
            ],
            routes: [
                Route(
                    destination: .any(.ipv4),
                    gateway: .v4(IPv4Address(10, 0, 1, 254))
                )
            ],
            services: [service]
        )
    }

    private func world(
        _ state: DesiredState = Self.state(),
        workers: Int = 1,
        scaling: ReceiveSideScaling? = nil
    ) throws -> World {
        let world = try World(state, workers: workers, scaling: scaling)
        for last in 10...40 {
            world.hosts[0][IPv4Address(10, 0, 0, UInt8(last))] = .client(last)
        }
        world.hosts[1][IPv4Address(10, 0, 1, 254)] = Self.wan
        world.hosts[1][IPv4Address(10, 0, 1, 9)] = .backend(9)
        world.settle()
        _ = (world.takeARP(0), world.takeARP(1))
        return world
    }

    private func reply(
        _ to: DecodedFrame,
        _ change: (inout Frame) -> Void = { _ in }
    ) throws
        -> [UInt8]
    {
        Frame.udp(
            from: try #require(to.destination).description,
            to: try #require(to.source).description,
            data: [9]
        ) {
            $0.destinationMAC = World.portMACs[1]
            change(&$0)
        }
    }

    @Test func `UDP goes out from a public address and comes back, one hop each way`() throws {
        let world = try world()
        defer { world.expectConservation() }
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "192.0.2.7:53"), on: 0)
        let request = try #require(world.take(1).first)
        #expect(request.source?.address == IPAddress("10.0.1.200"))
        #expect(request.destination == Endpoint("192.0.2.7:53") && request.hasValidChecksums)
        #expect(request.timeToLive == 63 && request.destinationMAC == Self.wan)
        world.send(try reply(request), on: 1)
        let answer = try #require(world.take(0).first)
        #expect(answer.source == Endpoint("192.0.2.7:53"))
        #expect(answer.destination == Endpoint("10.0.0.10:5000") && answer.hasValidChecksums)
        #expect(answer.timeToLive == 63 && answer.destinationMAC == .client(10))
    }

    @Test func `TCP is tracked from the SYN to the end, and its port is free again`() throws {
        let world = try world(Self.state(.tcp))
        defer { world.expectConservation() }
        let (inside, outside) = ("10.0.0.10:40000", "192.0.2.7:80")
        world.send(Frame.tcp(from: inside, to: outside, Frame.syn), on: 0)
        let syn = try #require(world.take(1).first)
        let local = try #require(syn.source?.description)
        func answer(_ flags: UInt8) -> [UInt8] {
            Frame.tcp(from: outside, to: local, flags) { $0.destinationMAC = World.portMACs[1] }
        }
        world.send(answer(Frame.synAck), on: 1)
        world.send(Frame.tcp(from: inside, to: outside, Frame.ack), on: 0)
        let totals = world.provisioner.totals().services[0]
        #expect(totals.service.targets.map(\.endpoint) == [Endpoint("10.0.1.200:0")])
        #expect(totals.backends[0][BackendCounter.active.rawValue] == 1)
        #expect(world.take(0).map(\.tcpFlags) == [Frame.synAck])
        world.send(Frame.tcp(from: inside, to: outside, Frame.finAck), on: 0)
        world.send(answer(Frame.finAck), on: 1)
        world.advance(.seconds(10))
        #expect(world.connectionCount == 0)
        #expect(world.provisioner.totals().localAddresses.map(\.used) == [0])
    }

    @Test func `only what fits is let through: others, other ways in or out, other sources`() throws
    {
        let world = try world(Self.state(input: "dpdk0", output: "dpdk1"))
        defer { world.expectConservation() }
        let fromOutside = Frame.udp(from: "10.0.0.10:5000", to: "192.0.2.7:53") {
            $0.destinationMAC = World.portMACs[1]
        }
        world.send(fromOutside, on: 1)
        world.send(
            Frame.udp(from: "10.0.9.10:5000", to: "192.0.2.7:53"),
            Frame.tcp(from: "10.0.0.10:5000", to: "192.0.2.7:53", Frame.syn),
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.11:53"),
            on: 0
        )
        #expect(world.take(1).isEmpty && world.take(0).isEmpty)
        #expect(world.drops(.notForUs) == 4)
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.1.9:53"), on: 0)
        #expect(world.take(1).map(\.destination) == [Endpoint("10.0.1.9:53")], "on the link")
    }

    @Test func `our own addresses are never matched, and a name without a route is refused`() throws
    {
        var state = Self.state()
        state.routes = []
        let world = try world(state)
        defer { world.expectConservation() }
        world.send(
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.1.1:53"),
            Frame.udp(from: "10.0.0.10:5000", to: "192.0.2.7:53"),
            on: 0
        )
        #expect(world.drops(.noService) == 1 && world.drops(.notForUs) == 1)
        #expect(world.connectionCount == 0)
    }

    @Test func `a hop too many is told to the private host, and forwards nothing`() throws {
        let world = try world()
        defer { world.expectConservation() }
        world.send(
            Frame.udp(from: "10.0.0.10:5000", to: "192.0.2.7:53") { $0.timeToLive = 1 },
            on: 0
        )
        let error = try #require(world.take(0).first)
        #expect(error.icmp?.type == 11 && error.destination?.address == IPAddress("10.0.0.10"))
        #expect(world.take(1).isEmpty && world.drops(.ttlExceeded) == 1)
    }

    @Test func `xmit_ttl takes no second hop away`() throws {
        var state = Self.state()
        state.settings.items["ipvs_defs.conn.xmit_ttl"] = .flag(true)
        let world = try world(state)
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "192.0.2.7:53"), on: 0)
        #expect(world.take(1).first?.timeToLive == 63)
        world.expectConservation()
    }

    @Test func `new connections take turns among the public addresses, each with its counters`()
        throws
    {
        let addresses = [IPv4Address(10, 0, 1, 200), IPv4Address(10, 0, 1, 201)]
        let world = try world(Self.state(publicAddresses: addresses))
        defer { world.expectConservation() }
        for port in 0..<6 {
            world.send(Frame.udp(from: "10.0.0.10:\(5000 + port)", to: "192.0.2.7:53"), on: 0)
        }
        let used = world.take(1).compactMap(\.source?.address.description)
        #expect(used.filter { $0 == "10.0.1.200" }.count == 3)
        #expect(used.filter { $0 == "10.0.1.201" }.count == 3)
        let totals = world.provisioner.totals().services[0]
        #expect(totals.backends.map { $0[BackendCounter.connections.rawValue] } == [3, 3])
        #expect(totals.sum[BackendCounter.incomingPackets.rawValue] == 6)
    }

    @Test func `persistence keeps a private host at one public address`() throws {
        let addresses = (200...203).map { IPv4Address(10, 0, 1, UInt8($0)) }
        let world = try world(
            Self.state(publicAddresses: addresses) { $0.persistence = Persistence() }
        )
        defer { world.expectConservation() }
        for host in 10..<20 {
            for port in 0..<5 {
                let from = "10.0.0.\(host):\(5000 + port)"
                world.send(Frame.udp(from: from, to: "192.0.2.\(port + 1):53"), on: 0)
            }
            #expect(Set(world.take(1).map(\.source?.address)).count == 1)
        }
    }

    @Test func `a source that holds its share of ports gets no more until some are free`() throws {
        let world = try world(Self.state { $0.portsPerSource = 10 })
        defer { world.expectConservation() }
        func open(_ host: Int, _ ports: Range<Int>) {
            for port in ports {
                world.send(
                    Frame.udp(from: "10.0.0.\(host):\(5000 + port)", to: "192.0.2.7:53"),
                    on: 0
                )
            }
        }
        open(10, 0..<15)
        #expect(world.take(1).count == 10 && world.drops(.sourcePortLimit) == 5)
        open(11, 0..<10)
        #expect(world.take(1).count == 10, "others are not touched")
        world.advance(.seconds(310))
        #expect(world.connectionCount == 0)
        open(10, 20..<30)
        #expect(world.take(1).count == 10 && world.drops(.sourcePortLimit) == 5)
    }

    @Test func `explain knows the way out, and which source holds its share of ports`() throws {
        let world = try world(Self.state { $0.portsPerSource = 10 })
        defer { world.expectConservation() }
        func told(_ host: Int, _ port: UInt16) throws -> Explanation {
            try world.explain(
                ExplanationRequest(
                    source: Endpoint(.v4(IPv4Address(10, 0, 0, UInt8(host))), port),
                    destination: Endpoint(.v4(IPv4Address(192, 0, 2, 7)), 53),
                    protocol: .udp,
                    interface: "dpdk0"
                )
            )
        }
        for port in 5000..<5009 {
            world.send(Frame.udp(from: "10.0.0.10:\(port)", to: "192.0.2.7:53"), on: 0)
        }
        // The tenth still fits, and being asked about takes nothing.
        for _ in 0..<3 {
            let tenth = try told(10, 6000)
            #expect(tenth.verdict == .forwarded)
            #expect(tenth.steps.contains { $0.name == "service" && $0.text.hasPrefix("out ") })
        }
        world.send(Frame.udp(from: "10.0.0.10:5009", to: "192.0.2.7:53"), on: 0)
        let refused = try told(10, 6000)
        #expect(refused.dropReason == "source_port_limit")
        #expect(refused.steps.contains { $0.name == "service" && $0.text.hasPrefix("out ") })
        #expect(try told(10, 5000).verdict == .forwarded, "what is open goes on")
        #expect(try told(11, 5000).verdict == .forwarded, "others are not touched")
        _ = world.take(1)
        world.send(Frame.udp(from: "10.0.0.10:6000", to: "192.0.2.7:53"), on: 0)
        #expect(world.take(1).isEmpty && world.drops(.sourcePortLimit) == 1)
    }

    @Test func `when no port is left toward a server the next one is refused, and gauges tell`()
        throws
    {
        let world = try World(
            Self.state { $0.portsPerSource = 1 << 20 },
            workers: 16,
            connections: 8192
        )
        world.hosts[1][IPv4Address(10, 0, 1, 254)] = Self.wan
        world.settle()
        let ports = LocalPortPool.ports.count {
            world.engine.steering.ipv4.owner(of: UInt16($0), flowHash: 0) == 0
        }
        for flow in 0..<(ports + 20) {
            world.send(
                Frame.udp(from: "10.0.0.10:\(2000 + flow)", to: "192.0.2.7:53"),
                on: 0
            )
        }
        let local = try #require(world.provisioner.totals().localAddresses.first)
        #expect(Int(local.used) == ports && local.exhausted == 20)
        #expect(world.drops(.noLocalPort) == 20)
        world.expectConservation()
    }

    @Test(arguments: [2, 3, 4])
    func `replies reach the worker that opened the connection`(workers: Int) throws {
        let scaling = ReceiveSideScaling(table: (0..<128).map { $0 % workers })
        let world = try world(workers: workers, scaling: scaling)
        defer { world.expectConservation() }
        for flow in 0..<200 {
            let from = "10.0.0.\(10 + flow % 30):\(20_000 + flow)"
            let to = "192.0.2.\(1 + flow % 7):53"
            world.links[0].deliverBySpreading(Frame.udp(from: from, to: to))
            world.settle()
            let request = try #require(world.take(1).first)
            world.links[1].deliverBySpreading(try reply(request))
            world.settle()
            #expect(world.take(0).first?.destination == Endpoint(from))
        }
        #expect(world.total(.directReplies) == 200 && world.total(.redirectedOut) == 0)
    }

    @Test func `an error of the Internet about a packet comes to the private host`() throws {
        let world = try world()
        defer { world.expectConservation() }
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "192.0.2.7:53"), on: 0)
        let request = try #require(world.take(1).first)
        let sent = Frame.udp(
            from: try #require(request.source).description,
            to: "192.0.2.7:53"
        )
        let error = Frame(.icmp(type: 3, code: 3, data: Array(sent[14...]))) {
            $0.source = IPv4Address(192, 0, 2, 7)
            $0.destination = IPv4Address(10, 0, 1, 200)
            $0.destinationMAC = World.portMACs[1]
        }
        world.send(error.octets, on: 1)
        let told = try #require(world.take(0).first)
        #expect(told.icmp?.type == 3 && told.destination?.address == IPAddress("10.0.0.10"))
        #expect(told.source?.address == IPAddress("192.0.2.7"))
    }

    @Test func `IPv6 hosts go out as well`() throws {
        var state = DesiredState.dual(.ipv6)
        state.services = [
            Service(
                key: Service.Key(
                    .match(
                        TrafficMatch(
                            source: .literal("2001:db8::/64"),
                            destination: .any(.ipv6)
                        )
                    ),
                    .udp
                ),
                name: "out",
                mode: .snat,
                localAddresses: [try required(IPAddress("2001:db8:1::200"))]
            )
        ]
        let world = try dualWorld(state)
        defer { world.expectConservation() }
        let request = IPPacket(
            from: "2001:db8::10",
            to: "2001:db8:1::2",
            17,
            IPPacket.udp(5000, 53, [1])
        )
        world.send(request, on: 0)
        let sent = try #require(world.takePackets(1).first)
        #expect(sent.source == IPAddress("2001:db8:1::200") && sent.isSound)
        #expect(sent.timeToLive == 63)
        let back = IPPacket(
            from: "2001:db8:1::2",
            to: "2001:db8:1::200",
            17,
            IPPacket.udp(53, sent.ports.source, [2])
        )
        world.send(back, on: 1)
        let answer = try #require(world.takePackets(0).first)
        #expect(answer.to == "[2001:db8::10]:5000" && answer.isSound)
    }

    @Test(arguments: [nil, Duration.seconds(60)])
    func `flows of UDP end with their SNAT service, or finish in its drainTimeout`(
        patience: Duration?
    ) throws {
        var state = Self.state(.udp)
        state.services[0].protection.drainTimeout = patience
        let world = try world(state)
        defer { world.expectConservation() }
        let datagram = Frame.udp(from: "10.0.0.10:5000", to: "192.0.2.7:53")
        world.send(datagram, on: 0)
        try world.change { $0.services = [] }
        _ = world.provisioner.reclaim()
        world.settle()
        world.send(datagram, Frame.udp(from: "10.0.0.10:5001", to: "192.0.2.7:53"), on: 0)
        #expect(world.take(1).count == (patience == nil ? 1 : 2))
        #expect(world.drops(.notForUs) == (patience == nil ? 2 : 1))
        #expect(world.connectionCount == (patience == nil ? 0 : 1))
    }
}

extension AddressRange {
    static func literal(_ text: String) -> AddressRange {
        guard let range = AddressRange(text) else { preconditionFailure("no range: \(text)") }
        return range
    }
}
