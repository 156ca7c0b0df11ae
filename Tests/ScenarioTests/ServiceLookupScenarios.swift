// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Services of networks, of ranges of ports and of other people's packets.
@Suite struct ServiceLookupScenarios {
    private static func service(
        _ address: String,
        _ ports: PortRange,
        _ protocol: TransportProtocol = .udp,
        backend: String = "10.0.1.2:0",
        _ edit: (inout Service) -> Void = { _ in }
    ) -> Service {
        let key = Service.Key(.destination(.literal(address), ports), `protocol`)
        var service = Service(
            key: key,
            name: key.description,
            localAddresses: [.v4(IPv4Address(10, 0, 1, 200))],
            backends: [Endpoint(backend)].compactMap { $0.map { Backend(endpoint: $0) } }
        )
        edit(&service)
        return service
    }

    private static func state(_ services: Service...) -> DesiredState {
        var state = DesiredState.web()
        state.services = services
        return state
    }

    private func asked(_ world: World, _ to: String) -> String? {
        world.send(Frame.udp(from: "10.0.0.10:5000", to: to), on: 0)
        return world.take(1).first?.destination?.description
    }

    @Test func `one port, then a range around it, then all ports, then the network`() throws {
        let world = try quickstartWorld(
            Self.state(
                Self.service("10.0.0.96/28", .all, backend: "10.0.1.5:0"),
                Self.service("10.0.0.100/32", .all, backend: "10.0.1.4:0"),
                Self.service("10.0.0.100/32", PortRange(8000...8999), backend: "10.0.1.3:0"),
                Self.service("10.0.0.100/32", PortRange(8080), backend: "10.0.1.2:9090")
            )
        )
        defer { world.expectConservation() }
        #expect(asked(world, "10.0.0.100:8080") == "10.0.1.2:9090")
        #expect(asked(world, "10.0.0.100:8081") == "10.0.1.3:8081")
        #expect(asked(world, "10.0.0.100:53") == "10.0.1.4:53")
        #expect(asked(world, "10.0.0.101:53") == "10.0.1.5:53")
        #expect(asked(world, "10.0.0.112:53") == nil)
    }

    @Test func `replies come from the address and port that the client asked`() throws {
        let world = try quickstartWorld(Self.state(Self.service("10.0.0.96/28", .all)))
        defer { world.expectConservation() }
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.103:777"), on: 0)
        let request = try #require(world.take(1).first)
        let back = Frame.udp(
            from: "10.0.1.2:777",
            to: try #require(request.source).description
        ) { $0.destinationMAC = World.portMACs[1] }
        world.send(back, on: 1)
        let reply = try #require(world.take(0).first)
        #expect(reply.source == Endpoint("10.0.0.103:777") && reply.hasValidChecksums)
    }

