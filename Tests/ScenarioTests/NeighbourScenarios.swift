// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Provisioning
import Testing

/// Neighbours whose link-layer addresses are given by files or by the kernel.
@Suite struct NeighbourScenarios {
    private static let given = MACAddress(rawValue: 0x0200_0000_0BAD)
    private static let other = MACAddress(rawValue: 0x0200_0000_0BEE)

    private func neighbour(
        _ family: Family,
        at mac: MACAddress = given,
        _ owner: Owner = .runtime
    ) throws -> Neighbour {
        Neighbour(
            interface: "dpdk1",
            address: try required(IPAddress(family.backend(20))),
            macAddress: mac,
            owner: owner
        )
    }

    /// A world with one backend that answers no question, which may be given.
    private func world(_ family: Family, _ neighbours: [Neighbour]) throws -> World {
        let backend = try required(IPAddress(family.backend(20)))
        var state = try family.state { $0.backends = [Backend(endpoint: Endpoint(backend, 80))] }
        state.neighbours = neighbours
        return try family.world(state)
    }

    /// Where packets of a client go.
    private func send(_ world: World, _ family: Family, port: UInt16) -> [MACAddress] {
        let request = IPPacket(
            from: family.client,
            to: family.vip,
            17,
            IPPacket.udp(port, 80, [1])
        )
        world.send(request, on: 0)
        return world.take(1).map(\.destinationMAC)
    }

    /// Questions for the backend that left since the last call.
    private func questions(_ world: World, _ family: Family) -> Int {
        let backend = family.backend(20)
        return world.takeARP(1).count { $0.arp?.target.description == backend }
            + world.takeLinkTalk(1)
            .count { $0.icmp?.type == 135 && $0.target?.description == backend }
    }

    @Test(arguments: Family.allCases)
    func `packets go where a neighbour is said to be, and nobody asks`(family: Family) throws {
        let world = try world(family, [try neighbour(family)])
        _ = questions(world, family)
        #expect(send(world, family, port: 4000) == [Self.given])
        world.advance(.seconds(700))
        #expect(send(world, family, port: 4001) == [Self.given])
        #expect(questions(world, family) == 0, "not in the time after which others are forgotten")
        #expect(world.slowPath.neighbourCount(in: .permanent) == 1)
        world.expectConservation()
    }

    @Test(arguments: Family.allCases)
    func `it comes, changes and goes while there is traffic`(family: Family) throws {
        let world = try world(family, [])
        world.advance(.seconds(10))
        #expect(send(world, family, port: 4000).isEmpty, "nobody answers")
        let known = try neighbour(family, at: Self.given, .kernel)
        try world.change { $0.neighbours = [known] }
        world.settle()
        #expect(world.take(1).map(\.destinationMAC) == [Self.given], "what waited goes out")
        #expect(send(world, family, port: 4000) == [Self.given])
        try world.change { $0.neighbours[0].macAddress = Self.other }
        #expect(send(world, family, port: 4000) == [Self.other])
        _ = questions(world, family)
        try world.change { $0.neighbours = [] }
        world.settle()
        #expect(questions(world, family) == 1, "it has to be found again")
        #expect(send(world, family, port: 4000).isEmpty)
        switch family {
        case .ipv4: world.hosts[1][IPv4Address(10, 0, 1, 20)] = .backend(20)
        case .ipv6: world.hosts6[1][.literal("2001:db8:1::20")] = .backend(20)
        }
        world.advance(.seconds(2))
        #expect(world.take(1).map(\.destinationMAC) == [.backend(20)])
        #expect(send(world, family, port: 4000) == [.backend(20)])
        world.expectConservation()
    }

    @Test func `what others say of it is not believed`() throws {
        let world = try world(.ipv4, [try neighbour(.ipv4)])
        world.send(
            Frame.arp(
                isReply: true,
                from: "10.0.1.20",
                at: Self.other,
                to: "10.0.1.1",
                at: World.portMACs[1]
            ),
            on: 1
        )
        #expect(send(world, .ipv4, port: 4000) == [Self.given])
        world.expectConservation()
    }

    @Test func `a gateway may be given, too`() throws {
        let far = Endpoint(try required(IPAddress("192.168.7.7")), 80)
        var state = try Family.ipv4.state { $0.backends = [Backend(endpoint: far)] }
        state.routes = [
            Route(
                destination: .literal("192.168.7.0/24"),
                gateway: IPAddress("10.0.1.20")
            )
        ]
        state.neighbours = [try neighbour(.ipv4)]
        let world = try World(state)
        world.settle()
        #expect(send(world, .ipv4, port: 4000) == [Self.given])
        world.expectConservation()
    }

    @Test func `one in a VLAN is reached with its tag, and goes with the VLAN`() throws {
        let tags = VLANTags(outer: 9)
        var state = try Family.ipv4.state { service in
            service.backends[0].endpoint.address = .v4(IPv4Address(10, 0, 9, 20))
            service.backends.removeLast()
        }
        let before = state
        state.vlans = [VLANInterface(name: "back", link: "dpdk1", id: 9)]
        state.addresses.append(
            InterfaceAddress(interface: "back", prefix: .literal("10.0.9.1/24"))
        )
        let away = Neighbour(
            interface: "back",
            address: .v4(IPv4Address(10, 0, 9, 20)),
            macAddress: Self.given
        )
        state.neighbours = [away]
        let world = try Family.ipv4.world(state)
        let request = IPPacket(
            from: "10.0.0.10",
            to: "10.0.0.100",
            17,
            IPPacket.udp(4000, 80, [1])
        )
        world.send(request, on: 0)
        let frames = world.take(1)
        #expect(frames.map(\.destinationMAC) == [Self.given])
        #expect(frames.first.map { Array($0.octets[12..<16]) } == tags.octets)
        try world.apply(before)
        world.advance(.seconds(10))
        #expect(world.slowPath.neighbourCount(in: .permanent) == 0)
        world.send(request, on: 0)
        #expect(world.take(1).isEmpty)
        world.expectConservation()
    }

    @Test func `packets for silent neighbours take no more than their share, and others none`()
        throws
    {
        var state = DesiredState.web(.udp)
        state.addresses[1].prefix = .literal("10.0.1.1/22")
        state.services[0].backends = (0..<300)
            .map { number in
                let address = IPv4Address(10, 0, UInt8(2 + number / 200), UInt8(1 + number % 200))
                return Backend(endpoint: Endpoint(.v4(address), 8080))
            }
        let limits = SlowPathLimits(neighbours: .init(totalLength: 64))
        let world = try quickstartWorld(state, slowPathLimits: limits)
        defer { world.expectConservation() }
        world.advance(.seconds(10))
        for client in 0..<300 {
            world.send(
                Frame.udp(from: "10.0.0.10:\(6000 + client)", to: "10.0.0.100:80"),
                on: 0
            )
        }
        #expect(world.slowPath.counters[.held] == 64)
        #expect(world.drops(.neighbourQueueFull) == 300 - 64)
        _ = world.takePackets(1)
        // The last one has its place, and gets there when its neighbour speaks up at last.
        let last = IPv4Address(10, 0, 3, 100)
        let mac = MACAddress.backend(9)
        world.send(
            Frame.arp(
                isReply: true,
                from: last.description,
                at: mac,
                to: "10.0.1.1",
                at: World.portMACs[1]
            ),
            on: 1
        )
        #expect(world.take(1).map(\.destinationMAC) == [mac])
        #expect(world.slowPath.counters[.held] == 63)
        world.advance(.seconds(5))
        #expect(world.slowPath.counters[.held] == 0)
    }
}
