// SPDX-License-Identifier: Apache-2.0
import Balancing
import Containers
import Dataplane
import Filtering
import Model

/// Sets of addresses, and lists that name them by their slots: a set that changes asks for no service
/// to be compiled again.
extension SnapshotCompiler {
    /// Compiles the sets of `state` that are new or changed.
    mutating func compileSets(of state: DesiredState) throws(ProvisioningError) {
        for set in state.sets { try keep(.named(set.name), set.entries) }
        let inline = Self.entries(in: state.denials.map(\.source))
        if !inline.isEmpty { try keep(.screen, inline) }
        books.screen = try names(state.denials.map(\.source), .screen)
        guard books.sets.count > state.sets.count else { return }
        var wanted: Set<SetKey> = Set(state.sets.map { .named($0.name) })
        if !inline.isEmpty { wanted.insert(.screen) }
        if books.traits.contains(.hasLists) {
            for known in books.services where known.traits.contains(.hasLists) {
                wanted.formUnion([.allow(known.service.key), .deny(known.service.key)])
            }
        }
        for key in books.sets.keys where !wanted.contains(key) {
            books.sets[key] = nil
            books.setSlots.retire(key)
        }
    }

    /// Who may open connections of a service, by slots of sets.
    mutating func access(of service: Service) throws(ProvisioningError) -> AccessRule {
        guard !service.access.isEmpty else { return AccessRule() }
        let (allow, deny) = (service.access.allow, service.access.deny)
        try keep(.allow(service.key), Self.entries(in: allow))
        try keep(.deny(service.key), Self.entries(in: deny))
        return AccessRule(
            allow: try names(allow, .allow(service.key)),
            deny: try names(deny, .deny(service.key))
        )
    }

    /// Addresses that stand in a list itself.
    private static func entries(in sources: [AddressSource]) -> [AddressSet.Entry] {
        sources.compactMap(\.range).map { AddressSet.Entry($0) }
    }

    private mutating func keep(
        _ key: SetKey,
        _ entries: [AddressSet.Entry]
    ) throws(ProvisioningError) {
        guard !entries.isEmpty || isNamed(key) else {
            books.sets[key] = nil
            return
        }
        _ = try slot(of: key)
        if let known = books.sets[key], known.entries == entries { return }
        books.sets[key] = CompiledSet(entries)
    }

    private func isNamed(_ key: SetKey) -> Bool {
        if case .named = key { true } else { false }
    }

    private mutating func names(
        _ sources: [AddressSource],
        _ inline: SetKey
    ) throws(ProvisioningError) -> SetNames {
        var slots: [UInt16] = []
        if sources.contains(where: { $0.range != nil }) { slots.append(try slot(of: inline)) }
        for name in sources.compactMap(\.setName) { slots.append(try slot(of: .named(name))) }
        return SetNames(slots)
    }

    /// The slot of a set, which is nobody else's as long as there are others: counters go on with it.
    private mutating func slot(of key: SetKey) throws(ProvisioningError) -> UInt16 {
        if let slot = books.setSlots.slot(for: key) { return UInt16(slot) }
        for retired in books.setSlots.retired { books.setSlots.release(retired) }
        guard let slot = books.setSlots.slot(for: key) else {
            throw ProvisioningError(
                "more than \(books.setSlots.capacity) sets and lists of addresses"
            )
        }
        return UInt16(slot)
    }
}

extension Provisioner {
    /// The named sets of what runs, with what they take and what they were asked.
    package var setTotals: [SetTotals] {
        books.state.sets.map { set in
            let slot = books.setSlots.slots[.named(set.name)].map(UInt32.init)
            return SetTotals(
                name: set.name,
                entries: set.entries.count,
                octets: books.sets[.named(set.name)]?.filter.handle.size ?? 0,
                hits: slot.map { engine.total(.hits, slot: $0) } ?? 0
            )
        }
    }
}

/// What there is to count of a named set.
package struct SetTotals: Equatable, Sendable {
    package var name: String
    package var entries: Int
    /// Of memory on the packet path.
    package var octets: Int
    package var hits: UInt64
}
