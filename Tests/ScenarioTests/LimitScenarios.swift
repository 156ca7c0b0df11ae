// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct LimitScenarios {
    private func state(
        _ scheduler: SchedulerKind = .rr,
        backends: [(most: Int?, least: Int?)] = [(nil, nil), (nil, nil)],
        protection: Protection = Protection()
    ) -> DesiredState {
        var state = DesiredState.web(
            .udp,
            scheduler: scheduler,
            weights: backends.map { _ in 1 }
        )
        state.services[0].protection = protection
        for (index, limit) in backends.enumerated() {
            state.services[0].backends[index].maxConnections = limit.most
            state.services[0].backends[index].minConnections = limit.least
        }
        return state
    }

    @Test(arguments: [1, 4])
    func `a backend gets as many connections as its limit says over all workers`(
        workers: Int
    ) throws {
        let world = try quickstartWorld(state(backends: [(3, nil), (nil, nil)]), workers: workers)
        let chosen = (0..<40)
            .compactMap { world.ask(10 + $0 % 20, port: 5000 + $0, on: $0 % workers) }
        #expect(chosen.count == 40)
        #expect(chosen.count { $0 == 2 } == 3)
        #expect(world.engine.conditions.areAllUsable == false)
        world.expectConservation()
    }

    @Test(arguments: SchedulerKind.allCases)
    func `under every scheduler a full backend is passed over`(scheduler: SchedulerKind) throws {
        var desired = state(scheduler, backends: [(2, nil), (2, nil), (2, nil)])
        if scheduler == .mh { desired.services[0].schedulerOptions.flags = [.mhFallback] }
        if scheduler == .sh { desired.services[0].schedulerOptions.flags = [.shFallback] }
        let world = try quickstartWorld(desired)
        // The table of dh has no fallback: it knows one backend.
        let room = scheduler == .dh ? 2 : 6
        #expect((0..<20).compactMap { world.ask(10 + $0) }.count == room)
        #expect(world.drops(.noBackend) == 20 - room)
        world.expectConservation()
    }

    @Test func `a backend that was full waits until it is below its lower limit`() throws {
        let world = try quickstartWorld(state(backends: [(4, 2)]), workers: 2)
        for client in 10..<14 {
            #expect(world.ask(client, on: client % 2) == 2)
            world.advance(.seconds(60))
        }
        #expect(world.ask(20) == nil)
        // Connections end 300 s after their only packet: one, then two are gone.
        world.advance(.seconds(61))
        #expect(world.ask(20) == nil && world.connectionCount == 3)
        world.advance(.seconds(60))
        #expect(world.ask(21, on: 1) == nil && world.connectionCount == 2)
        world.advance(.seconds(60))
        #expect(world.ask(22, on: 1) == 2 && world.connectionCount == 2)
        world.expectConservation()
    }

    @Test func `without a lower limit it waits for one connection to end`() throws {
        let world = try quickstartWorld(state(backends: [(2, nil)]))
        #expect(world.ask(10) == 2)
        world.advance(.seconds(100))
        #expect(world.ask(11) == 2 && world.ask(12) == nil)
        world.advance(.seconds(201))
        #expect(world.ask(12) == 2 && world.ask(13) == nil)
        world.expectConservation()
    }

    @Test func `a reload that lifts the limit counts at once, one that lowers it ends nothing`()
        throws
    {
        let world = try quickstartWorld(state(backends: [(2, nil)]))
        #expect((0..<4).compactMap { world.ask(10 + $0) }.count == 2)
        try world.change { $0.services[0].backends[0].maxConnections = 4 }
        #expect((0..<4).compactMap { world.ask(20 + $0) }.count == 2)
        try world.change { $0.services[0].backends[0].maxConnections = 1 }
        #expect(world.ask(30) == nil && world.connectionCount == 4)
        #expect(world.ask(10) == 2, "the connection goes on")
        try world.change { $0.services[0].backends[0].maxConnections = nil }
        #expect((0..<4).compactMap { world.ask(31 + $0) }.count == 4)
        world.expectConservation()
    }

    @Test(arguments: [1, 3])
    func `a service has as many connections as its limit says`(workers: Int) throws {
        let desired = state(protection: Protection(maxConnections: 5))
        let world = try quickstartWorld(desired, workers: workers)
        #expect((0..<9).compactMap { world.ask(10 + $0, on: $0 % workers) }.count == 5)
        #expect(world.drops(.serviceConnectionLimit) == 4)
        let totals = try #require(world.provisioner.totals().services.first)
        #expect(totals.refused.overLimit == 4)
        world.advance(.seconds(301))
        #expect((0..<9).compactMap { world.ask(10 + $0, on: $0 % workers) }.count == 5)
        world.expectConservation()
    }

    @Test func `connections of backends that are gone count for the service`() throws {
        let world = try quickstartWorld(state(protection: Protection(maxConnections: 4)))
        #expect((0..<4).compactMap { world.ask(10 + $0) }.count == 4)
        try world.change { $0.services[0].backends.removeFirst() }
        #expect(world.ask(20) == nil)
        world.advance(.seconds(301))
        #expect(world.ask(20) == 3)
        world.expectConservation()
    }

    @Test(arguments: [1, 2])
    func `new connections come no faster than the rate`(workers: Int) throws {
        let rate = RateLimit(connections: 50)
        let desired = state(protection: Protection(rateLimit: rate))
        let world = try quickstartWorld(desired, workers: workers)
        var opened = 0
        for step in 0..<100 {
            opened += (0..<workers)
                .count { queue in
                    world.ask(10 + step % 20, port: 5000 + step * 4 + queue, on: queue) != nil
                }
            world.advance(.milliseconds(10 * workers))
        }
        let seconds = workers
        #expect((50 * seconds...50 * seconds + 6).contains(opened), "\(opened)")
        #expect(world.drops(.serviceRateLimit) == 100 * workers - opened)
        #expect(world.ask(10) != nil, "established connections do not count")
        world.expectConservation()
    }

    @Test func `a connection that found no port or no backend leaves no count behind`() throws {
        let world = try quickstartWorld(
            state(backends: [(2, nil)], protection: Protection(maxConnections: 3)),
            connections: 1
        )
        #expect(world.ask(10) == 2 && world.ask(11) == nil && world.ask(12) == nil)
        #expect(world.drops(.connectionTableFull) == 2)
        let service = world.provisioner.state.services[0]
        #expect(try world.backend(.claimed, "10.0.1.2:8080", of: service) == 1)
        #expect(world.engine.total(ServiceCounter.claimed, slot: 0) == 1)
        world.advance(.seconds(301))
        #expect(try world.backend(.claimed, "10.0.1.2:8080", of: service) == 0)
        #expect(world.engine.total(ServiceCounter.claimed, slot: 0) == 0)
        world.expectConservation()
    }
}
