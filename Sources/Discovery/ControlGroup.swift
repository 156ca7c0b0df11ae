// SPDX-License-Identifier: Apache-2.0

/// Where the process stands in the hierarchy of one controller, version 1 or 2: cgroups(7).
struct ControlGroup {
    enum Version { case one, two }

    let version: Version
    /// The process's own group first, then those above it as far as they can be seen.
    let directories: [String]

    init?(_ controller: String, in surroundings: Surroundings) {
        // 4:memory:/kubepods/burstable/pod1
        let memberships = surroundings.lines("/proc/self/cgroup")
            .map { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false) }
            .filter { $0.count == 3 }
        let own = memberships.first { $0[1].split(separator: ",").contains(controller[...]) }
        guard let place = own ?? memberships.first(where: { $0[1].isEmpty }) else { return nil }
        version = own == nil ? .two : .one
        let mounts = surroundings.lines("/proc/self/mountinfo").compactMap(Mount.init)
        let isTwo = own == nil
        let mount = mounts.last {
            isTwo
                ? $0.kind == "cgroup2" : $0.kind == "cgroup" && $0.options.contains(controller)
        }
        guard let mount else { return nil }
        directories = mount.directories(of: String(place[2])).filter(surroundings.exists)
    }

    /// Values of a file, the own group's first; groups without the file are left out.
    func values(_ surroundings: Surroundings, one: String, two: String) -> [String] {
        let name = version == .one ? one : two
        return directories.compactMap { surroundings.text("\($0)/\(name)") }
    }

    /// A line of /proc/self/mountinfo: proc_pid_mountinfo(5).
    private struct Mount {
        var root: String
        var point: String
        var kind: String
        var options: [String]

        init?(_ line: Substring) {
            // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            let fields = line.split(separator: " ").map(String.init)
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else {
                return nil
            }
            root = fields[3]
            point = fields[4]
            kind = fields[dash + 1]
            options = fields[dash + 3].split(separator: ",").map(String.init)
        }

        /// From the directory of the group `path` up to the mount point.
        ///
        /// A container's mount shows the hierarchy from `root` on, and the path may be told from
        /// the host's.
        func directories(of path: String) -> [String] {
            var below = path
            if root != "/", path.hasPrefix(root) { below = String(path.dropFirst(root.count)) }
            let names = below.split(separator: "/")
            return (0...names.count).reversed()
                .map { ([point[...]] + names.prefix($0)).joined(separator: "/") }
        }
    }
}

/// What the process's control groups let it have.
package struct ControlGroupLimits: Equatable, Codable, Sendable {
    /// The cpuset, "0-3"; nil where there is none.
    package var cpuset: String?
    /// How many CPUs' time the process gets; nil: no quota.
    package var quota: Double?

    init(_ surroundings: Surroundings) {
        if let group = ControlGroup("cpuset", in: surroundings) {
            let values = group.values(
                surroundings,
                one: "cpuset.effective_cpus",
                two: "cpuset.cpus.effective"
            )
            cpuset = values.first { !$0.isEmpty }
            if cpuset == nil {
                cpuset = group.values(surroundings, one: "cpuset.cpus", two: "cpuset.cpus")
                    .first { !$0.isEmpty }
            }
        }
        guard let group = ControlGroup("cpu", in: surroundings) else { return }
        let quotas: [Double?] =
            switch group.version {
            case .two:
                // "200000 100000", or "max 100000"
                group.values(surroundings, one: "", two: "cpu.max")
                    .map { Self.quota($0.split(separator: " ").map(String.init)) }
            case .one:
                zip(
                    group.values(surroundings, one: "cpu.cfs_quota_us", two: ""),
                    group.values(surroundings, one: "cpu.cfs_period_us", two: "")
                )
                .map { Self.quota([$0, $1]) }
            }
        quota = quotas.compactMap(\.self).min()
    }

    private static func quota(_ words: [String]) -> Double? {
        let numbers = words.compactMap { Double($0) }
        guard numbers.count == 2, numbers[0] > 0, numbers[1] > 0 else { return nil }
        return numbers[0] / numbers[1]
    }
}
