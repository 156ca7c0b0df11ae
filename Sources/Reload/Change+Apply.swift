// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// `state` after these changes; one that names an object which is not there does nothing.
package func apply(_ changes: [Change], to state: DesiredState) -> DesiredState {
    var result = state
    for change in changes { change.apply(to: &result) }
    return result
}

extension Change {
    package func apply(to state: inout DesiredState) {
        switch self {
        case .item(let path, _, let value): state.settings.items[path] = value
        case .blocks(let blocks, _, let value): state.settings[blocks] = value
        case .addVLAN(let vlan, let previous):
            state.vlans.insert(vlan, after: previous, by: \.key)
        case .changeVLAN(_, let vlan): state.vlans.replace(with: vlan, by: \.key)
        case .removeVLAN(let vlan): state.vlans.removeAll { $0.key == vlan.key }
        case .addTunnel(let tunnel, let previous):
            state.tunnels.insert(tunnel, after: previous, by: \.key)
        case .changeTunnel(_, let tunnel): state.tunnels.replace(with: tunnel, by: \.key)
        case .removeTunnel(let tunnel): state.tunnels.removeAll { $0.key == tunnel.key }
        case .addAddress(let address, let previous):
            state.addresses.insert(address, after: previous, by: \.key)
        case .changeAddress(_, let address): state.addresses.replace(with: address, by: \.key)
        case .removeAddress(let address): state.addresses.removeAll { $0.key == address.key }
        case .addRoute(let route, let previous):
            state.routes.insert(route, after: previous, by: \.key)
        case .changeRoute(_, let route): state.routes.replace(with: route, by: \.key)
        case .removeRoute(let route): state.routes.removeAll { $0.key == route.key }
        case .addNeighbour(let neighbour, let previous):
            state.neighbours.insert(neighbour, after: previous, by: \.key)
        case .changeNeighbour(_, let neighbour):
            state.neighbours.replace(with: neighbour, by: \.key)
        case .removeNeighbour(let neighbour):
            state.neighbours.removeAll { $0.key == neighbour.key }
        case .addService(let service, let previous):
            state.services.insert(service, after: previous, by: \.key)
        case .changeService(_, let service):
            state.change(service.key) { old in
                let backends = old.backends
                old = service
                old.backends = backends
            }
        case .removeService(let service): state.services.removeAll { $0.key == service.key }
        case .addBackend(let backend, let title, let previous):
            state.change(title.key) {
                $0.backends.insert(backend, after: previous, by: \.endpoint)
            }
        case .changeBackend(let title, _, let backend):
            state.change(title.key) { $0.backends.replace(with: backend, by: \.endpoint) }
        case .removeBackend(let backend, let title):
            state.change(title.key) { service in
                service.backends.removeAll { $0.endpoint == backend.endpoint }
            }
        case .order(let order): order.apply(to: &state)
        }
    }
}

extension Change.Order {
    fileprivate func apply(to state: inout DesiredState) {
        switch self {
        case .vlans(let keys): state.vlans.order(as: keys, by: \.key)
        case .tunnels(let keys): state.tunnels.order(as: keys, by: \.key)
        case .addresses(let keys): state.addresses.order(as: keys, by: \.key)
        case .routes(let keys): state.routes.order(as: keys, by: \.key)
        case .neighbours(let keys): state.neighbours.order(as: keys, by: \.key)
        case .services(let keys): state.services.order(as: keys, by: \.key)
        case .backends(let title, let keys):
            state.change(title.key) { $0.backends.order(as: keys, by: \.endpoint) }
        }
    }
}

extension DesiredState {
    fileprivate mutating func change(_ key: Service.Key, _ body: (inout Service) -> Void) {
        guard let index = services.firstIndex(where: { $0.key == key }) else { return }
        body(&services[index])
    }
}
