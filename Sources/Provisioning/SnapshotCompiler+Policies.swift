// SPDX-License-Identifier: Apache-2.0
import Balancing
import Dataplane
import Model

extension SnapshotCompiler {
    /// How connections of each backend slot are treated, those of removed backends included.
    ///
    /// Connections of those in `over` end.
    func backendPolicies(of state: DesiredState, over: Set<BackendKey>) -> [BackendPolicy] {
        let services = Dictionary(state.services.map { ($0.key, $0) }) { first, _ in first }
        let backends = Dictionary(
            state.services.flatMap { service in
                service.targets.map {
                    (BackendKey(service: service.key, endpoint: $0.endpoint), $0)
                }
            }
        ) { first, _ in first }
        var policies = Array(repeating: BackendPolicy(), count: books.backendSlots.bound)
        for (key, slot) in books.backendSlots.slots {
            var policy = BackendPolicy()
            policy.timeout =
                services[key.service]?.connectionTimeout.map { ticks(covering: $0) } ?? 0
            policy.serviceSlot = UInt32(books.serviceSlots.slots[key.service] ?? 0)
            policy.isEnding = over.contains(key)
            policy.isLeaving = backends[key].map { $0.weight == 0 } ?? true
            policy.isWatched = services[key.service]?.protection.destCheck != nil
            policy.traffic =
                services[key.service].map { TrafficLimits($0.protection) } ?? TrafficLimits()
            if let backend = backends[key] {
                policy.maxConnections = UInt32(clamping: backend.maxConnections ?? 0)
                policy.resumesBelow = UInt32(
                    clamping: backend.minConnections ?? backend.maxConnections ?? 0
                )
            }
            policies[slot] = policy
        }
        return policies
    }
}
