// SPDX-License-Identifier: Apache-2.0

/// A device that the configuration or a device plugin names, and what drives it.
package struct BusDevice: Equatable, Codable, Sendable {
    /// What kind of driver has it: that decides what DPDK needs.
    package enum Kind: String, Codable, Sendable {
        /// DPDK drives it through an IOMMU group: `/dev/vfio/GROUP`.
        case vfio
        /// DPDK drives it without an IOMMU; only root may.
        case uio
        /// The kernel keeps it and DPDK shares it by libibverbs: mlx5, mlx4, mana.
        case bifurcated
        /// A kernel driver that DPDK cannot share has it.
        case kernel
        /// No driver has it.
        case unbound
        /// It is not in `/sys`.
        case absent
        /// A mediated device, which DPDK cannot drive.
        case mediated
    }

    /// "0000:06:02.1", or the name of an auxiliary device, "mlx5_core.sf.4".
    package var name: String
    package var kind: Kind
    package var driver: String?
    /// "8086:154c".
    package var identifier: String?
    package var isVirtualFunction = false
    /// Its memory node; nil when the machine does not say.
    package var node: Int?
    package var group: DeviceNode?
    /// Whether nothing translates the addresses that it reads and writes: then these are physical.
    package var isUnprotected = false
    /// Its kernel interfaces in this network namespace.
    package var interfaces: [String] = []
    /// What libibverbs opens, for bifurcated drivers.
    package var verbs: [DeviceNode] = []

    private static let bifurcatedDrivers: Set<String> = ["mlx5_core", "mlx4_core", "mana"]
    private static let uioDrivers: Set<String> = ["uio_pci_generic", "igb_uio"]

    /// `facts` are what the device plugin says of it.
    package init(
        _ name: String,
        facts: [String: [String: String]] = [:],
        in surroundings: Surroundings
    ) {
        self.name = name
        let isPCI = name.contains(":")
        let place = "/sys/bus/\(isPCI ? "pci" : "auxiliary")/devices/\(name)"
        guard surroundings.exists(place) else {
            let isMediated = surroundings.exists("/sys/bus/mdev/devices/\(name)")
            kind = isMediated || Self.isUniversalIdentifier(name) ? .mediated : .absent
            return
        }
        driver = surroundings.link("\(place)/driver")
        let vendor = surroundings.text("\(place)/vendor")?.dropFirst(2)
        let device = surroundings.text("\(place)/device")?.dropFirst(2)
        if let vendor, let device { identifier = "\(vendor):\(device)" }
        isVirtualFunction = surroundings.link("\(place)/physfn") != nil
        node = surroundings.number("\(place)/numa_node").flatMap { $0 >= 0 ? $0 : nil }
        interfaces = surroundings.list("\(place)/net")
        kind =
            switch driver {
            case nil: .unbound
            case "vfio-pci": .vfio
            case let name? where Self.uioDrivers.contains(name): .uio
            case let name? where Self.bifurcatedDrivers.contains(name) || !isPCI: .bifurcated
            default: .kernel
            }
        isUnprotected = kind == .uio
        if kind == .vfio {
            let number = surroundings.link("\(place)/iommu_group")
            // The kernel makes up a group where vfio.enable_unsafe_noiommu_mode is on.
            let unprotected = number.map { "/dev/vfio/noiommu-\($0)" }
            isUnprotected = unprotected.map(surroundings.exists) ?? false
            let path =
                isUnprotected
                ? unprotected : number.map { "/dev/vfio/\($0)" } ?? facts["vfio"]?["dev-mount"]
            group = path.map(surroundings.access)
        }
        if kind == .bifurcated {
            let named = surroundings.list("\(place)/infiniband_verbs")
            let paths =
                named.isEmpty
                ? [facts["rdma"]?["uverbs"]].compactMap(\.self)
                : named.map { "/dev/infiniband/\($0)" }
            verbs = paths.map(surroundings.access)
        }
    }

    /// What `-a` of EAL takes.
    package var allowName: String { name.contains(":") ? name : "auxiliary:\(name)" }

    /// "0ee3d9a8-6f6c-4a5d-9a4b-7c2f8e2d1f00".
    private static func isUniversalIdentifier(_ name: String) -> Bool {
        let parts = name.split(separator: "-")
        return parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
    }
}
