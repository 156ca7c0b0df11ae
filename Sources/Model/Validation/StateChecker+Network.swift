// SPDX-License-Identifier: Apache-2.0
import Addressing

/// VLANs, addresses, routes and neighbours.
extension StateChecker {
    mutating func check(_ object: Located<VLANInterface>) {
        let devices = settings.ports.map(\.name)
        guard !devices.isEmpty else { return }
        let vlan = object.value
        if !devices.contains(vlan.link) {
            report(
                object.location(of: "vlan"),
                object.path + ".vlan.link",
                slaveProblem(vlan.link) ?? "is no device of dpvs.conf",
                vlan.link,
                devices.joined(separator: ", "),
                nearest(to: vlan.link, in: devices)
            )
        }
        checkMTU(object)
        if (devices + settings.devices.map(\.name)).contains(vlan.name) {
            report(
                object.location(of: "name"),
                object.path + ".name",
                "is a device of dpvs.conf",
                vlan.name,
                "another name"
            )
        }
    }

    mutating func check(_ object: Located<InterfaceAddress>) {
        checkInterface(object.value.interface, object.location(of: "interface"), object.path)
        let prefix = object.value.prefix
        let (place, path) = (object.location(of: "address"), object.path + ".address")
        if checkUsable(prefix.address, place, path) { checkHost(prefix, place, path) }
    }

    /// The same link-local address may be ours on two links (RFC 4007 section 6).
    static func scoped(_ address: IPAddress, _ interface: String) -> String {
        address.ipv6?.isLinkLocal == true ? "\(address) on \(interface)" : "\(address)"
    }

    mutating func check(_ object: Located<Route>) {
        let route = object.value
        let path = object.path
        if let interface = route.interface {
            checkInterface(interface, object.location(of: "interface"), path)
        }
        if route.destination != route.destination.network {
            report(
                object.location(of: "to"),
                path + ".to",
                "has bits set beyond its length",
                route.destination.description,
                nil,
                route.destination.network.description
            )
        }
        checkMTU(of: route, object.location(of: "mtu"), path)
        checkMTU(object)
        if route.scope == .kniHost {
            checkScope(of: route, object.location(of: "scope"), path)
            return
        }
        guard let gateway = route.gateway else {
            if route.interface == nil {
                report(object.location, path, "goes nowhere", nil, "via, interface or both")
            }
            return
        }
        let location = object.location(of: "via")
        guard checkUsable(gateway, location, path + ".via") else { return }
        checkGateway(gateway, location, path + ".via")
        guard gateway.family == route.destination.address.family else {
            report(
                location,
                path + ".via",
                "is of another family than the network",
                gateway.description,
                "an address of the family of \(route.destination)"
            )
            return
        }
        guard route.interface == nil else { return }
        let isLinkLocal = gateway.ipv6?.isLinkLocal ?? false
        if isLinkLocal {
            report(
                location,
                path + ".via",
                "is link-local, so it may be on any link",
                gateway.description,
                "an interface beside it"
            )
        } else if !isIncomplete, !addresses.contains(where: { $0.value.prefix.contains(gateway) }) {
            report(
                location,
                path + ".via",
                "is on no network of addresses",
                gateway.description,
                "a gateway in a network of addresses, or an interface beside it"
            )
        }
    }

    mutating func check(_ object: Located<Neighbour>) {
        let neighbour = object.value
        let place = object.location(of: "address")
        checkInterface(neighbour.interface, object.location(of: "interface"), object.path)
        checkUsable(neighbour.address, place, object.path + ".address")
        if ownHosts.contains(neighbour.address) {
            report(
                place,
                object.path + ".address",
                "is an address of the balancer itself",
                neighbour.address.description
            )
        }
        if neighbour.macAddress.isMulticast || neighbour.macAddress == .zero {
            report(
                object.location(of: "mac"),
                object.path + ".mac",
                "cannot be the address of one host",
                neighbour.macAddress.description,
                "a MAC address without the group bit, such as 02:00:00:00:00:01"
            )
        }
    }

    /// The companion of an interface is where such a route ends.
    private mutating func checkScope(of route: Route, _ location: TextLocation, _ path: String) {
        guard route.gateway != nil || route.interface == nil else { return }
        report(
            location,
            path + ".scope",
            "leads to the kernel behind an interface",
            route.scope.rawValue,
            "an interface beside it, and no via"
        )
    }

    /// Every link of IPv6 takes 1280 octets (RFC 8200 section 5).
    private mutating func checkMTU(of route: Route, _ location: TextLocation, _ path: String) {
        guard route.destination.address.family == .ipv6, let mtu = route.mtu, mtu < 1280 else {
            return
        }
        report(location, path + ".mtu", "is too small for IPv6", "\(mtu)", "1280...9000")
    }

    mutating func checkInterface(
        _ name: String,
        _ location: TextLocation,
        _ path: String
    ) {
        let devices = settings.ports.map(\.name)
        let known = devices + vlans.map(\.value.name) + tunnels.map(\.value.name)
        guard !devices.isEmpty, !isIncomplete, !known.contains(name) else { return }
        let otherwise =
            known == devices ? "is no device of dpvs.conf" : "is neither a device nor an interface"
        report(
            location,
            path + ".interface",
            slaveProblem(name) ?? otherwise,
            name,
            known.joined(separator: ", "),
            nearest(to: name, in: known)
        )
    }

    private func slaveProblem(_ name: String) -> String? {
        settings.bondOfSlave[name].map { "is a slave of \($0)" }
    }
}
