// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
import Dataplane
package import Model
package import Networking
package import Timing

/// Devices that have to know local addresses in order to steer replies.
package protocol LocalAddressSteering: Sendable {
    /// Connections will use `addresses` from now on.
    func prepare(_ addresses: Set<IPAddress>)

    /// No connection uses any other address any more.
    func retain(_ addresses: Set<IPAddress>)
}

/// Devices that let frames of a VLAN in only when they are told to.
package protocol VLANAdmission: Sendable {
    /// Frames of `vlans` are for us from now on.
    func admit(_ vlans: [VLANInterface])

    /// Frames of no other VLAN are for us any more.
    func retain(_ vlans: [VLANInterface])
}

/// Carries desired states out on the running dataplane, one at a time.
package actor Conductor {
    private let provisioner: Provisioner
    private let changeSettings: @Sendable (Settings) -> Void
    private let steering: (any LocalAddressSteering)?
    private let admission: (any VLANAdmission)?
    private let clock: @Sendable () -> Instant
    /// A worker that does not finish a turn for this long is counted as stalled.
    let patience: Duration
    private var isExplaining = false
    /// Places of workers that are being asked about their connections.
    var surveyed: Set<Int> = []
    /// Between two looks at whether the workers have done something.
    private static let period = Duration.milliseconds(1)

    /// `provisioner` belongs to the conductor from now on; `changeSettings` is for what is not in a
    /// snapshot, and `clock` is the workers': what they keep in memory is compared with it.
    package init(
        provisioner: sending Provisioner,
        steering: (any LocalAddressSteering)? = nil,
        admission: (any VLANAdmission)? = nil,
        clock: @escaping @Sendable () -> Instant,
        patience: Duration = .seconds(5),
        changeSettings: @escaping @Sendable (Settings) -> Void
    ) {
        self.provisioner = provisioner
        self.steering = steering
        self.admission = admission
        self.clock = clock
        self.patience = patience
        self.changeSettings = changeSettings
    }

    /// Compiles and publishes `state`, and returns when every worker uses it.
    ///
    /// Throws before anything was published; then nothing has changed. Once it is published it stays
    /// so: what a worker that has stalled keeps it from is said in the sentences that are returned,
    /// and the worker uses the state with its next turn.
    @discardableResult
    package func apply(_ state: DesiredState) async throws(ProvisioningError) -> [String] {
        let compiled = try provisioner.compile(state, at: now)
        steering?.prepare(compiled.localAddresses)
        admission?.admit(state.vlans)
        provisioner.publish(compiled)
        changeSettings(state.settings)
        let remarks = await waitForWorkers()
        // Whoever has not finished a turn by then finds nothing there, which is safe.
        provisioner.finish()
        // A worker that has stalled may still send frames of a VLAN that is no longer wanted.
        if remarks.isEmpty { admission?.retain(state.vlans) }
        return remarks
    }

    private var now: Instant { clock() }

    /// Waits until every worker uses the published snapshot; says so when one does not.
    private func waitForWorkers() async -> [String] {
        let deadline = ContinuousClock.now + patience
        while !provisioner.isSettled {
            guard ContinuousClock.now < deadline else { return [stallSentence] }
            await pause(for: Self.period)
        }
        return []
    }

    private var stallSentence: String {
        let late = provisioner.lateWorkers.map(String.init).joined(separator: ", ")
        return "worker \(late) has not finished a turn for \(patience)"
    }

    /// What a look at the running state has found.
    package struct Findings: Sendable {
        /// Backends that were taken out or back.
        package var health: [HealthChange] = []
        /// What services do because of their health checks.
        package var notices: [String] = []
        /// Why what runs could not be brought up to date.
        package var problems: [String] = []
    }

    /// Backends that get no connections by their health checks, by service.
    package var failedBackends: [Service.Key: Set<Endpoint>] { provisioner.failedBackends }

    /// Frees what nobody uses any more, goes on with slow starts and drains, and watches the health
    /// of backends; call about once a second.
    package func keepHouse() async -> Findings {
        let changes = provisioner.watchHealth(at: now)
        let notices = provisioner.takeCheckNotices()
        return Findings(health: changes, notices: notices, problems: await refresh())
    }

    /// Heeds what health checks have found out, and says what services do because of it; see
    /// `Provisioner.judge`.
    package func judge(_ verdicts: [CheckVerdict]) -> [String] {
        provisioner.judge(verdicts)
        return provisioner.takeCheckNotices()
    }

    private func refresh() async -> [String] {
        let isStale = provisioner.reclaim()
        if isStale { steering?.retain(provisioner.localAddresses) }
        guard isStale || provisioner.isSlowStarting || provisioner.isDrained(at: now) else {
            return []
        }
        // The same state seen anew: without drained local addresses, with routers that came or went
        // and the weights of now.
        return await applyAgain()
    }

    private func applyAgain() async -> [String] {
        do {
            return try await apply(provisioner.state)
        } catch {
            return ["what runs cannot be brought up to date: \(error)"]
        }
    }

    /// Refuses new connections from now on; established ones go on.
    ///
    /// - Returns: why that could not be done, if so.
    package func beginStopping() async -> [String] {
        provisioner.beginStopping()
        return await applyAgain()
    }

    /// What the next process has to know; see `Provisioner.leave`.
    package func leave(at now: Instant) -> (handover: Handover, places: [UInt32: UInt32]) {
        provisioner.leave(at: now)
    }

    /// What became of the connections of the process before, once a configuration is applied; nil
    /// when it left none.
    package func handoverResult() async -> HandoverResult? {
        _ = await refresh()
        return provisioner.handoverResult
    }

    /// What would become of a made-up packet; see `Provisioner.explain`.
    package func explain(
        _ request: ExplanationRequest
    ) async throws(ProvisioningError) -> Explanation {
        let flow = try provisioner.flow(of: request)
        let deadline = ContinuousClock.now + patience
        // A cell takes one question at a time.
        while isExplaining { try await pauseUnlessLate(deadline) }
        isExplaining = true
        defer { isExplaining = false }
        let cells = provisioner.engine.interchange.inspections
        // A worker that stalled may still owe the answer to an earlier question.
        for cell in cells { while !cell.ask(flow) { try await pauseUnlessLate(deadline) } }
        provisioner.engine.interchange.wakeWorkers()
        while !cells.allSatisfy(\.isAnswered) { try await pauseUnlessLate(deadline) }
        return try provisioner.explain(request, answers: cells.map(\.answer), at: now)
    }

    /// Waits for a moment; throws when `deadline` has passed, or nobody waits for the answer any more.
    func pauseUnlessLate(
        _ deadline: ContinuousClock.Instant
    ) async throws(ProvisioningError) {
        guard !Task.isCancelled else { throw ProvisioningError("nobody waits for the answer") }
        guard ContinuousClock.now < deadline else {
            throw ProvisioningError("a worker has not finished a turn for \(patience)")
        }
        await pause(for: Self.period)
    }

    var surveys: [SurveyCell] { provisioner.engine.interchange.surveys }

    func wakeWorkers() { provisioner.engine.interchange.wakeWorkers() }

    /// Whose connections there are, of services that fit the filter.
    package func owners(_ services: ServiceFilter, _ backend: Endpoint?) -> ConnectionOwners {
        provisioner.owners(services, backend)
    }

    /// What runs now.
    package var running: DesiredState { provisioner.state }

    /// What the configuration calls an interface.
    package func name(of interface: InterfaceID) -> String { provisioner.name(of: interface) }

    /// VLANs, by what the configuration calls them, with their numbers.
    package var vlans: [(name: String, id: InterfaceID)] { provisioner.vlans }

    /// Ports, then VLANs, then tunnels.
    package var interfaces: [Interface] { provisioner.interfaces }

    /// The sequence numbers that tunnels send next, by name.
    package var upcomingTunnelNumbers: [String: UInt32] { provisioner.upcomingTunnelNumbers }

    /// Connections that carry data both ways.
    package var activeConnections: UInt64 { provisioner.connections(.active) }

    /// What backends and local addresses have counted.
    package var setTotals: [SetTotals] { provisioner.setTotals }

    package func totals(of services: ServiceFilter) -> ProvisioningTotals {
        provisioner.totals(of: services)
    }

    /// Lets what `ipvsadm` shows of some services begin at 0; false: no service fits.
    package func zero(_ services: ServiceFilter) -> Bool { provisioner.zero(services) }

    package func persistentClients(at now: Instant) -> [Provisioner.BackendKey: Int] {
        provisioner.persistentClients(at: now)
    }
}
