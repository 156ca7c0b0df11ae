// SPDX-License-Identifier: Apache-2.0
import Addressing
import Foundation
import HealthChecking
import Model
import Synchronization
import Testing

/// Real probes over the loopback interface.
@Suite struct HealthCheckerTests {
    private static let vip = IPAddress.v4(IPv4Address(10, 0, 0, 100))
    private static let loopback = IPAddress.v4(IPv4Address(127, 0, 0, 1))

    /// A state with one service, whose only backend is 127.0.0.1:`port`.
    private func state(
        _ port: UInt16,
        _ probe: HealthProbe,
        rise: Int = 1,
        fall: Int = 1
    )
        -> DesiredState
    {
        var service = Service(
            key: .init(address: Self.vip, port: 80, protocol: .tcp),
            name: "web",
            clientAddress: ClientAddressMode.none
        )
        service.protection.healthCheck = HealthCheck(
            probe,
            interval: .milliseconds(100),
            timeout: .milliseconds(80),
            rise: rise,
            fall: fall
        )
        service.backends = [Backend(endpoint: Endpoint(Self.loopback, port))]
        return DesiredState(services: [service])
    }

    /// A checker that follows `states` around `body`, which gets its verdicts.
    private func check(
        _ state: DesiredState,
        _ body: (HealthChecker, inout AsyncStream<CheckEvent>.Iterator) async throws -> Void
    ) async throws {
        let checker = HealthChecker()
        await checker.prepare()
        await checker.follow(state)
        var events = checker.events.makeAsyncIterator()
        do {
            try await body(checker, &events)
        } catch {
            await checker.shutDown()
            throw error
        }
        await checker.shutDown()
    }

    /// The next verdict, in words.
    private func next(_ events: inout AsyncStream<CheckEvent>.Iterator) async throws -> String? {
        switch await events.next() {
        case .verdicts(let changes):
            return changes.map { $0.sentence ?? "nothing is known" }.joined(separator: "; ")
        case .notice(let text): return text
        case nil: return nil
        }
    }

    private func verdict(_ state: DesiredState) async throws -> String {
        var result = ""
        try await check(state) { _, events in result = try await next(&events) ?? "" }
        let place = try #require(result.range(of: "backend 127.0.0.1:"))
        return String(result[place.upperBound...].drop { $0.isNumber }.dropFirst())
    }

    private static let passes = "passes its health check"

    /// A port where nobody listens.
    private func closedPort() async throws -> UInt16 {
        var port: UInt16 = 0
        try await LoopbackServer.withTCP(nil) { port = $0.port }
        return port
    }

    @Test(.timeLimit(.minutes(1)))
    func `TCP passes where somebody listens, and fails where nobody does`() async throws {
        try await LoopbackServer.withTCP(nil) { server async throws in
            #expect(try await verdict(state(server.port, .tcp(.init()))) == Self.passes)
            let asking = HealthProbe.tcp(.init(send: [1], expect: [2]))
            let hangs = "fails its health check: no answer in time"
            #expect(try await verdict(state(server.port, asking)) == hangs)
        }
        let refused = "fails its health check: connection refused"
        let closed = state(try await closedPort(), .tcp(.init()))
        #expect(try await verdict(closed) == refused)
    }

