// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking

extension Provisioner {
    struct CompiledNetwork {
        var routes: [RouteTable<UInt32>.Entry] = []
        var gateways: [AdjacencyHandle] = []
        var addresses: [OwnAddress] = []
        /// The addresses of `addresses`.
        var known: Set<IPv4Address> = []

        mutating func add(_ address: OwnAddress) {
            if known.insert(address.address).inserted { addresses.append(address) }
        }
    }

    /// Routes from the least to the most specific origin: a later equal prefix counts.
    func compileNetwork(of state: DesiredState) throws(ProvisioningError) -> CompiledNetwork {
        var network = CompiledNetwork()
        for route in state.routes { try add(route, of: state, to: &network) }
        for address in state.addresses {
            guard let own = address.prefix.address.ipv4 else { continue }
            let port = try index(of: address.interface)
            addConnected(address.prefix, port, to: &network)
            network.add(OwnAddress(own, prefix: address.prefix, port: port))
        }
        for service in state.services {
            guard let address = service.key.address.ipv4 else { continue }
            addImplied(address, of: state, to: &network)
        }
        // Removed local addresses stay ours until their last connection has ended.
        for (address, slot) in localSlots.slots {
            guard let address = address.ipv4 else { continue }
            addImplied(address, of: state, to: &network)
            network.routes.append(
                .init(
                    network: address.rawValue,
                    length: 32,
                    target: RouteTarget(.localAddress, index: slot)
                )
            )
        }
        let locals = Set(localSlots.slots.keys.compactMap(\.ipv4))
        for own in network.addresses where !locals.contains(own.address) {
            network.routes.append(
                .init(network: own.address.rawValue, length: 32, target: RouteTarget(.local))
            )
        }
        return network
    }

    /// Asks for the neighbours of backends before the first client does.
    func warmUpBackends(of state: DesiredState) {
        let forwarding = unsafe engine.interchange.cell.current().pointee.forwarding
        for service in state.services {
            for backend in service.backends {
                guard let address = backend.endpoint.address.ipv4 else { continue }
                let target = forwarding.routes.target(for: address.rawValue)
                guard target.kind == .link else { continue }
                _ = neighbours.adjacency(for: .v4(address), port: target.index, isPinned: false)
            }
        }
    }

    private func index(of interface: String) throws(ProvisioningError) -> Int {
        guard let found = interfaces.first(where: { $0.name == interface }) else {
            throw ProvisioningError("there is no interface '\(interface)'")
        }
        return found.index
    }

    private func addConnected(_ prefix: IPPrefix, _ port: Int, to network: inout CompiledNetwork) {
        guard !prefix.isHost, let base = prefix.network.address.ipv4 else { return }
        network.routes.append(
            .init(
                network: base.rawValue,
                length: prefix.length,
                target: RouteTarget(.link, index: port)
            )
        )
    }

    /// An address that is ours because a service says so.
    private func addImplied(
        _ address: IPv4Address,
        of state: DesiredState,
        to network: inout CompiledNetwork
    ) {
        let connected = state.addresses.first { $0.prefix.contains(.v4(address)) }
        let port = connected.flatMap { link in interfaces.first { $0.name == link.interface } }
        network.add(
            OwnAddress(address, prefix: IPPrefix(host: .v4(address)), port: port?.index)
        )
    }

    private func add(
        _ route: Route,
        of state: DesiredState,
        to network: inout CompiledNetwork
    ) throws(ProvisioningError) {
        guard let destination = route.destination.network.address.ipv4 else { return }
        let target: RouteTarget
        if let gateway = route.gateway {
            let port = try port(of: gateway, on: route.interface, state)
            guard
                let handle = neighbours.adjacency(for: gateway, port: port, isPinned: true)
            else { throw ProvisioningError("no room for gateway \(gateway) among the neighbours") }
            target = RouteTarget(.gateway, index: network.gateways.count)
            network.gateways.append(handle)
        } else if let interface = route.interface {
            target = RouteTarget(.link, index: try index(of: interface))
        } else {
            throw ProvisioningError("route \(route.destination) has no gateway and no interface")
        }
        network.routes.append(
            .init(network: destination.rawValue, length: route.destination.length, target: target)
        )
    }

    private func port(
        of gateway: IPAddress,
        on interface: String?,
        _ state: DesiredState
    ) throws(ProvisioningError) -> Int {
        if let interface { return try index(of: interface) }
        guard let link = state.addresses.first(where: { $0.prefix.contains(gateway) }) else {
            throw ProvisioningError("gateway \(gateway) is on no link: give the route an interface")
        }
        return try index(of: link.interface)
    }
}
