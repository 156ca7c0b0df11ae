// SPDX-License-Identifier: Apache-2.0
import Addressing
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

    private var entries: [Service.Key: [Endpoint: Entry]] = [:]

    var isEmpty: Bool { entries.isEmpty }

    /// The same at `now`, when some services were `changed` and others `removed`; `before` and `after`
    /// find services of the two states.
    ///
    /// Others are not looked at. `gone` are backends that are in no state any more and may have
    /// connections. Backends without a slot, `hasSlot` says, have no connections left and are
    /// forgotten.
    func following(
        changed: [Service],
        removed: [Service],
        gone: Set<Provisioner.BackendKey>,
        at now: Instant,
        before: (Service.Key) -> Service?,
        after: (Service.Key) -> Service?,
        hasSlot: (Provisioner.BackendKey) -> Bool
    ) -> Draining {
        var result = Draining()
        let looked = Set(changed.map(\.key))
        let others = entries.keys.filter { !looked.contains($0) }.compactMap(after)
        for service in changed + others {
            let known = before(service.key)
            let hasChanged = known != service
            let own = entries[service.key] ?? [:]
            guard hasChanged || !own.isEmpty else { continue }
            let patience = service.patience
            let present = Set(service.backends.map(\.endpoint))
            if hasChanged {
                let left = known?.backends.map(\.endpoint).filter { !present.contains($0) } ?? []
                let idle = service.backends.filter { $0.weight == 0 }.map(\.endpoint)
                for endpoint in idle + left {
                    result.add(service.key, endpoint, patience, own[endpoint]?.since ?? now)
                }
            }
            for (endpoint, entry) in own where !result.has(service.key, endpoint) {
                let isThere =
                    present.contains(endpoint)
                    ? !hasChanged : hasSlot(Self.key(endpoint, service.key))
                // A service that comes back has not said yet what holds for what it left behind.
                let own = known == nil && !present.contains(endpoint) ? entry.patience : nil
                if isThere { result.add(service.key, endpoint, patience ?? own, entry.since) }
            }
        }
        result.addServices(of: self, removed, at: now, hasSlot: hasSlot) { after($0) == nil }
        // What a service says now holds for those that it lost before it said so.
        for key in gone where !result.has(key.service, key.endpoint) {
            guard let service = after(key.service),
                !service.backends.contains(where: { $0.endpoint == key.endpoint })
            else { continue }
            result.add(key.service, key.endpoint, service.patience, now)
        }
        return result
    }

    /// Backends of services that are gone, as far as they still have connections.
    private mutating func addServices(
        of before: Draining,
        _ removed: [Service],
        at now: Instant,
        hasSlot: (Provisioner.BackendKey) -> Bool,
        isGone: (Service.Key) -> Bool
    ) {
        for service in removed {
            for backend in service.targets {
                let since = before.entries[service.key]?[backend.endpoint]?.since ?? now
                add(service.key, backend.endpoint, service.patience, since)
            }
        }
        for (service, own) in before.entries where isGone(service) {
            for (endpoint, entry) in own
            where !has(service, endpoint) && hasSlot(Self.key(endpoint, service)) {
                add(service, endpoint, entry.patience, entry.since)
            }
        }
    }

    /// Backends whose connections are to end.
    func over(at now: Instant) -> Set<Provisioner.BackendKey> {
        var result: Set<Provisioner.BackendKey> = []
        for (service, own) in entries {
            for (endpoint, entry) in own where entry.isOver(at: now) {
                result.insert(Self.key(endpoint, service))
            }
        }
        return result
    }

    /// Whether connections of the backend may go on for a while that is known.
    func isHeld(_ key: Provisioner.BackendKey) -> Bool { has(key.service, key.endpoint) }

    private func has(_ service: Service.Key, _ endpoint: Endpoint) -> Bool {
        entries[service]?[endpoint] != nil
    }

    private mutating func add(
        _ service: Service.Key,
        _ endpoint: Endpoint,
        _ patience: Duration?,
        _ since: Instant
    ) {
        guard let patience else { return }
        entries[service, default: [:]][endpoint] = Entry(since: since, patience: patience)
    }

    private static func key(
        _ endpoint: Endpoint,
        _ service: Service.Key
    ) -> Provisioner.BackendKey {
        Provisioner.BackendKey(service: service, endpoint: endpoint)
    }
}
