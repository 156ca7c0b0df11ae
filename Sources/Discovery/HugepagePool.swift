// SPDX-License-Identifier: Apache-2.0
import Linux

/// Hugepages of one size: what the machine has, and what the process may take.
package struct HugepagePool: Equatable, Codable, Sendable {
    package struct NodeShare: Equatable, Codable, Sendable {
        package var node: Int
        package var total: Int
        package var free: Int
    }

    /// Octets of a page.
    package var size: Int
    package var total: Int
    /// Pages that nobody has and nobody has reserved.
    package var free: Int
    package var nodes: [NodeShare]
    /// Octets that the control group allows, in all; nil: no limit.
    package var limit: Int?
    /// Octets that the control group still lets the process take; nil: no limit.
    package var room: Int?
    /// Where hugetlbfs of this size is mounted; DPDK runs without.
    package var mounts: [String]

    /// Pages that the process can have now.
    package var available: Int { min(free, room.map { max(0, $0) / size } ?? free) }

    /// "2Mi", "1Gi": as Kubernetes names the size.
    package var name: String {
        size >= 1 << 30
            ? "\(size >> 30)Gi" : size >= 1 << 20 ? "\(size >> 20)Mi" : "\(size >> 10)Ki"
    }

    /// "2 MiB", "64 KiB": as people write the size.
    var sizeText: String { size >= 1 << 20 ? "\(size >> 20) MiB" : "\(size >> 10) KiB" }

    /// "2MB", "1GB": as the hugetlb controller names the size.
    private var groupName: String {
        size >= 1 << 30
            ? "\(size >> 30)GB" : size >= 1 << 20 ? "\(size >> 20)MB" : "\(size >> 10)KB"
    }

    /// Every size that the kernel has, the smallest first.
    static func all(in surroundings: Surroundings) -> [HugepagePool] {
        let directory = "/sys/kernel/mm/hugepages"
        return surroundings.list(directory)
            .compactMap { HugepagePool($0, in: directory, surroundings) }
            .sorted { $0.size < $1.size }
    }

    private init?(_ name: String, in directory: String, _ surroundings: Surroundings) {
        // hugepages-2048kB
        guard name.hasPrefix("hugepages-"),
            let kibibytes = Int(name.dropFirst(10).prefix(while: \.isNumber)), kibibytes > 0,
            let total = surroundings.number("\(directory)/\(name)/nr_hugepages"),
            let free = surroundings.number("\(directory)/\(name)/free_hugepages")
        else { return nil }
        size = kibibytes * 1024
        self.total = total
        let reserved = surroundings.number("\(directory)/\(name)/resv_hugepages") ?? 0
        self.free = max(0, free - reserved)
        nodes = surroundings.nodes.compactMap { node in
            let place = "/sys/devices/system/node/node\(node.id)/hugepages/\(name)"
            guard let total = surroundings.number("\(place)/nr_hugepages"),
                let free = surroundings.number("\(place)/free_hugepages")
            else { return nil }
            return NodeShare(node: node.id, total: total, free: free)
        }
        mounts = Self.mounts(of: kibibytes, surroundings)
        readLimits(surroundings)
    }

    private mutating func readLimits(_ surroundings: Surroundings) {
        guard let group = ControlGroup("hugetlb", in: surroundings) else { return }
        for kind in ["", "rsvd."] {
            let one = "hugetlb.\(groupName).\(kind)"
            for directory in group.directories {
                let (most, used) =
                    group.version == .one
                    ? ("limit_in_bytes", "usage_in_bytes") : ("max", "current")
                guard let limit = surroundings.number("\(directory)/\(one)\(most)"),
                    // Version 1 writes "no limit" as a number near 2^63.
                    limit < 1 << 60
                else { continue }
                let taken = surroundings.number("\(directory)/\(one)\(used)") ?? 0
                self.limit = min(self.limit ?? limit, limit)
                room = min(room ?? limit - taken, limit - taken)
            }
        }
    }

    private static func mounts(of kibibytes: Int, _ surroundings: Surroundings) -> [String] {
        let usual = surroundings.lines("/proc/meminfo").first { $0.hasPrefix("Hugepagesize:") }
            .flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") }
        return surroundings.lines("/proc/self/mounts")
            .compactMap { line in
                // nodev /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0
                let fields = line.split(separator: " ")
                guard fields.count > 3, fields[2] == "hugetlbfs" else { return nil }
                let option = fields[3].split(separator: ",").first { $0.hasPrefix("pagesize=") }
                let size = option.map { Self.kibibytes(String($0.dropFirst(9))) } ?? usual
                return size == kibibytes ? String(fields[1]) : nil
            }
    }

    /// "2M", "1024M", "1G".
    private static func kibibytes(_ text: String) -> Int? {
        guard let number = Int(text.prefix(while: \.isNumber)) else { return nil }
        switch text.last {
        case "K", "k": return number
        case "M": return number * 1024
        case "G": return number * 1024 * 1024
        default: return number / 1024
        }
    }
}
