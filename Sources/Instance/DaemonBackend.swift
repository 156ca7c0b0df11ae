// SPDX-License-Identifier: Apache-2.0
import Control
import ControlServer
import Dataplane
import Foundation
import HealthChecking
import Linux
import MetricsExposition
import Model
import Provisioning
import Reload
import Synchronization
import Timing

/// Answers the control server for the daemon.
actor DaemonBackend: ControlBackend {
    let instance: String
    let machine: Machine
    let reloader: Reloader
    let follower: KernelFollower?
    let announcer: Announcer
    let checker: HealthChecker
    let editFile: RuntimeFile
    private let reloads: ReloadService
    let startTime = Date()
    private(set) var phase = Status.Phase.starting
    /// What a command asked for, which counts more than the configuration.
    private(set) var wantedStop: StopMode?
    private var heartbeats: WorkerHeartbeats
    /// When everything on the control side has last answered, in monotonic nanoseconds.
    private nonisolated let lastRound = Atomic<UInt64>(Host.monotonicNanoseconds)
    /// Busy and idle cycles of each worker at the last status.
    var lastCycles: [(busy: UInt64, idle: UInt64)] = []

    init(
        _ instance: String,
        _ machine: Machine,
        _ reloader: Reloader,
        _ reloads: ReloadService,
        _ follower: KernelFollower?,
        _ announcer: Announcer,
        _ checker: HealthChecker,
        _ editFile: RuntimeFile
    ) {
        self.instance = instance
        self.machine = machine
        self.reloader = reloader
        self.reloads = reloads
        heartbeats = WorkerHeartbeats(
            workers: machine.plan.workers.count,
            at: Instant(nanoseconds: Host.monotonicNanoseconds)
        )
        self.follower = follower
        self.announcer = announcer
        self.checker = checker
        self.editFile = editFile
    }

    func enter(_ phase: Status.Phase) { self.phase = phase }

    /// How long each worker has not turned, as far as anybody looked.
    func heartbeatAges() -> [Duration] {
        let now = lookAtWorkers()
        return heartbeats.ages(at: now)
    }

    /// The numbers of workers that do not turn any more.
    func stalledWorkers() -> [Int] {
        let now = lookAtWorkers()
        return heartbeats.stalled(at: now).map { machine.plan.workers[$0].id }
    }

    private func lookAtWorkers() -> Instant {
        let now = Instant(nanoseconds: Host.monotonicNanoseconds)
        heartbeats.note(machine.engine.interchange.counters.map { $0[.turns] }, at: now)
        return now
    }

    /// The control side has just gone through all that it looks after once a second.
    nonisolated func finishRound() {
        lastRound.store(Host.monotonicNanoseconds, ordering: .relaxed)
    }

    /// What a reload of the largest configurations takes on a busy machine, several times over.
    private static let longestRound = Duration.seconds(60)

    /// Goes the way of a signal, so that there is one way to end.
    func stop(_ mode: StopMode?) {
        wantedStop = mode
        kill(getpid(), SIGTERM)
    }

    func stopMode(_ settings: Settings) -> StopMode {
        wantedStop ?? (settings.isOn("global_defs.warm_restart") ? .warm : .drain)
    }

    // MARK: - Probes

    func liveness() -> Probe {
        let last = lastRound.load(ordering: .relaxed)
        let silence = Duration.nanoseconds(Host.monotonicNanoseconds &- last)
        if silence > Self.longestRound {
            return .failing(
                "no answer of the control side for \(silence.components.seconds) s: reloads and "
                    + "commands stand still"
            )
        }
        let stalled = stalledWorkers()
        guard !stalled.isEmpty else { return .passing }
        let names = stalled.map(String.init).joined(separator: ", ")
        return .failing(
            "no turn for \(WorkerHeartbeats.limit.components.seconds) s: worker \(names)"
        )
    }

    func readiness() async -> Probe {
        var probe = trafficProbe
        (probe.generation, probe.digest) = await reloader.current
        return probe
    }

    /// Whether traffic is balanced, or why not.
    var trafficProbe: Probe {
        switch phase {
        case .starting: .failing("starting")
        case .draining: .failing("draining")
        case .ready: liveness()
        }
    }

    func explain(_ request: ExplanationRequest) async throws(ProblemDetails) -> Explanation {
        do throws(ProvisioningError) {
            return try await machine.conductor.explain(request)
        } catch {
            throw ProblemDetails(.badRequest, error.description)
        }
    }

    // MARK: - Configuration

    func running() async -> DesiredState { await reloader.running }

    func configurationStatus() async -> ConfigStatus { await reloader.status() }

    func watch() async throws(ProblemDetails) -> AsyncStream<RunningEvents.Signal> {
        if let stream = reloader.events.watch() { return stream }
        throw ProblemDetails(
            .unavailable,
            "\(RunningEvents.mostWatchers) clients watch already"
        )
    }

    func history() async -> [HistoryEntry] { await reloader.recentGenerations() }

    func drift() async -> [DriftEntry] { await reloader.drift() }

    func reload() async -> ReloadReport { await reloads.reloadNow(reason: "command") }

    func rollback(to generation: UInt64) async throws(ProblemDetails) -> ReloadReport {
        if let report = await reloader.rollback(to: generation) { return report }
        throw ProblemDetails(.notFound, "generation \(generation) is not remembered")
    }
}
