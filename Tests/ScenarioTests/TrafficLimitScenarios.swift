// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// What `rateLimit.packets`, `rateLimit.bits` and `packetShare` let through.
@Suite struct TrafficLimitScenarios {
    struct Way: CustomTestStringConvertible {
        var families: Families
        var mode: ForwardingMode
        var testDescription: String { "\(families) \(mode)" }

        static let all =
            [Families.ipv4, .ipv6]
            .flatMap { families in
                [ForwardingMode.fnat, .nat, .dr, .tunnel].map { Way(families: families, mode: $0) }
            } + [Way(families: .nat64, mode: .fnat)]
    }

    private static let udp: UInt8 = 17

    private func world(_ way: Way, _ protection: Protection) throws -> World {
        let tunnel = way.mode == .tunnel ? Tunnel(kind: .ipip) : nil
        var state = DesiredState.dual(way.families, way.mode, .udp, tunnel: tunnel)
        state.services[0].protection = protection
        return try dualWorld(state)
    }

    /// How many of some datagrams of a client reach the backend.
    private func ask(_ world: World, _ families: Families, count: Int, size: Int = 10) -> Int {
        let data = Array(repeating: UInt8(1), count: size)
        for _ in 0..<count {
            let payload = IPPacket.udp(5000, 80, data)
            world.send(IPPacket(from: families.client, to: families.vip, Self.udp, payload), on: 0)
        }
        return world.takePackets(1).count
    }

    @Test(arguments: Way.all)
    func `a reload sets and lifts the limit of established connections`(way: Way) throws {
        let world = try world(way, Protection())
        defer { world.expectConservation() }
        #expect(ask(world, way.families, count: 5) == 5)
        try world.change { $0.services[0].protection.rateLimit.packets = 1 }
        world.settle()
        #expect(ask(world, way.families, count: 5) == 1)
        #expect(world.drops(.servicePacketRate) == 4)
        let service = world.provisioner.state.services[0]
        let backend = service.backends[0].endpoint.description
        #expect(try world.backend(.incomingPackets, backend, of: service) == 6)
        world.advance(.seconds(1))
        #expect(ask(world, way.families, count: 5) == 1)
        try world.change { $0.services[0].protection.rateLimit.packets = nil }
        world.settle()
        #expect(ask(world, way.families, count: 5) == 5)
        #expect(world.connectionCount == 1)
    }

    @Test(arguments: Way.all)
    func `connections that open under a limit are under it`(way: Way) throws {
        let world = try world(way, Protection(rateLimit: RateLimit(bits: 8 * 1000)))
        defer { world.expectConservation() }
        #expect(ask(world, way.families, count: 5, size: 972) == 1)
        #expect(world.drops(.serviceBitRate) == 4)
        world.advance(.seconds(1))
        #expect(ask(world, way.families, count: 1, size: 972) == 1)
    }

    @Test(arguments: [1, 2])
    func `clients of all workers together send as many packets as the limit says`(
        workers: Int
    ) throws {
        var state = DesiredState.web(.udp)
        state.services[0].protection = Protection(rateLimit: RateLimit(packets: 100))
        let world = try quickstartWorld(state, workers: workers)
        defer { world.expectConservation() }
        var passed = 0
        for step in 0..<200 {
            let client = 10 + step % 8
            for port in 0..<3 where world.ask(client, port: 5000 + port, on: step % workers) != nil
            {
                passed += 1
            }
            world.advance(.milliseconds(10))
        }
        #expect((200...212).contains(passed), "\(passed)")
        #expect(world.drops(.servicePacketRate) == 600 - passed)
    }

    @Test func `what backends answer is not counted`() throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world))
        try world.change { $0.services[0].protection.rateLimit.packets = 1 }
        world.settle()
        for _ in 0..<10 { talk.answer(data: [1]) }
        #expect(world.take(0).count == 10)
        talk.ask(data: [1])
        talk.ask(data: [1])
        #expect(world.take(1).count == 1 && world.drops(.servicePacketRate) == 1)
    }

    @Test(arguments: [nil, 1_000_000])
    func `the client's address is told under a limit as without one`(limit: Int?) throws {
        var state = DesiredState.web()
        state.services[0].protection.rateLimit.packets = limit
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world))
        _ = world.takePackets(1)
        talk.ask(data: [1])
        #expect(world.takePackets(1).last?.payload.dropFirst(20).first == 254)
        talk.answer(data: [2])
        talk.ask(data: [3], sequence: talk.clientSequence + 1)
        let last = try #require(world.takePackets(1).last)
        #expect(last.payload.count == 21 && last.payload.last == 3, "plain again")
        #expect(world.take(0).last?.data == [2])
    }

    @Test func `a share of the packets goes on, both ways`() throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world))
        try world.change { $0.services[0].protection.packetShare = 30 }
        world.settle()
        for _ in 0..<1000 {
            talk.ask(data: [1])
            talk.answer(data: [1])
        }
        let (asked, answered) = (world.take(1).count, world.take(0).count)
        #expect((230...370).contains(asked) && (230...370).contains(answered))
        #expect(world.drops(.serviceShare) == 2000 - asked - answered)
        try world.change { $0.services[0].protection.packetShare = 100 }
        world.settle()
        for _ in 0..<10 { talk.ask(data: [1]) }
        #expect(world.take(1).count == 10)
    }

    @Test func `SNAT is limited as well, and goes on as a hop`() throws {
        var service = Service(
            key: Service.Key(
                .match(TrafficMatch(source: .literal("10.0.0.0/24"), destination: .any(.ipv4))),
                .udp
            ),
            name: "out",
            mode: .snat,
            localAddresses: [.v4(IPv4Address(10, 0, 1, 200))]
        )
        service.protection.rateLimit.packets = 1
        var state = DesiredState.web(.udp)
        state.services = [service]
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        func ask() -> IPPacket? {
            world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.1.9:53"), on: 0)
            return world.takePackets(1).last
        }
        let packet = try #require(ask())
        #expect(packet.timeToLive == 63 && packet.isSound && packet.from.hasPrefix("10.0.1.200:"))
        #expect(ask() == nil && world.drops(.servicePacketRate) == 1)
    }
}
