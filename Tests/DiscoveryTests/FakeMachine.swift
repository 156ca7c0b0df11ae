// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation

@testable import Discovery

/// A directory that looks like a machine's `/sys`, `/proc` and `/dev` as a pod sees them.
struct FakeMachine {
    let directory: TemporaryDirectory
    var environment: [String: String] = [:]

    /// Two memory nodes with four CPUs each, all of them ours; no hugepages, no devices.
    init() throws {
        directory = try TemporaryDirectory()
        try write("Cpus_allowed_list:\t0-7\nCapEff:\t0000000000006000\n", "proc/self/status")
        try write("Max locked memory 8388608 8388608 bytes\n", "proc/self/limits")
        try write("Hugepagesize:       2048 kB\n", "proc/meminfo")
        for node in 0...1 {
            let place = "sys/devices/system/node/node\(node)"
            try write("\(node * 4)-\(node * 4 + 3)\n", "\(place)/cpulist")
        }
        for kibibytes in [2048, 1 << 20] { try addPages(kibibytes, [0, 0]) }
        try write("DMA", "sys/kernel/iommu_groups/0/type")
    }

    /// Whoever has it has the directory, too; everything may be opened.
    var surroundings: Surroundings {
        var surroundings = Surroundings(root: directory.path, environment: environment)
        surroundings.mayOpen = { [directory] in $0.hasPrefix(directory.path) }
        return surroundings
    }

    func write(_ text: String, _ path: String) throws {
        let url = URL(filePath: "\(directory.path)/\(path)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(text.utf8).write(to: url)
    }

    func remove(_ path: String) throws {
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(path)")
    }

    func link(_ path: String, to target: String) throws {
        let url = URL(filePath: "\(directory.path)/\(path)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try directory.link(path, to: target)
    }

    // MARK: - Parts

    /// Pages of a size on each node, all free.
    func addPages(_ kibibytes: Int, _ nodes: [Int]) throws {
        let name = "hugepages-\(kibibytes)kB"
        let places = nodes.indices.map { "sys/devices/system/node/node\($0)/hugepages/\(name)" }
        let all = [("sys/kernel/mm/hugepages/\(name)", nodes.reduce(0, +))] + zip(places, nodes)
        for (place, count) in all {
            try write("\(count)\n", "\(place)/nr_hugepages")
            try write("\(count)\n", "\(place)/free_hugepages")
        }
    }

    /// A virtual function with a driver, on a memory node.
    func addFunction(
        _ address: String,
        driver: String?,
        node: Int = 0,
        group: Int? = nil,
        interface: String? = nil
    ) throws {
        let place = "sys/bus/pci/devices/\(address)"
        try write("0x15b3\n", "\(place)/vendor")
        try write("0x101e\n", "\(place)/device")
        try write("\(node)\n", "\(place)/numa_node")
        try link("\(place)/physfn", to: "../0000:06:00.0")
        if let driver { try link("\(place)/driver", to: "../../../bus/pci/drivers/\(driver)") }
        if let group {
            try link("\(place)/iommu_group", to: "../../../kernel/iommu_groups/\(group)")
        }
        if let interface { try write("1\n", "\(place)/net/\(interface)/ifindex") }
    }

    /// What a pod with a VFIO device has.
    func addVFIO(_ address: String, group: Int = 45, node: Int = 0) throws {
        try addFunction(address, driver: "vfio-pci", node: node, group: group)
        try write("", "dev/vfio/\(group)")
        try write("", "dev/vfio/vfio")
    }

    /// The unified hierarchy, with the pod's group as the root of what can be seen.
    func addVersionTwo(_ files: [String: String]) throws {
        try write("0::/\n", "proc/self/cgroup")
        try write(
            "30 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n",
            "proc/self/mountinfo"
        )
        for (name, text) in files { try write(text + "\n", "sys/fs/cgroup/\(name)") }
    }

    /// One hierarchy a controller, mounted from the pod's group on, as without a cgroup namespace.
    func addVersionOne(_ files: [String: String]) throws {
        let group = "/kubepods/pod1/c1"
        let controllers = ["cpuset", "cpu,cpuacct", "hugetlb"]
        try write(
            controllers.enumerated().map { "\($0 + 2):\($1):\(group)\n" }.joined() + "0::/\n",
            "proc/self/cgroup"
        )
        try write(
            controllers.enumerated()
                .map {
                    "\($0 + 40) 23 0:2\($0) \(group) /sys/fs/cgroup/\($1) ro - cgroup cgroup rw,\($1)\n"
                }
                .joined(),
            "proc/self/mountinfo"
        )
        for (name, text) in files { try write(text + "\n", "sys/fs/cgroup/\(name)") }
    }
}
