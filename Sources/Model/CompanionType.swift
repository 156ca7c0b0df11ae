// SPDX-License-Identifier: Apache-2.0

/// What the kernel's side of an interface is: `kni_type` of devices, `kniType` of VLANs.
package enum CompanionType: String, Equatable, Codable, Sendable, CaseIterable {
    /// What can be had; none when nothing can.
    case auto
    /// A TAP, made when it is not there.
    case tap
    /// A TAP that somebody has made before.
    case existing
    /// DPDK's virtio-user over vhost-net; devices only.
    case virtioUser = "virtio_user"
    case off

    /// The kernel's limit, IFNAMSIZ without its zero.
    package static let longestName = 15

    /// Those that a VLAN can have.
    package static let ofVLANs: [Self] = [.auto, .tap, .existing, .off]
}

extension CompanionType {
    /// Whether the kernel lets an interface have this name: `dev_valid_name` of Linux.
    package static func isInterfaceName(_ name: String) -> Bool {
        1...longestName ~= name.utf8.count && name != "." && name != ".."
            && !name.contains { $0.isWhitespace || $0 == "/" || $0 == ":" }
    }

    /// What such a name is made of, for messages.
    package static var namingRule: String {
        "1 to \(longestName) characters, no spaces, slashes and colons"
    }

    /// What the kernel's side of an interface is called that nobody gave another name.
    package static func name(of interface: String) -> String { "\(interface).kni" }
}

/// An interface of service files, of which the kernel may have a side.
package protocol CompanionBearer {
    var name: String { get }
    /// Of the kernel's side; nil: the interface's name with `.kni`.
    var companionName: String? { get }
    var companionType: CompanionType { get }
}

extension CompanionBearer {
    /// What the kernel's side is called, when there is one.
    package var companion: String { companionName ?? CompanionType.name(of: name) }
}

extension NamedBlock {
    /// What the kernel's side of a device is called.
    package var companionName: String { text("kni_name") ?? CompanionType.name(of: name) }

    package var companionType: CompanionType {
        CompanionType(rawValue: text("kni_type") ?? "") ?? .auto
    }
}

extension Settings {
    /// Whether a VLAN is to have a companion: by itself where its device is to have one.
    package func wantsCompanion(_ vlan: VLANInterface) -> Bool {
        guard isOn("global_defs.kni") else { return false }
        switch vlan.companionType {
        case .off: return false
        case .auto: return ports.first { $0.name == vlan.link }?.companionType != .off
        case .tap, .existing, .virtioUser: return true
        }
    }

    /// Whether a tunnel is to have a companion.
    package func wantsCompanion(_ tunnel: TunnelInterface) -> Bool {
        isOn("global_defs.kni") && tunnel.companionType != .off
    }

    /// What the kernel is to call its sides of devices and bonds.
    package var companionNames: Set<String> {
        guard isOn("global_defs.kni") else { return [] }
        return Set(ports.filter { $0.companionType != .off }.map(\.companionName))
    }
}

extension DesiredState {
    /// What the kernel is to call its sides of devices, bonds and VLANs.
    package var companionNames: Set<String> {
        settings.companionNames
            .union(vlans.filter { settings.wantsCompanion($0) }.map(\.companion))
            .union(tunnels.filter { settings.wantsCompanion($0) }.map(\.companion))
    }
}
