// SPDX-License-Identifier: Apache-2.0
import Addressing

/// Tunnels that are interfaces.
extension StateChecker {
    mutating func checkTunnels() {
        checkUnique(tunnels, "name") { $0.name }
        checkUnique(tunnels, "tunnel") { $0.way }
        for tunnel in tunnels { check(tunnel) }
        if tunnels.count > TunnelInterface.limit, let last = tunnels.last {
            report(
                last.location(of: "tunnel"),
                last.path,
                "are too many tunnels",
                "\(tunnels.count)",
                "at most \(TunnelInterface.limit)"
            )
        }
    }

    private mutating func check(_ object: Located<TunnelInterface>) {
        let tunnel = object.value
        let location = object.location(of: "tunnel")
        let path = object.path + ".tunnel"
        let devices = settings.ports.map(\.name)
        let others = devices + settings.devices.map(\.name) + vlans.map(\.value.name)
        if others.contains(tunnel.name) {
            report(
                object.location(of: "name"),
                object.path + ".name",
                "is the name of a device or a VLAN",
                tunnel.name,
                "a name of its own"
            )
        }
        let links = devices + vlans.map(\.value.name)
        if let link = tunnel.link, !devices.isEmpty, !links.contains(link) {
            report(
                location,
                path + ".link",
                "is no device of dpvs.conf and no VLAN",
                link,
                links.joined(separator: ", ")
            )
        }
        if let remote = tunnel.remote, let local = tunnel.local, remote.family != local.family {
            report(
                location,
                path + ".local",
                "is of another family than remote",
                "\(local)",
                "an address like \(remote)"
            )
        }
        if tunnel.kind == .ipip, !tunnel.input.isEmpty || !tunnel.output.isEmpty {
            report(
                location,
                path + ".kind",
                "has no keys, checksums and sequence numbers",
                "ipip",
                "gre, or none of key, csum and seq"
            )
        }
        if tunnel.remote == nil, tunnel.local == nil, tunnel.input.key == nil {
            report(
                location,
                path + ".remote",
                "is missing, and so are local and key: nothing tells what arrives by it",
                nil,
                "at least one of remote, local and key"
            )
        }
    }
}
