// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// What verdicts of health checks do to packets; who finds them out does not matter here.
@Suite struct HealthCheckScenarios {
    private func world(
        _ transport: TransportProtocol = .tcp,
        scheduler: SchedulerKind = .rr,
        workers: Int = 1,
        _ change: (inout Service) -> Void = { _ in }
    ) throws -> World {
        var state = DesiredState.web(transport, scheduler: scheduler)
        state.services[0].protection.healthCheck = HealthCheck(.ping)
        if scheduler == .mh { state.services[0].schedulerOptions.flags = [.mhPort] }
        if scheduler == .sh { state.services[0].schedulerOptions.flags = [.shPort] }
        change(&state.services[0])
        return try quickstartWorld(state, workers: workers)
    }

    private func chosen(_ world: World, _ count: Int, from port: Int) -> Set<String> {
        Set((0..<count).compactMap { TCPTalk(world, from: "10.0.0.10:\(port + $0)")?.backend })
    }

    @Test(arguments: SchedulerKind.allCases)
    func `a backend that fails gets no new connections under any scheduler, without a reload`(
        scheduler: SchedulerKind
    ) throws {
        let world = try world(scheduler: scheduler)
        defer { world.expectConservation() }
        let before = world.provisioner.compiledIdentities
        world.judge(2, false)
        #expect(chosen(world, 20, from: 31000) == ["10.0.1.3:8080"])
        #expect(world.provisioner.totals().services[0].conditions[0] == .failed)
        world.judge(2, true)
        world.judge(3, false)
        #expect(chosen(world, 20, from: 32000) == ["10.0.1.2:8080"])
        #expect(world.provisioner.compiledIdentities == before)
    }

    @Test func `connections of a backend that fails go on, and its unanswered SYN goes elsewhere`()
        throws
    {
        let world = try world()
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world, from: "10.0.0.10:30000"))
        let last = talk.backend == "10.0.1.2:8080" ? 2 : 3
        world.judge(last, false)
        talk.ask(Frame.ack)
        #expect(world.connectionCount == 1)
        let service = world.provisioner.state.services[0]
        #expect(try world.backend(.active, talk.backend, of: service) == 1)
    }

    @Test func `when all fail all serve, unless none shall`() throws {
        let world = try world()
        defer { world.expectConservation() }
        world.judge(2, false)
        world.judge(3, false)
        #expect(chosen(world, 8, from: 31000).count == 2)
        #expect(world.provisioner.takeCheckNotices().count == 1)
        try world.change { $0.services[0].protection.healthPanic = .serveNone }
        #expect(chosen(world, 4, from: 32000) == [])
    }

    @Test func `a new backend that begins down gets nothing from its first snapshot on`() throws {
        let world = try world { $0.protection.healthCheck?.beginsDown = true }
        defer { world.expectConservation() }
        #expect(chosen(world, 4, from: 31000) == [])
        world.judge(2, true)
        #expect(chosen(world, 4, from: 32000) == ["10.0.1.2:8080"])
        let third = try #require(Endpoint("10.0.1.4:8080"))
        try world.change { $0.services[0].backends.append(Backend(endpoint: third)) }
        #expect(chosen(world, 8, from: 33000) == ["10.0.1.2:8080"])
    }

    @Test func `a verdict outlives reloads, and the backend's absence`() throws {
        let world = try world()
        defer { world.expectConservation() }
        world.judge(2, false)
        try world.change { $0.services[0].connectionTimeout = .seconds(99) }
        #expect(chosen(world, 4, from: 31000) == ["10.0.1.3:8080"])
        let removed = world.provisioner.state.services[0].backends[0]
        try world.change { $0.services[0].backends.removeFirst() }
        world.settle()
        try world.change { $0.services[0].backends.append(removed) }
        #expect(chosen(world, 4, from: 32000) == ["10.0.1.3:8080"])
        try world.change { $0.services[0].protection.healthCheck = nil }
        #expect(chosen(world, 4, from: 33000).count == 2)
    }

    @Test func `clients of UDP leave a backend that fails and does not answer them`() throws {
        let world = try world(.udp)
        defer { world.expectConservation() }
        let first = try #require(world.ask(10))
        #expect(world.ask(10) == first)
        world.judge(first, false)
        _ = world.provisioner.watchHealth(at: world.now)
        world.settle()
        #expect(world.ask(10) == 5 - first)
    }

    @Test func `a passive exclusion does not take the last backend that passes its check`() throws {
        let world = try world { $0.protection.destCheck = DestCheck() }
        defer { world.expectConservation() }
        world.judge(2, false)
        let talk = try #require(TCPTalk(world, from: "10.0.0.10:30000", isAnswered: false))
        talk.answer(Frame.rstAck)
        #expect(world.provisioner.watchHealth(at: world.now).isEmpty)
        #expect(chosen(world, 2, from: 31000) == ["10.0.1.3:8080"])
    }

    @Test func `explain tells which backends were no choice`() throws {
        let world = try world()
        world.judge(2, false)
        let request = ExplanationRequest(
            source: try #require(Endpoint("10.0.0.10:5000")),
            destination: try #require(Endpoint("10.0.0.100:80")),
            protocol: .tcp
        )
        let told = try world.explain(request).steps.filter { $0.name == "health" }.map(\.text)
        #expect(told == ["get no new connections by their health check: 10.0.1.2:8080"])
    }
}

extension World {
    /// The verdict on 10.0.1.`last`.
    fileprivate func judge(_ last: Int, _ isHealthy: Bool?) {
        let service = provisioner.state.services[0]
        let verdicts = service.backends.map(\.endpoint)
            .filter { $0.address == IPAddress("10.0.1.\(last)") }
            .map { CheckVerdict(service: service.key, endpoint: $0, isHealthy: isHealthy) }
        #expect(verdicts.count == 1)
        provisioner.judge(verdicts)
    }
}
