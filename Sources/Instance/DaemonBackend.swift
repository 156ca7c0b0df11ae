// SPDX-License-Identifier: Apache-2.0
import Control
import ControlServer
import Foundation
import MetricsExposition
import Model
import Provisioning
import Reload

/// Answers the control server for the daemon.
actor DaemonBackend: ControlBackend {
    let instance: String
    let machine: Machine
    let reloader: Reloader
    private let reloads: ReloadService
    let startTime = Date()
    private(set) var phase = Status.Phase.starting
    private var areWorkersAlive = true
    /// Busy and idle cycles of each worker at the last status.
    var lastCycles: [(busy: UInt64, idle: UInt64)] = []

    init(_ instance: String, _ machine: Machine, _ reloader: Reloader, _ reloads: ReloadService) {
        self.instance = instance
        self.machine = machine
        self.reloader = reloader
        self.reloads = reloads
    }

    func enter(_ phase: Status.Phase) { self.phase = phase }

    func note(areWorkersAlive: Bool) { self.areWorkersAlive = areWorkersAlive }

    // MARK: - Probes

    func liveness() -> Probe {
        areWorkersAlive ? .passing : .failing("a worker does not turn any more")
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
        case .ready: areWorkersAlive ? .passing : .failing("a worker does not turn any more")
        }
    }

    func explain(_ request: ExplanationRequest) async throws(ProblemDetails) -> Explanation {
        do throws(ProvisioningError) {
            return try await machine.conductor.explain(request)
        } catch {
            throw ProblemDetails(status: 400, title: "Bad Request", detail: error.description)
        }
    }

    // MARK: - Configuration

    func running() async -> DesiredState { await reloader.running }

    func configurationStatus() async -> ConfigStatus { await reloader.status() }

    func history() async -> [HistoryEntry] { await reloader.recentGenerations() }

    func drift() async -> [DriftEntry] { await reloader.drift() }

    func reload() async -> ReloadReport { await reloads.reloadNow(reason: "command") }

    func rollback(to generation: UInt64) async throws(ProblemDetails) -> ReloadReport {
        if let report = await reloader.rollback(to: generation) { return report }
        throw ProblemDetails(
            status: 404,
            title: "no such generation",
            detail: "generation \(generation) is not remembered"
        )
    }
}
