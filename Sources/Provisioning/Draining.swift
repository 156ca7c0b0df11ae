// SPDX-License-Identifier: Apache-2.0
import Model
import Timing

/// Backends that get no new connections, and how long their old ones may go on: a value without
/// clock.
///
/// A backend drains when its weight is 0 or it is gone from its service. What a service that is
/// gone itself said about that goes on to hold.
struct Draining {
    private struct Entry {
        var since: Instant
        var patience: Duration

        func isOver(at now: Instant) -> Bool { since.advanced(by: patience) <= now }
    }

    private var entries: [Provisioner.BackendKey: Entry] = [:]

    /// The same at `now`, when `new` takes the place of `old`.
    ///
    /// `gone` are backends that are in no state any more and may have connections. Backends without a
    /// slot, `hasSlot` says, have no connections left and are forgotten.
    func following(
        from old: DesiredState,
        to new: DesiredState,
        at now: Instant,
        gone: Set<Provisioner.BackendKey> = [],
        hasSlot: (Provisioner.BackendKey) -> Bool
    ) -> Draining {
        var result = Draining()
        guard !entries.isEmpty || Self.mayDrain(old) || Self.mayDrain(new) else { return result }
        let services = Dictionary(new.services.map { ($0.key, $0) }) { first, _ in first }
        var present: Set<Provisioner.BackendKey> = []
        for service in new.services {
            for backend in service.backends {
                let key = Self.key(backend, service)
                present.insert(key)
                guard backend.weight == 0 else { continue }
                result.add(key, service.protection.patience, entries[key]?.since ?? now)
            }
        }
        for service in old.services {
            let patience = (services[service.key] ?? service).protection.patience
            for key in service.backends.map({ Self.key($0, service) })
            where !present.contains(key) {
                result.add(key, patience, entries[key]?.since ?? now)
            }
        }
        for (key, entry) in entries where !present.contains(key) && result.entries[key] == nil {
            guard hasSlot(key) else { continue }
            let patience = services[key.service].map(\.protection.patience) ?? entry.patience
            result.add(key, patience, entry.since)
        }
        // What a service says now holds for those that it lost before it said so.
        for key in gone where !present.contains(key) && result.entries[key] == nil {
            result.add(key, services[key.service]?.protection.patience, now)
        }
        return result
    }

    /// Backends whose connections are to end.
    func over(at now: Instant) -> Set<Provisioner.BackendKey> {
        Set(entries.filter { $0.value.isOver(at: now) }.keys)
    }

    private mutating func add(
        _ key: Provisioner.BackendKey,
        _ patience: Duration?,
        _ since: Instant
    ) {
        if let patience { entries[key] = Entry(since: since, patience: patience) }
    }

    private static func mayDrain(_ state: DesiredState) -> Bool {
        state.services.contains { $0.protection.patience != nil }
    }

    private static func key(_ backend: Backend, _ service: Service) -> Provisioner.BackendKey {
        Provisioner.BackendKey(service: service.key, endpoint: backend.endpoint)
    }
}
