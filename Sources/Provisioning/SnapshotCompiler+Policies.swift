// SPDX-License-Identifier: Apache-2.0
import Balancing
import Dataplane
import Model

extension SnapshotCompiler {
    /// Brings `books.policies` up to date: backends of services that were touched, those that were
    /// dropped, and those whose connections end now or do not end any more.
    mutating func updatePolicies(_ others: Set<BackendKey>) {
        let missing = books.backendSlots.bound - books.policies.count
        if missing > 0 { books.policies += Array(repeating: BackendPolicy(), count: missing) }
        for service in touched {
            for (key, backend) in zip(service.backendKeys, service.targets) {
                set(policy(of: key, backend, service), for: key)
            }
        }
        for key in dropped.union(others) {
            let service = books.service(key.service)?.service
            let backend = service?.targets.first { $0.endpoint == key.endpoint }
            set(policy(of: key, backend, service), for: key)
        }
    }

    private mutating func set(_ policy: BackendPolicy, for key: BackendKey) {
        guard let slot = books.backendSlots.slots[key] else { return }
        if policy.isEnding, !books.policies[slot].isEnding { books.sweeps += 1 }
        // A list that is not written to stays shared.
        if books.policies[slot] != policy { books.policies[slot] = policy }
    }

    /// Whether connections of a backend end because its whole service is gone.
    ///
    /// Flows of UDP do not end by themselves as long as their client sends; so, unless the service
    /// has said for how long they may go on, they end with it.
    private func endsWithService(_ key: BackendKey) -> Bool {
        key.service.protocol == .udp && !books.draining.isHeld(key)
    }

    /// How connections of a backend are treated; nil: it, or its service, is gone.
    private func policy(
        of key: BackendKey,
        _ backend: Backend?,
        _ service: Service?
    ) -> BackendPolicy {
        var policy = BackendPolicy()
        policy.serviceSlot = UInt32(books.serviceSlots.slots[key.service] ?? 0)
        policy.isEnding = books.over.contains(key) || service == nil && endsWithService(key)
        policy.isLeaving = backend.map { $0.weight == 0 } ?? true
        if let service {
            policy.timeout = service.connectionTimeout.map { ticks(covering: $0) } ?? 0
            policy.isWatched = service.protection.destCheck != nil
            policy.traffic = TrafficLimits(service.protection)
        }
        if let backend {
            policy.maxConnections = UInt32(clamping: backend.maxConnections ?? 0)
            policy.resumesBelow = UInt32(
                clamping: backend.minConnections ?? backend.maxConnections ?? 0
            )
        }
        return policy
    }
}
