// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Balancing
import Dataplane
package import Model
package import Timing

/// Counters of configured objects over all workers, of one moment.
package struct ProvisioningTotals: Sendable {
    /// Indexed by `BackendCounter`.
    package typealias Counters = [UInt64]

    package struct ServiceTotals: Sendable {
        package var service: Service
        /// It is gone, and only the backends that it left behind are told of.
        package var isRemoved = false
        /// In the order of the service's targets.
        package var backends: [Counters]
        /// Backends included that are gone.
        package var sum: Counters
        /// Why backends get no new connections, in their order.
        package var conditions: [BackendConditions.Reasons]
        /// What the backends and the sum were when somebody zeroed them; empty: nobody has.
        package var marks: (backends: [Counters], sum: Counters)?
        /// Removed backends that still have connections.
        package var leaving: [(endpoint: Endpoint, counters: Counters)]
        package var refused: Refused
    }

    /// Connections that a service did not get.
    package struct Refused: Sendable, Equatable {
        package var overLimit: UInt64 = 0
        package var overRate: UInt64 = 0
        package var denied: UInt64 = 0
        package var notAllowed: UInt64 = 0
        package var withoutBackend: UInt64 = 0
    }

    package struct LocalAddressTotals: Sendable {
        package var address: IPAddress
        package var used: UInt64
        package var capacity: UInt64
        package var exhausted: UInt64
    }

    package var services: [ServiceTotals]
    package var localAddresses: [LocalAddressTotals]
    /// Connections of all backends, those included that are gone.
    package var activeConnections: UInt64
    package var inactiveConnections: UInt64
}

extension Provisioner {
    /// All that is counted; of services those that fit the filter.
    package func totals(of services: ServiceFilter = ServiceFilter()) -> ProvisioningTotals {
        var gone = retiredTotals
        var leaving: [Service.Key: [(endpoint: Endpoint, counters: [UInt64])]] = [:]
        for key in books.backendSlots.retired {
            guard let slot = books.backendSlots.slots[key] else { continue }
            let counters = counters(of: UInt32(slot))
            gone[key.service] = Self.sum(gone[key.service], counters)
            if counters[BackendCounter.claimed.rawValue] > 0 {
                leaving[key.service, default: []].append((key.endpoint, counters))
            }
        }
        // Those that are gone are told of as long as they have connections.
        let removed = books.gone.values.filter { leaving[$0.key] != nil }
            .sorted { ($0.name, "\($0.key)") < ($1.name, "\($1.key)") }
        return ProvisioningTotals(
            services: chosen(by: services, removed)
                .map { service in
                    let slots = service.targets.map {
                        slot(of: BackendKey(service: service.key, endpoint: $0.endpoint))
                    }
                    let backends = slots.map { $0.map(counters) ?? Self.zeros }
                    let sum = backends.reduce(gone[service.key] ?? Self.zeros) { Self.sum($0, $1) }
                    return .init(
                        service: service,
                        isRemoved: books.gone[service.key] != nil,
                        backends: backends,
                        sum: sum,
                        conditions: slots.map { $0.map(engine.conditions.reasons) ?? [] },
                        marks: zeroMarks.marks(of: service),
                        leaving: leaving[service.key] ?? [],
                        refused: refused(of: service.key)
                    )
                },
            localAddresses: books.localSlots.slots.sorted { $0.key < $1.key }
                .map { address, slot in
                    let pools = books.pools[slot].pools
                    return .init(
                        address: address,
                        used: pools.reduce(0) { $0 + $1.used },
                        capacity: pools.reduce(0) { $0 + $1.capacity },
                        exhausted: pools.reduce(0) { $0 + $1.exhausted }
                    )
                },
            activeConnections: connections(.active),
            inactiveConnections: connections(.inactive)
        )
    }

    /// Services that fit a filter; one that names a service is answered without a look at the others.
    private func chosen(by filter: ServiceFilter, _ removed: [Service]) -> [Service] {
        if filter.isEverything { return state.services + removed }
        if let key = filter.key, let known = books.service(key) { return [known.service] }
        return (state.services + removed).filter(filter.contains)
    }

    /// How many clients each backend of a persistent service is remembered for.
    package func persistentClients(at now: Instant) -> [BackendKey: Int] {
        guard state.services.contains(where: { $0.persistence != nil }) else { return [:] }
        let bySlot = engine.persistence.clients(now: now.tick)
        return books.backendSlots.slots.compactMapValues { bySlot[UInt32($0)] }
    }

    /// Connections of every backend that has some.
    package func connections(_ kind: BackendCounter) -> UInt64 {
        books.backendSlots.slots.values.reduce(0) { $0 &+ engine.total(kind, slot: UInt32($1)) }
    }

    private func refused(of service: Service.Key) -> ProvisioningTotals.Refused {
        guard let slot = books.serviceSlots.slots[service].map(UInt32.init) else { return .init() }
        return .init(
            overLimit: engine.total(.overLimit, slot: slot),
            overRate: engine.total(.overRate, slot: slot),
            denied: engine.total(.denied, slot: slot),
            notAllowed: engine.total(.notAllowed, slot: slot),
            withoutBackend: engine.total(.withoutBackend, slot: slot)
        )
    }

    static let zeros = Array(repeating: UInt64(0), count: BackendCounter.stride)

    func counters(of slot: UInt32) -> [UInt64] {
        BackendCounter.allCases.map { engine.total($0, slot: slot) }
    }

    static func sum(_ left: [UInt64]?, _ right: [UInt64]) -> [UInt64] {
        zip(left ?? zeros, right).map { $0 &+ $1 }
    }
}
