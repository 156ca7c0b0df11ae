// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
import Dataplane
import Model
package import Timing

/// A backend that was taken out because connections to it failed, or that is back.
package struct HealthChange: Equatable, Sendable, CustomStringConvertible {
    package var service: String
    package var endpoint: Endpoint
    package var event: Event

    package enum Event: Equatable, Sendable {
        /// nil: for good.
        case inhibited(Duration?)
        case serving
    }

    package var isInhibited: Bool { event != .serving }

    package var description: String {
        let what =
            switch event {
            case .inhibited(let length?): "does not answer, out for \(length)"
            case .inhibited(nil): "does not answer, out until its weight is set anew"
            case .serving: "gets connections again"
            }
        return "service \(service): backend \(endpoint) \(what)"
    }
}

/// What is known of the health of backends whose service has a `destCheck`.
struct HealthMonitor {
    struct Record {
        var health = BackendHealth()
        /// Counters at the last look.
        var failures: UInt64
        var successes: UInt64
    }

    var records: [Provisioner.BackendKey: Record] = [:]
}

extension Provisioner {
    /// Looks at what connections have met with since the last time, and takes backends out or back.
    ///
    /// Every worker heeds it with the next connection. Call about once a second. The last backend
    /// that serves is never taken out: to refuse everybody is no better.
    package func watchHealth(at now: Instant) -> [HealthChange] {
        var changes: [HealthChange] = []
        var watched: Set<BackendKey> = []
        for service in state.services {
            guard let check = service.protection.destCheck else { continue }
            let keys = watchedBackends(of: service)
            watched.formUnion(keys)
            var serving = keys.count { isServing($0) }
            for key in keys {
                guard let event = look(at: key, check, mayInhibit: serving > 1, now) else {
                    continue
                }
                let change = HealthChange(
                    service: service.name,
                    endpoint: key.endpoint,
                    event: event
                )
                serving += change.isInhibited ? -1 : 1
                changes.append(change)
            }
        }
        let areFlowsLeft = health.records.contains {
            $0.key.service.protocol == .udp && $0.value.health.isInhibited
        }
        // Flows of UDP do not end, so workers look for those that the backend has left.
        if areFlowsLeft || checks.excluded.keys.contains(where: { $0.protocol == .udp }) {
            engine.conditions.requestSweep()
        }
        for key in health.records.keys where !watched.contains(key) {
            health.records[key] = nil
            if let slot = slot(of: key) { engine.conditions.remove(.down, slot: slot) }
        }
        return changes
    }

    /// Notes where the counters of backends stand that are watched from now on.
    ///
    /// A slot may have been another backend's; and what happens before the next look counts.
    func beginWatching() {
        for service in state.services where service.protection.destCheck != nil {
            for key in watchedBackends(of: service) {
                guard health.records[key] == nil, let slot = slot(of: key) else { continue }
                health.records[key] = .init(
                    failures: engine.total(.failures, slot: slot),
                    successes: engine.total(.successes, slot: slot)
                )
            }
        }
    }

    private func isServing(_ key: BackendKey) -> Bool {
        let isInhibited = health.records[key]?.health.isInhibited ?? false
        return !isInhibited && !checks.isExcluded(key)
    }

    private func watchedBackends(of service: Service) -> [BackendKey] {
        service.backends.filter { $0.weight > 0 }
            .map { BackendKey(service: service.key, endpoint: $0.endpoint) }
    }

    private func look(
        at key: BackendKey,
        _ check: DestCheck,
        mayInhibit: Bool,
        _ now: Instant
    ) -> HealthChange.Event? {
        guard let slot = slot(of: key), var record = health.records[key] else { return nil }
        let failures = engine.total(.failures, slot: slot)
        let successes = engine.total(.successes, slot: slot)
        let event = record.health.observed(
            failures: failures &- record.failures,
            successes: successes &- record.successes,
            check,
            mayInhibit: mayInhibit,
            at: now
        )
        (record.failures, record.successes) = (failures, successes)
        health.records[key] = record
        switch event {
        case nil: return nil
        case .inhibited(let length):
            engine.conditions.insert(.down, slot: slot)
            return .inhibited(length)
        case .serving:
            engine.conditions.remove(.down, slot: slot)
            return .serving
        }
    }
}
