// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Provisioning
import Synchronization
import Testing
import Timing

/// A conductor over a dataplane with one worker, which turns as long as it is not held.
final class TurningDataplane: @unchecked Sendable {
    /// The machine has been up for long, as machines of balancers have.
    private static let start = Instant(nanoseconds: 5_000_000_000_000)
    private static let beginning = ContinuousClock.now

    let conductor: Conductor
    let engine: Engine
    private let slowPath: SlowPath<MemoryPort>
    private let links: [MemoryLink]
    private var worker: Worker<MemoryPort>?
    private let frames = Mutex<[[UInt8]]>([])
    private let isHeld = Atomic(false)
    private let isEnding = Atomic(false)
    private var turning: Task<Void, Never>?

    static var now: Instant { start.advanced(by: ContinuousClock.now - beginning) }

    init(patience: Duration = .seconds(60)) throws {
        let pool = MemoryPool()
        links = World.portMACs.enumerated()
            .map { index, mac in
                MemoryLink(
                    PortTraits(index: UInt16(index), macAddress: mac, mtu: 1500),
                    pool: pool
                )
            }
        let engine = try required(
            Engine(workers: 1, limits: DataplaneLimits(connectionsPerWorker: 1024), seed: 42)
        )
        self.engine = engine
        let ports = links.map { $0.port() }
        let slowPath = try required(SlowPath(engine: engine, ports: ports, now: Self.now))
        self.slowPath = slowPath
        let provisioner = Provisioner(
            engine: engine,
            interfaces: [0, 1]
                .map { Interface(name: "dpdk\($0)", id: InterfaceID(port: $0), mtu: 1500) },
            neighbours: slowPath,
            workerIDs: [3]
        )
        conductor = Conductor(
            provisioner: provisioner,
            clock: { Self.now },
            patience: patience,
            changeSettings: { _ in }
        )
        worker = Worker(
            index: 0,
            interchange: engine.interchange,
            receivers: ports,
            transmitters: ports,
            balancer: try required(engine.makeBalancer(0, now: Self.now))
        )
        turning = Task.detached { [unowned self] in await turn() }
    }

    private func turn() async {
        while !isEnding.load(ordering: .relaxed) {
            if !isHeld.load(ordering: .relaxed) {
                for frame in frames.withLock({ take(&$0) }) { links[0].deliver(frame) }
                _ = worker?.turn(now: Self.now)
            }
            _ = slowPath.turn(now: Self.now)
            await Task.yield()
        }
    }

    private func take(_ frames: inout [[UInt8]]) -> [[UInt8]] {
        defer { frames = [] }
        return frames
    }

    func hold(_ holds: Bool) { isHeld.store(holds, ordering: .relaxed) }

    func send(_ frame: [UInt8]) { frames.withLock { $0.append(frame) } }

    /// Waits for what the worker does soon; gives up after ten seconds.
    func wait(until condition: () -> Bool) async {
        let deadline = ContinuousClock.now + .seconds(10)
        while !condition(), ContinuousClock.now < deadline { await Task.yield() }
    }

    func count(_ kind: WorkerCounters.Kind) -> UInt64 { engine.interchange.counters[0][kind] }

    func end() async {
        isEnding.store(true, ordering: .relaxed)
        await turning?.value
        worker?.stop()
        slowPath.destroy()
        engine.destroy()
    }
}

/// How states get to workers that turn by themselves, and what is said when one does not.
@Suite(.timeLimit(.minutes(2))) struct ConductorScenarios {
    private let question = ExplanationRequest(
        source: Endpoint(.v4(IPv4Address(10, 0, 0, 10)), 40001),
        destination: Endpoint(.v4(IPv4Address(10, 0, 0, 100)), 80),
        protocol: .tcp,
        interface: "dpdk0"
    )

    private func with(
        patience: Duration = .seconds(60),
        _ body: (TurningDataplane) async throws -> Void
    ) async throws {
        let dataplane = try TurningDataplane(patience: patience)
        do { try await body(dataplane) } catch { Issue.record(error) }
        await dataplane.end()
    }

    @Test func `explain reads rates and clients by the clock of the workers`() async throws {
        try await with { dataplane in
            var state = DesiredState.web()
            state.services[0].protection.rateLimit.connections = 1000
            #expect(try await dataplane.conductor.apply(state) == [])
            dataplane.send(Frame.tcp(from: "10.0.0.10:40000", to: "10.0.0.100:80", Frame.syn))
            await dataplane.wait { dataplane.count(.connectionsOpened) == 1 }
            let explanation = try await dataplane.conductor.explain(question)
            #expect(explanation.dropReason == nil, "\(explanation.steps)")
            #expect(explanation.verdict != .dropped)
        }
    }

    @Test func `a worker is called as the configuration calls it`() async throws {
        try await with { dataplane in
            try await dataplane.conductor.apply(.web())
            let told = try await dataplane.conductor.explain(question)
            #expect(told.steps.first?.text.hasSuffix(", worker 3") == true)
            let asked = asking(worker: 3)
            #expect(try await dataplane.conductor.explain(asked) == told)
            let wrong = asking(worker: 0)
            await #expect(throws: ProvisioningError.self) {
                try await dataplane.conductor.explain(wrong)
            }
        }
    }

    private func asking(worker: Int) -> ExplanationRequest {
        var request = question
        request.worker = worker
        return request
    }

    @Test func `a state that a stalled worker does not use yet runs, and the worker is named`()
        async throws
    {
        try await with(patience: .milliseconds(50)) { dataplane in
            #expect(try await dataplane.conductor.apply(.web()) == [])
            dataplane.hold(true)
            var state = DesiredState.web()
            state.services[0].backends[0].weight = 7
            let remarks = try await dataplane.conductor.apply(state)
            #expect(remarks == ["worker 3 has not finished a turn for 0.05 seconds"])
            #expect(await dataplane.conductor.running == state)
            dataplane.hold(false)
            #expect(await dataplane.conductor.keepHouse().problems == [])
        }
    }

    @Test func `after an answer that came too late the next one is about its own question`()
        async throws
    {
        try await with(patience: .milliseconds(50)) { dataplane in
            try await dataplane.conductor.apply(.web())
            dataplane.send(Frame.tcp(from: "10.0.0.10:40000", to: "10.0.0.100:80", Frame.syn))
            await dataplane.wait { dataplane.count(.connectionsOpened) == 1 }
            dataplane.hold(true)
            await #expect(throws: ProvisioningError.self) {
                // This one has a connection.
                var late = question
                late.source.port = 40000
                _ = try await dataplane.conductor.explain(late)
            }
            await #expect(throws: ProvisioningError.self, "the first answer is still owed") {
                _ = try await dataplane.conductor.explain(question)
            }
            dataplane.hold(false)
            await dataplane.wait { dataplane.engine.interchange.inspections[0].isAnswered }
            let explanation = try await dataplane.conductor.explain(question)
            let connection = explanation.steps.filter { $0.name == "connection" }.map(\.text)
            #expect(connection == ["none yet: this packet opens one"])
        }
    }

    @Test func `a pause lasts as long in a task that was cancelled`() async {
        let task = Task {
            let start = ContinuousClock.now
            await pause(for: .milliseconds(20))
            return ContinuousClock.now - start
        }
        task.cancel()
        #expect(await task.value >= .milliseconds(20))
    }
}
