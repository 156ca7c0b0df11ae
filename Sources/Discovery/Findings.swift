// SPDX-License-Identifier: Apache-2.0
package import Linux

/// What the machine and the pod give to this process.
package struct Findings: Equatable, Codable, Sendable {
    package var usableCPUs: [Int]
    package var nodes: [NUMA.Node]
    package var limits: ControlGroupLimits
    package var hugepages: [HugepagePool]
    /// Octets that may be locked; nil: no limit.
    package var lockableMemory: Int?
    /// Effective capabilities, as Kubernetes names them.
    package var capabilities: [String]
    package var grants: DeviceGrants
    package var networks: [NetworkAttachment]
    /// Whether devices are behind an IOMMU.
    package var hasIOMMU: Bool
    package var vfio: DeviceNode
    package var tun: DeviceNode
    package var vhostNet: DeviceNode
    /// Memory regions that vhost-net takes; nil where its module is not loaded.
    package var vhostRegions: Int?

    /// `networkStatus` is a file of the downward API with Multus's annotation.
    package init(_ surroundings: Surroundings, networkStatus: String?) {
        usableCPUs = surroundings.usableCPUs
        nodes = surroundings.nodes
        limits = ControlGroupLimits(surroundings)
        hugepages = HugepagePool.all(in: surroundings)
        lockableMemory = Self.lockableMemory(surroundings)
        let status = surroundings.text("/proc/self/status") ?? ""
        capabilities = Capabilities("CapEff", ofStatus: status)?.words ?? []
        grants = DeviceGrants(environment: surroundings.environment)
        let annotation = networkStatus.flatMap(surroundings.text)
        networks = annotation.flatMap(NetworkAttachment.all) ?? []
        hasIOMMU = !surroundings.list("/sys/kernel/iommu_groups").isEmpty
        vfio = surroundings.access("/dev/vfio/vfio")
        tun = surroundings.access("/dev/net/tun")
        vhostNet = surroundings.access("/dev/vhost-net")
        vhostRegions = surroundings.number("/sys/module/vhost/parameters/max_mem_regions")
    }

    private static func lockableMemory(_ surroundings: Surroundings) -> Int? {
        // Max locked memory         8388608              8388608              bytes
        let line = surroundings.lines("/proc/self/limits")
            .first { $0.hasPrefix("Max locked memory") }
        return line?.split(separator: " ").dropFirst(3).first.flatMap { Int($0) }
    }

    package func has(_ capability: Capabilities) -> Bool {
        capability.words.allSatisfy(capabilities.contains)
    }

    /// Whether `octets` may be locked in memory.
    package func mayLock(_ octets: Int) -> Bool {
        has(.ipcLock) || lockableMemory.map { $0 >= octets } ?? true
    }
}
