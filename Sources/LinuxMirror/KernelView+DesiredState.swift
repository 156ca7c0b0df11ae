// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

extension KernelView {
    /// Addresses, routes and neighbours of interfaces, owned by the kernel; `interfaces` are by the
    /// name of the companion.
    ///
    /// A companion that is down has nothing to say. Of two addresses that differ in their length
    /// alone the one with the larger network counts, of two routes to one destination the one with
    /// the smaller metric. The route that an address implies is no route of its own.
    package func desiredState(interfaces: [String: String]) -> DesiredState {
        var state = DesiredState()
        var best: [Model.Route.Key: UInt32] = [:]
        for link in links where link.isUp {
            guard let interface = interfaces[link.name] else { continue }
            let addresses = link.ownAddresses
            state.addresses += addresses.map {
                InterfaceAddress(interface: interface, prefix: $0, owner: .kernel, isInKernel: true)
            }
            state.neighbours += link.neighbours.map {
                Model.Neighbour(
                    interface: interface,
                    address: $0.address,
                    macAddress: $0.macAddress,
                    owner: .kernel
                )
            }
            let connected = Set(addresses.map(\.network))
            for path in link.routes
            where path.gateway != nil || !connected.contains(path.destination) {
                let route = path.route(on: interface)
                if let known = best[route.key] {
                    guard path.metric < known else { continue }
                    state.routes.removeAll { $0.key == route.key }
                }
                best[route.key] = path.metric
                state.routes.append(route)
            }
        }
        return state
    }
}

extension KernelView.Link {
    /// Each address once.
    fileprivate var ownAddresses: [IPPrefix] {
        var lengths: [IPAddress: Int] = [:]
        for address in addresses {
            let prefix =
                address.hasNetwork ? address.prefix : IPPrefix(host: address.prefix.address)
            let known = lengths[prefix.address] ?? prefix.length
            lengths[prefix.address] = min(known, prefix.length)
        }
        return lengths.compactMap { IPPrefix($0, length: $1) }.sorted()
    }
}

extension KernelView.Path {
    fileprivate func route(on interface: String) -> Route {
        Route(
            destination: destination,
            gateway: gateway,
            interface: interface,
            mtu: mtu,
            owner: .kernel
        )
    }
}
