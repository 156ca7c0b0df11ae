// SPDX-License-Identifier: Apache-2.0
import Addressing

/// Whether addresses can be reached from where this node is, as far as the files tell.
///
/// The kernel may know more networks and routes than the files, so what has no way is warned of; what
/// cannot be the address of a host anywhere is refused.
extension StateChecker {
    /// Networks that this node has an address in.
    private var links: [IPPrefix] { addresses.map(\.value.prefix.network) }

    /// Complains about an address that means a whole link: its network's first or last one.
    mutating func checkHost(_ address: IPAddress, _ location: TextLocation, _ path: String) {
        let link = links.first { $0.contains(address) && Self.isWhole(address, of: $0) }
        guard let link else { return }
        report(
            location,
            path,
            Self.wholeProblem(address, of: link),
            address.description,
            "an address of a host"
        )
    }

    /// The same for an own address with its network.
    mutating func checkHost(_ prefix: IPPrefix, _ location: TextLocation, _ path: String) {
        guard Self.isWhole(prefix.address, of: prefix.network) else { return }
        report(
            location,
            path,
            Self.wholeProblem(prefix.address, of: prefix.network),
            prefix.description,
            "an address of a host in it"
        )
    }

    /// All bits of the host are 0, or of IPv4 all are 1; networks of two or one address have hosts
    /// only (RFC 3021, RFC 6164).
    private static func isWhole(_ address: IPAddress, of network: IPPrefix) -> Bool {
        guard network.length < network.address.family.width - 1 else { return false }
        let bounds = network.bounds
        return address == bounds.lowerBound
            || address.family == .ipv4 && address == bounds.upperBound
    }

    private static func wholeProblem(_ address: IPAddress, of network: IPPrefix) -> String {
        let isFirst = address == network.bounds.lowerBound
        guard isFirst else { return "is the broadcast address of \(network)" }
        return address.family == .ipv4
            ? "is the address of the network \(network)"
            : "is the address of all routers in \(network)"
    }

    // MARK: - Networks of services

    /// Every address of a service's network is answered for, so none may be another node's.
    mutating func checkOverlap(
        _ network: IPPrefix,
        _ location: TextLocation,
        _ path: String
    ) {
        guard let (address, role) = foreignNode(in: network) else { return }
        report(
            location,
            path,
            "holds \(address), \(role), and would be answered for here",
            network.description,
            "a network without the addresses of other nodes and of interfaces"
        )
    }

    private func foreignNode(in network: IPPrefix) -> (IPAddress, String)? {
        for object in addresses where network.contains(object.value.prefix.address) {
            return (object.value.prefix.address, "the address of \(object.value.interface)")
        }
        for object in routes {
            guard let gateway = object.value.gateway, network.contains(gateway) else { continue }
            return (gateway, "the gateway to \(object.value.destination)")
        }
        for object in neighbours where network.contains(object.value.address) {
            return (object.value.address, "a neighbour")
        }
        return nil
    }

    // MARK: - Gateways

    /// A gateway is another node.
    mutating func checkGateway(_ gateway: IPAddress, _ location: TextLocation, _ path: String) {
        // A network of a service that holds it is complained about itself.
        if ownHosts.contains(gateway) || localGateways.contains(gateway) {
            let message = "is an address of the balancer itself"
            report(location, path, message, gateway.description, "the address of a router")
        } else {
            checkHost(gateway, location, path)
        }
    }

    /// What an interface can send bounds what a route can.
    mutating func checkMTU(_ object: Located<Route>) {
        let route = object.value
        let name =
            route.interface
            ?? route.gateway.flatMap { gateway in
                addresses.first { $0.value.prefix.contains(gateway) }?.value.interface
            }
        checkMTU(object, route.mtu, within: name)
    }

    /// What a device can send bounds what a VLAN on it can.
    mutating func checkMTU(_ object: Located<VLANInterface>) {
        checkMTU(object, object.value.mtu, within: object.value.link)
    }

    private mutating func checkMTU<Value>(
        _ object: Located<Value>,
        _ mtu: Int?,
        within interface: String?
    ) {
        guard let mtu, let interface else { return }
        let vlan = vlans.first { $0.value.name == interface }?.value
        let device = vlan?.link ?? interface
        let ports = settings.ports.filter { $0.name == device }.compactMap { $0.integer("mtu") }
        guard let most = (ports + [vlan?.mtu].compactMap(\.self)).min(), mtu > most else { return }
        warn(
            object.location(of: "mtu"),
            object.path + ".mtu",
            "is more than \(interface) has: \(most) counts",
            "\(mtu)",
            "at most \(most), or a larger mtu of \(interface)"
        )
    }

    // MARK: - Backends and local addresses

    /// Warns of a backend that no route of the files leads to.
    mutating func checkReach(
        of backend: IPAddress,
        _ mode: ForwardingMode,
        _ location: TextLocation,
        _ path: String
    ) {
        guard knowsNetworks(of: backend.family), !links.contains(where: { $0.contains(backend) })
        else { return }
        if mode == .dr {
            let message = "is on no network of addresses, and mode dr reaches neighbours only"
            warn(location, path, message, backend.description, "a neighbour, or mode tunnel")
        } else if !routes.contains(where: { $0.value.destination.contains(backend) }) {
            let accepted = "a network of addresses, or a route, that holds it"
            warn(location, path, "is where no route leads", backend.description, accepted)
        }
    }

    /// Warns of a local address that no neighbour would ask for.
    mutating func checkLink(
        of local: IPAddress,
        _ location: TextLocation,
        _ path: String
    ) {
        guard knowsNetworks(of: local.family), !links.contains(where: { $0.contains(local) }) else {
            return
        }
        warn(
            location,
            path,
            "is on no network of addresses: routers must send here what goes to it",
            local.description
        )
    }

    /// Whether the files say something about networks of a family, all of it readable.
    private func knowsNetworks(of family: AddressFamily) -> Bool {
        guard !isIncomplete, links.contains(where: { $0.address.family == family }) else {
            return false
        }
        return family == .ipv4 || !settings.isOn("ipv6_defs.accept_ra")
    }
}
