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

extension NamedBlock {
    /// What the kernel's side of a device is called.
    package var companionName: String { text("kni_name") ?? "\(name).kni" }

    package var companionType: CompanionType {
        CompanionType(rawValue: text("kni_type") ?? "") ?? .auto
    }
}
