// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
import Dataplane
package import Model
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
    /// A worker that does not finish a turn for this long is counted as stalled.
    private let start = ContinuousClock.now
    private static let patience = Duration.seconds(5)
    private var isExplaining = false

    /// `provisioner` belongs to the conductor from now on; `changeSettings` is for
    /// what is not in a snapshot.
    package init(
        provisioner: sending Provisioner,
        steering: (any LocalAddressSteering)? = nil,
        admission: (any VLANAdmission)? = nil,
        changeSettings: @escaping @Sendable (Settings) -> Void
    ) {
        self.provisioner = provisioner
        self.steering = steering
        self.admission = admission
        self.changeSettings = changeSettings
    }

    /// Compiles and publishes `state`, and returns when every worker uses it.
    ///
    /// Throws before anything was published, or when a worker has stalled: then it is published.
    package func apply(_ state: DesiredState) async throws(ProvisioningError) {
        let compiled = try provisioner.compile(state, at: now)
        steering?.prepare(provisioner.localAddresses)
        admission?.admit(state.vlans)
        provisioner.publish(compiled)
        changeSettings(state.settings)
        // Whoever has not finished a turn by then finds nothing there, which is safe.
        defer { provisioner.finish() }
        try await settle()
        admission?.retain(state.vlans)
    }

    private var now: Instant {
        Instant(nanoseconds: (ContinuousClock.now - start).wholeNanoseconds)
    }

    /// Waits until every worker uses the published snapshot.
    private func settle() async throws(ProvisioningError) {
        let deadline = ContinuousClock.now + Self.patience
        while !provisioner.isSettled {
            guard ContinuousClock.now < deadline else {
                throw ProvisioningError("a worker has not finished a turn for \(Self.patience)")
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Frees what nobody uses any more, goes on with slow starts and drains, and watches the health
    /// of backends; call about once a second.
    ///
    /// - Returns: which backends were taken out or back.
    package func keepHouse() async -> [HealthChange] {
        let changes = provisioner.watchHealth(at: now)
        await refresh()
        return changes
    }

    private func refresh() async {
        let isStale = provisioner.reclaim()
        if isStale { steering?.retain(provisioner.localAddresses) }
        guard isStale || provisioner.isSlowStarting || provisioner.isDrained(at: now) else {
            return
        }
        // The same state seen anew: without drained local addresses, with routers that came or went
        // and the weights of now.
        try? await apply(provisioner.state)
    }

    /// Refuses new connections from now on; established ones go on.
    package func beginStopping() async {
        provisioner.beginStopping()
        try? await apply(provisioner.state)
    }

    /// What the next process has to know; see `Provisioner.leave`.
    package func leave(at now: Instant) -> (handover: Handover, places: [UInt32: UInt32]) {
        provisioner.leave(at: now)
    }

    /// What became of the connections of the process before, once a configuration is applied; nil
    /// when it left none.
    package func handoverResult() async -> HandoverResult? {
        await refresh()
        return provisioner.handoverResult
    }

    /// What would become of a made-up packet; see `Provisioner.explain`.
    package func explain(
        _ request: ExplanationRequest
    ) async throws(ProvisioningError) -> Explanation {
        let flow = try provisioner.flow(of: request)
        // A cell takes one question at a time.
        while isExplaining { try? await Task.sleep(for: .milliseconds(1)) }
        isExplaining = true
        defer { isExplaining = false }
        let cells = provisioner.engine.interchange.inspections
        for cell in cells { cell.ask(flow) }
        provisioner.engine.interchange.wakeWorkers()
        let deadline = ContinuousClock.now + Self.patience
        while !cells.allSatisfy(\.isAnswered) {
            guard ContinuousClock.now < deadline else {
                throw ProvisioningError("a worker has not finished a turn for \(Self.patience)")
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return try provisioner.explain(request, answers: cells.map(\.answer), at: now)
    }

    /// What runs now.
    package var running: DesiredState { provisioner.state }

    /// What the configuration calls an interface.
    package func name(of interface: Int) -> String { provisioner.name(of: interface) }

    /// VLANs, by what the configuration calls them, with their numbers.
    package var vlans: [(name: String, number: Int)] { provisioner.vlans }

    /// The sequence numbers that tunnels send next, by name.
    package var upcomingTunnelNumbers: [String: UInt32] { provisioner.upcomingTunnelNumbers }

    /// Connections that carry data both ways.
    package var activeConnections: UInt64 { provisioner.connections(.active) }

    /// What backends and local addresses have counted.
    package func totals() -> ProvisioningTotals { provisioner.totals() }

    package func persistentClients(at now: Instant) -> [Provisioner.BackendKey: Int] {
        provisioner.persistentClients(at: now)
    }
}
