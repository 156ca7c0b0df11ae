// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import Packet
import PacketTesting
import Provisioning
import Testing
import Timing

@Suite struct PersistenceScenarios {
    private static func state(
        _ persistence: Persistence = Persistence(timeout: .seconds(60), mask: 32),
        scheduler: SchedulerKind = .rr,
        weights: [Int] = [1, 1, 1]
    ) -> DesiredState {
        var state = DesiredState.web(.udp, scheduler: scheduler, weights: weights)
        state.services[0].persistence = persistence
        state.services[0].connectionTimeout = .seconds(10)
        return state
    }

    /// To which backends new connections of a client go.
    private func backends(
        _ world: World,
        _ client: Int,
        _ ports: Range<Int>,
        queue: Int = 0
    ) -> Set<String> {
        for port in ports {
            world.send(
                Frame.udp(from: "10.0.0.\(client):\(port)", to: "10.0.0.100:80"),
                on: 0,
                queue: queue
            )
        }
        return Set(world.take(1).compactMap(\.destination?.address.description))
    }

    private func clients(_ world: World) -> Int {
        world.provisioner.persistentClients(at: world.now).values.reduce(0, +)
    }

    @Test func `the connections of a client go to one backend, those of others elsewhere`() throws {
        let world = try quickstartWorld(Self.state())
        defer { world.expectConservation() }
        let chosen = (10..<16).map { backends(world, $0, 5000..<5010) }
        #expect(chosen.allSatisfy { $0.count == 1 })
        #expect(Set(chosen.joined()).count == 3, "the scheduler chooses among clients")
        #expect(clients(world) == 6)
    }

    @Test func `a mask makes one client of a network`() throws {
        let world = try quickstartWorld(Self.state(Persistence(mask: 29)))
        defer { world.expectConservation() }
        let first = backends(world, 16, 5000..<5002)
        #expect((17..<24).allSatisfy { backends(world, $0, 5000..<5002) == first })
        #expect(clients(world) == 1)
    }

    @Test func `a client is remembered for its time after the last connection, and no longer`()
        throws
    {
        let world = try quickstartWorld(Self.state())
        defer { world.expectConservation() }
        let first = backends(world, 10, 5000..<5001)
        _ = backends(world, 11, 5000..<5001)
        // The connection is used for 100 seconds and ends 10 seconds later.
        for _ in 0..<20 {
            world.advance(.seconds(5))
            _ = backends(world, 10, 5000..<5001)
        }
        world.advance(.seconds(65))
        #expect(world.connectionCount == 0)
        #expect(backends(world, 10, 6000..<6001) == first)
        #expect(clients(world) == 1, "the other one is forgotten")
        world.advance(.seconds(90))
        #expect(clients(world) == 0)
    }

    @Test func `a drained backend keeps its clients, unless templates expire with it`() throws {
        let world = try quickstartWorld(Self.state())
        defer { world.expectConservation() }
        let first = backends(world, 10, 5000..<5001)
        func drain(_ state: inout DesiredState) {
            for index in state.services[0].backends.indices
            where first.contains(state.services[0].backends[index].endpoint.address.description) {
                state.services[0].backends[index].weight = 0
            }
        }
        try world.change(drain)
        #expect(backends(world, 10, 6000..<6003) == first)
        #expect(backends(world, 12, 6000..<6003).isDisjoint(with: first))
        try world.change {
            $0.settings.items["ipvs_defs.conn.expire_quiescent_template"] = .flag(true)
        }
        let moved = backends(world, 10, 7000..<7003)
        #expect(moved.count == 1 && moved != first)
        try world.change { state in
            for index in state.services[0].backends.indices {
                state.services[0].backends[index].weight = 1
            }
        }
        #expect(backends(world, 10, 8000..<8003) == moved, "it stays where it went")
    }

    @Test func `the clients of a removed backend move on, all others stay`() throws {
        let world = try quickstartWorld(Self.state())
        defer { world.expectConservation() }
        let before = (10..<22).map { backends(world, $0, 5000..<5001) }
        try world.change { state in
            state.services[0].backends
                .removeAll { $0.endpoint.address == .v4(IPv4Address(10, 0, 1, 2)) }
        }
        for (client, old) in zip(10..<22, before) {
            let new = backends(world, client, 6000..<6004)
            #expect(new.count == 1 && (old.contains("10.0.1.2") ? new != old : new == old))
        }
    }

    @Test func `what is remembered ends with the service`() throws {
        let world = try quickstartWorld(Self.state())
        defer { world.expectConservation() }
        let state = world.provisioner.state
        let before = (10..<22).map { backends(world, $0, 5000..<5001) }
        try world.change { $0.services = [] }
        world.settle()
        try world.apply(state)
        // In the other order, a client that was remembered would go where it was.
        let after = (10..<22).reversed().map { backends(world, $0, 6000..<6001) }
        #expect(before != Array(after.reversed()))
    }

    @Test func `one client has one backend at whatever worker its connections open`() throws {
        let world = try quickstartWorld(Self.state(scheduler: .wlc), workers: 4)
        defer { world.expectConservation() }
        var all: Set<String> = []
        for client in 10..<40 {
            let chosen = (0..<4).map { backends(world, client, 5000 + $0..<5001 + $0, queue: $0) }
            #expect(Set(chosen.joined()).count == 1, "client \(client)")
            all.formUnion(chosen.joined())
        }
        #expect(all.count == 3 && clients(world) == 30)
    }

    @Test func `the ports of a service share their clients, and its addresses do not`() throws {
        var state = Self.state()
        state.services[0].key = Service.Key(
            .destination(.literal("10.0.0.96/28"), .all),
            .udp
        )
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        func backend(_ to: String) -> String? {
            world.send(Frame.udp(from: "10.0.0.10:5000", to: to), on: 0)
            return world.take(1).first?.destination?.address.description
        }
        let first = backend("10.0.0.100:20")
        #expect(backend("10.0.0.100:21") == first && backend("10.0.0.100:7000") == first)
        #expect(backend("10.0.0.101:20") != first)
        #expect(clients(world) == 2)
    }
}
