// SPDX-License-Identifier: Apache-2.0
package import Control
package import MetricsExposition
package import Model

/// What the server asks of the daemon; every answer is a value of one moment.
///
/// Called from any task, several at a time. Nothing here may wait for a worker's packets.
package protocol ControlBackend: ServiceDesk {
    /// Passes while the process does its work; when not, a supervisor restarts it.
    func liveness() async -> Probe
    /// Passes while traffic is balanced; not while starting and draining.
    func readiness() async -> Probe
    /// What is counted; of services those that fit the filter.
    func statistics(of services: ServiceFilter) async -> DataplaneStatistics
    /// All of the instance; of services those that are selected.
    func status(of selection: StatusSelection) async -> Status
    /// Ends connections that fit, and has their ends told; returns how many.
    func endConnections(_ query: ConnectionQuery) async throws -> Int
    /// Whether packets get through, looked at for `seconds`.
    func liveReport(seconds: Double) async -> LiveReport
    /// Who is at the other ends of links, by port.
    func linkDiscovery() async -> [LinkDiscoveryStatus]
    /// Interfaces: ports, VLANs, tunnels; with what devices say of themselves when asked for details.
    func links(hasDetails: Bool) async -> [LinkStatus]
    /// Switches what can be switched of a device until it is started anew; throws 404 when there is no
    /// such device, 500 when it cannot.
    func change(_ link: String, _ switches: LinkSwitches) async throws(ProblemDetails)
    /// The threads that move packets, the control side first.
    func lcores() async -> [LcoreStatus]
    /// Own addresses, with the ports of those that connections come from.
    func addresses() async -> [AddressStatus]
    func routes() async -> [RouteStatus]
    func neighbours() async -> [NeighbourStatus]
    /// Multicast groups by interface.
    func groups() async -> [GroupStatus]
    /// DPDK's memory.
    func memory() async -> MemoryStatus
    /// What would become of a packet; throws 400 when the question makes no sense.
    func explain(_ request: ExplanationRequest) async throws(ProblemDetails) -> Explanation
    /// What the dataplane does now, whoever asked for it.
    func running() async -> DesiredState

    func configurationStatus() async -> ConfigStatus
    /// What happens to what runs, from now on; throws 503 when too many watch.
    func watch() async throws(ProblemDetails) -> AsyncStream<RunningEvents.Signal>
    /// Newest first.
    func history() async -> [HistoryEntry]
    func drift() async -> [DriftEntry]
    /// Reads the files and applies them; one at a time, later calls wait.
    func reload() async -> ReloadReport
    /// What edits made of objects, on top of what files say.
    func runtimeLayer() async -> RuntimeLayer
    /// Objects that edits made or changed, as a service file has them; `isWhole`: all that runs.
    func export(isWhole: Bool) async -> String
    /// Applies a batch of edits, all or none; throws 412 when another generation runs than the one
    /// that is asked for.
    func edit(_ request: EditRequest) async throws(ProblemDetails) -> ReloadReport
    /// Drops the edits of some objects; throws 404 when one of them has none. nil: all edits.
    func revert(_ objects: [String]?, isDryRun: Bool) async throws(ProblemDetails) -> ReloadReport
    /// Applies `generation` again, as a new one; throws 404 when it is not remembered.
    func rollback(to generation: UInt64) async throws(ProblemDetails) -> ReloadReport

    /// Begins to end the process; nil: as the configuration says.
    func stop(_ mode: StopMode?) async
}
