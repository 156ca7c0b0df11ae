// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// What leads from `old` to `new`, in an order in which every state in between can be run.
///
/// What services stand on comes before them and goes after them. `apply` of the result to `old` is
/// `new`; the result is empty when the two are equal. Keys must be unique in each state.
package func changes(from old: DesiredState, to new: DesiredState) -> [Change] {
    let vlans = ListDifference(from: old.vlans, to: new.vlans, by: \.key)
    let tunnels = ListDifference(from: old.tunnels, to: new.tunnels, by: \.key)
    let addresses = ListDifference(from: old.addresses, to: new.addresses, by: \.key)
    let routes = ListDifference(from: old.routes, to: new.routes, by: \.key)
    let neighbours = ListDifference(from: old.neighbours, to: new.neighbours, by: \.key)
    var result = settingChanges(from: old.settings, to: new.settings)
    result += vlans.reordered.map { [.order(.vlans($0))] } ?? []
    result += vlans.added.map { .addVLAN($0.element, after: $0.after) }
    result += vlans.changed.map { .changeVLAN(from: $0.from, to: $0.to) }
    result += tunnels.reordered.map { [.order(.tunnels($0))] } ?? []
    result += tunnels.added.map { .addTunnel($0.element, after: $0.after) }
    result += tunnels.changed.map { .changeTunnel(from: $0.from, to: $0.to) }
    result += addresses.reordered.map { [.order(.addresses($0))] } ?? []
    result += addresses.added.map { .addAddress($0.element, after: $0.after) }
    result += addresses.changed.map { .changeAddress(from: $0.from, to: $0.to) }
    result += routes.reordered.map { [.order(.routes($0))] } ?? []
    result += routes.added.map { .addRoute($0.element, after: $0.after) }
    result += routes.changed.map { .changeRoute(from: $0.from, to: $0.to) }
    result += neighbours.reordered.map { [.order(.neighbours($0))] } ?? []
    result += neighbours.added.map { .addNeighbour($0.element, after: $0.after) }
    result += neighbours.changed.map { .changeNeighbour(from: $0.from, to: $0.to) }
    result += serviceChanges(from: old.services, to: new.services)
    result += neighbours.removed.map { .removeNeighbour($0) }
    result += routes.removed.map { .removeRoute($0) }
    result += addresses.removed.map { .removeAddress($0) }
    result += tunnels.removed.map { .removeTunnel($0) }
    result += vlans.removed.map { .removeVLAN($0) }
    return result
}

private func settingChanges(from old: Settings, to new: Settings) -> [Change] {
    var result: [Change] = []
    for path in Set(old.items.keys).union(new.items.keys).sorted()
    where old.items[path] != new.items[path] {
        result.append(.item(path: path, from: old.items[path], to: new.items[path]))
    }
    for blocks in Change.Blocks.allCases {
        let (before, after) = (old[blocks], new[blocks])
        if before != after { result.append(.blocks(blocks, from: before, to: after)) }
    }
    return result
}

private func serviceChanges(from old: [Service], to new: [Service]) -> [Change] {
    let services = ListDifference(from: old, to: new, by: \.key)
    var result: [Change] = services.removed.map { .removeService($0) }
    result += services.reordered.map { [.order(.services($0))] } ?? []
    for (before, after) in services.changed {
        var attributes = after
        attributes.backends = before.backends
        if attributes != before { result.append(.changeService(from: before, to: attributes)) }
        result += backendChanges(
            of: ServiceTitle(after),
            from: before.backends,
            to: after.backends
        )
    }
    result += services.added.map { .addService($0.element, after: $0.after) }
    return result
}

/// New backends come first, so that a service never has none in between.
private func backendChanges(
    of title: ServiceTitle,
    from old: [Backend],
    to new: [Backend]
) -> [Change] {
    let backends = ListDifference(from: old, to: new, by: \.endpoint)
    var result: [Change] = backends.reordered.map { [.order(.backends(of: title, $0))] } ?? []
    result += backends.added.map { .addBackend($0.element, of: title, after: $0.after) }
    result += backends.changed.map { .changeBackend(of: title, from: $0.from, to: $0.to) }
    result += backends.removed.map { .removeBackend($0, of: title) }
    return result
}

extension Settings {
    subscript(blocks: Change.Blocks) -> [NamedBlock] {
        get {
            switch blocks {
            case .devices: devices
            case .bonds: bonds
            case .workers: workers
            }
        }
        set {
            switch blocks {
            case .devices: devices = newValue
            case .bonds: bonds = newValue
            case .workers: workers = newValue
            }
        }
    }
}
