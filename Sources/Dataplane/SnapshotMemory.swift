// SPDX-License-Identifier: Apache-2.0
import Balancing
import Containers
import Networking

/// A snapshot and the memory that only it uses; freed with the last reference.
///
/// Its maker keeps it until every worker has reported a later generation. Service
/// records, the table of services and routes are shared with other snapshots through `keeping`.
@safe
public final class SnapshotMemory: @unchecked Sendable {
    public let pointer: UnsafeMutablePointer<Snapshot>
    private let shared: [AnyObject]

    /// Takes over the snapshot's own memory and keeps the owners of what its handles point at.
    public init(_ snapshot: Snapshot, keeping shared: [AnyObject]) {
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: snapshot)
        self.shared = shared
    }

    deinit {
        unsafe pointer.pointee.balancing.destroy()
        unsafe pointer.pointee.interfaces.destroy()
        unsafe pointer.pointee.tunnels.destroy()
        unsafe pointer.deallocate()
    }

    public var generation: UInt64 { unsafe pointer.pointee.generation }

    /// Generation 0: knows nobody and goes nowhere.
    static func empty(adjacencies: AdjacencyTable, workers: Int) -> SnapshotMemory {
        let forwarding = ForwardingTable(
            routes: RouteTable([]),
            routes6: RouteTable([]),
            gateways: [],
            generation: 0,
            adjacencies: adjacencies
        )
        let balancing = BalancingState(
            services: ServiceTable([]),
            timeouts: StateTimeouts(opening: 1) { _ in 1 },
            options: [],
            workerCount: workers,
            pools: [],
            localAddresses: [],
            policies: []
        )
        let snapshot = Snapshot(generation: 0, forwarding: forwarding, balancing: balancing)
        return SnapshotMemory(
            snapshot,
            keeping: [
                Owned(forwarding) { $0.destroy() }, Owned(balancing.services) { $0.destroy() },
            ]
        )
    }
}