    @Test(.timeLimit(.minutes(1)))
    func `HTTP follows the status of the backend`() async throws {
        try await LoopbackServer.withTCP("HTTP/1.1 200 OK\r\n\r\n") { server async throws in
            let state = state(server.port, .http(.init()), rise: 2, fall: 2)
            try await check(state) { checker, events in
                let backend = "service web: backend 127.0.0.1:\(server.port)"
                #expect(try await next(&events) == "\(backend) \(Self.passes)")
                server.says("HTTP/1.1 503 Down\r\n\r\n")
                let fails = "\(backend) fails its health check: status 503"
                #expect(try await next(&events) == fails)
                server.says("HTTP/1.1 200 OK\r\n\r\n")
                #expect(try await next(&events) == "\(backend) \(Self.passes) again")
                let reading = try #require(await checker.readings().values.first)
                #expect(reading.state == .healthy && reading.bad >= 2 && reading.good >= 3)
                #expect(reading.duration > 0 && reading.duration < 0.08)
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `UDP fails by "port unreachable" and passes by silence and by an answer`() async throws {
        try await LoopbackServer.withUDP(nil) { server async throws in
            #expect(try await verdict(state(server.port, .udp(.init()))) == Self.passes)
            let asking = HealthProbe.udp(.init(send: [1], expect: Array("pong".utf8)))
            let silent = "fails its health check: no answer in time"
            #expect(try await verdict(state(server.port, asking)) == silent)
            server.says("a pong")
            #expect(try await verdict(state(server.port, asking)) == Self.passes)
            #expect(server.visits.load(ordering: .relaxed) >= 3, "empty datagrams arrive, too")
        }
        let refused = "fails its health check: connection refused"
        let closed = state(try await closedPort(), .udp(.init()))
        #expect(try await verdict(closed) == refused)
    }

    @Test(.timeLimit(.minutes(1)))
    func `an echo request is answered by the kernel`() async throws {
        #expect(try await verdict(state(9, .ping)) == Self.passes)
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            (["/bin/sh", "-c", "test $DPVS_ADDRESS:$DPVS_PORT = 127.0.0.1:9"], passes),
            (["/bin/sh", "-c", "exit 3"], "fails its health check: ended with status 3"),
            (
                ["/bin/sh", "-c", "sleep 60 & wait"],
                "fails its health check: takes longer than 80ms"
            ),
        ]
    )
    func `a script decides by its status and its time`(words: [String], result: String) async throws
    {
        var slow = state(9, .script(.init(words: words)))
        if result == Self.passes || result.hasSuffix("3") {
            slow.services[0].protection.healthCheck?.timeout = .seconds(20)
        }
        #expect(try await verdict(slow) == result)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a program that is not there says nothing of the backend, and is told once`() async throws
    {
        try await check(state(9, .script(.init(words: ["/nowhere/check"])))) { checker, events in
            let notice = try #require(try await next(&events))
            #expect(notice.hasPrefix("health checks (script): /nowhere/check cannot be run"))
            try await Task.sleep(for: .milliseconds(300))
            let reading = try #require(await checker.readings().values.first)
            #expect(reading.state == .unknown && reading.unable >= 2)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `what is known stays over a change of times and weights, and goes with the question`()
        async throws
    {
        try await LoopbackServer.withTCP(nil) { server async throws in
            var state = state(server.port, .tcp(.init()))
            try await check(state) { checker, events in
                #expect(try await next(&events)?.hasSuffix(Self.passes) == true)
                state.services[0].backends[0].weight = 7
                state.services[0].protection.healthCheck?.interval = .seconds(60)
                await checker.follow(state)
                var reading = try #require(await checker.readings().values.first)
                #expect(reading.state == .healthy && reading.good >= 1)

                state.services[0].protection.healthCheck?.probe = .http(.init())
                await checker.follow(state)
                reading = try #require(await checker.readings().values.first)
                #expect(reading.state == .unknown)
                #expect(try await next(&events) == "nothing is known")

                state.services[0].protection.healthCheck = nil
                await checker.follow(state)
                #expect(await checker.readings().isEmpty)
                #expect(await checker.load == CheckLoad())
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `of several checks of a backend all must be good`() async throws {
        let closed = try await closedPort()
        try await LoopbackServer.withTCP(nil) { server async throws in
            var state = state(server.port, .tcp(.init()))
            let check = try #require(state.services[0].protection.healthCheck)
            var other = check
            other.port = closed
            state.services[0].backends[0].healthCheck = .own([check, other])
            #expect(try await verdict(state) == "fails its health check: connection refused")
            state.services[0].backends[0].healthCheck = .own([check, HealthCheck(.ping)])
            #expect(try await verdict(state) == Self.passes)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `backends of several services that are asked the same share the question`() async throws {
        try await LoopbackServer.withTCP(nil) { server async throws in
            var state = state(server.port, .tcp(.init()))
            var other = state.services[0]
            other.key = .init(address: Self.vip, port: 81, protocol: .tcp)
            other.name = "other"
            state.services.append(other)
            try await check(state) { checker, events in
                guard case .verdicts(let changes) = await events.next() else {
                    Issue.record("no verdicts")
                    return
                }
                #expect(Set(changes.map(\.serviceName)) == ["web", "other"])
                #expect(await checker.load.probes == 1)
                #expect(await checker.readings().count == 2)
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `more probes than may run at once wait for their turn, and all are made`() async throws {
        try await LoopbackServer.withTCP(nil) { server async throws in
            var state = state(server.port, .tcp(.init(send: [1], expect: [2])))
            state.settings.items["global_defs.health_check_probes"] = .integer(2)
            let one = state.services[0]
            state.services = (1...6)
                .map { number in
                    var service = one
                    service.key = .init(address: Self.vip, port: UInt16(number), protocol: .tcp)
                    service.name = "s\(number)"
                    // Another question each, so that none is shared.
                    let question = HealthProbe.Exchange(send: [UInt8(number)], expect: [2])
                    service.protection.healthCheck?.probe = .tcp(question)
                    return service
                }
            try await check(state) { checker, events in
                var failed: Set<String> = []
                var most = 0
                while failed.count < 6, case .verdicts(let changes) = await events.next() {
                    failed.formUnion(changes.map(\.serviceName))
                    most = max(most, await checker.load.running)
                }
                #expect(failed.count == 6 && most <= 2)
            }
        }
    }
}