    @Test func `every address of a network answers ARP and echo, and none is announced`() throws {
        let world = try World(Self.state(Self.service("10.0.0.96/28", .all)))
        defer { world.expectConservation() }
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        world.settle()
        let announced = world.takeARP(0).compactMap(\.arp?.sender)
        #expect(!announced.contains { (96...111).contains($0.rawValue & 0xFF) })
        for last in [96, 103, 111] {
            world.send(
                Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.\(last)"),
                Frame.echo(from: "10.0.0.10", to: "10.0.0.\(last)"),
                on: 0
            )
            let reply = try #require(world.takeARP(0).last?.arp)
            #expect(reply.operation == 2 && reply.sender == IPv4Address(10, 0, 0, UInt8(last)))
            let echo = try #require(world.take(0).first)
            #expect(echo.icmp?.type == 0)
            #expect(echo.source?.address == .v4(IPv4Address(10, 0, 0, UInt8(last))))
        }
        world.send(Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.112"), on: 0)
        #expect(world.takeARP(0).isEmpty)
    }

    @Test func `an address of an IPv6 network is answered for, too`() throws {
        var state = DesiredState.dual(.ipv6, .fnat, .udp)
        state.services[0].key = Service.Key(
            .destination(.literal("2001:db8::1:0/112"), PortRange(80)),
            .udp
        )
        let world = try dualWorld(state)
        defer { world.expectConservation() }
        let packet = IPPacket(
            from: "2001:db8::10",
            to: "2001:db8::1:beef",
            17,
            IPPacket.udp(5000, 80, [1])
        )
        world.send(packet, on: 0)
        #expect(world.takePackets(1).first?.to == "[2001:db8:1::2]:8080")
    }

    @Test func `a port that no service has is refused as on any own address`() throws {
        let world = try quickstartWorld(Self.state(Self.service("10.0.0.96/28", PortRange(53))))
        defer { world.expectConservation() }
        #expect(asked(world, "10.0.0.97:54") == nil)
        #expect(world.take(0).first?.icmp?.type == 3 && world.drops(.noService) == 1)
    }

    @Test func `packets to others are balanced when a match says so`() throws {
        var service = Self.service("10.0.0.100/32", .all)
        service.key = Service.Key(
            .match(
                TrafficMatch(
                    source: .literal("10.0.0.10-10.0.0.12"),
                    destination: .literal("10.0.1.64/26"),
                    ports: PortRange(53)
                )
            ),
            .udp
        )
        let world = try quickstartWorld(Self.state(service))
        defer { world.expectConservation() }
        #expect(asked(world, "10.0.1.77:53") == "10.0.1.2:53")
        #expect(asked(world, "10.0.1.77:54") == nil && world.drops(.notForUs) == 1)
    }

    @Test func `a service with a firewall mark is kept and gets nothing`() throws {
        var service = Self.service("10.0.0.100/32", .all)
        service.key = Service.Key(.mark(7), .udp)
        let world = try quickstartWorld(Self.state(service))
        defer { world.expectConservation() }
        #expect(asked(world, "10.0.0.100:53") == nil && world.drops(.notForUs) == 1)
        #expect(world.provisioner.totals().services.map(\.service.key) == [service.key])
    }

    // MARK: - One packet at a time

    private static func onePacket(_ mode: ForwardingMode) -> DesiredState {
        var state = DesiredState.web(.udp, weights: [1, 1])
        state.services[0].mode = mode
        state.services[0].isOnePacket = true
        state.services[0].localAddresses = []
        state.services[0].backends = [2, 3]
            .map { Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, $0)), 80)) }
        return state
    }

    @Test(arguments: [ForwardingMode.dr, .tunnel])
    func `each packet is scheduled by itself, and no connection remains`(
        mode: ForwardingMode
    ) throws {
        let world = try quickstartWorld(Self.onePacket(mode))
        defer { world.expectConservation() }
        let datagram = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        for _ in 0..<6 { world.send(datagram, on: 0) }
        let macs = world.take(1).map(\.destinationMAC)
        #expect(macs.count == 6)
        #expect(macs.filter { $0 == .backend(2) }.count == 3, "they take turns")
        #expect(macs.filter { $0 == .backend(3) }.count == 3)
        #expect(world.connectionCount == 0)
        let sum = world.provisioner.totals().services[0].sum
        #expect(sum[BackendCounter.connections.rawValue] == 6)
        #expect(sum[BackendCounter.incomingPackets.rawValue] == 6)
        #expect(sum[BackendCounter.inactive.rawValue] == 0)
    }

    @Test(arguments: [ForwardingMode.dr, .tunnel])
    func `a datagram in fragments is scheduled by itself, too, and its fragments stay together`(
        mode: ForwardingMode
    ) throws {
        let world = try quickstartWorld(Self.onePacket(mode))
        defer { world.expectConservation() }
        let data = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
        let whole = IPPacket(
            from: "10.0.0.10",
            to: "10.0.0.100",
            17,
            IPPacket.udp(5000, 80, data)
        )
        .withChecksum
        for identification in 1...6 as ClosedRange<UInt32> {
            let fragments = whole.fragments(of: 1200, identification: identification)
            world.send(fragments, on: 0)
            let macs = world.take(1).map(\.destinationMAC)
            #expect(macs.count == fragments.count && Set(macs).count == 1)
            let turn: MACAddress = identification % 2 == 1 ? .backend(2) : .backend(3)
            #expect(macs.first == turn, "they take turns")
        }
        // A whole one of the same flow goes its own way.
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        #expect(world.take(1).first?.destinationMAC == .backend(2))
        world.advance(.seconds(17))
        #expect(world.connectionCount == 0)
        let sum = world.provisioner.totals().services[0].sum
        #expect(sum[BackendCounter.connections.rawValue] == 7)
        #expect(sum[BackendCounter.inactive.rawValue] == 0)
    }

    @Test func `a packet that waits for its neighbour needs no connection either`() throws {
        let world = try quickstartWorld(Self.onePacket(.dr))
        defer { world.expectConservation() }
        world.hosts[1] = [:]
        world.advance(.seconds(200))
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        #expect(world.connectionCount == 0)
        for last in 2...3 { world.hosts[1][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last) }
        world.advance(.seconds(3))
        #expect(world.take(1).count == 1)
    }
}
