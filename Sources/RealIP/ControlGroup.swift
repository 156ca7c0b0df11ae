// SPDX-License-Identifier: Apache-2.0
import Linux

/// Finding directories of control groups, version 2.
package enum ControlGroup {
    /// Where the hierarchy is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified beside version 1.
    ///
    /// `process` is a number of /proc, or "self", whose view is asked for; nil when there is none.
    package static func mountPoint(of process: String = "self") -> String? {
        guard let octets = try? Files.read("/proc/\(process)/mountinfo", limit: 1 << 24) else {
            return nil
        }
        return mountPoint(in: String(decoding: octets, as: UTF8.self))
    }

    /// The same of the text of /proc/PID/mountinfo (proc(5)): the last one hides those before.
    static func mountPoint(in mounts: String) -> String? {
        mounts.split(separator: "\n")
            .last { line in
                guard let end = line.firstRange(of: " - ")?.upperBound else { return false }
                return line[end...].hasPrefix("cgroup2 ")
            }
            .map { String($0.split(separator: " ")[4]) }
    }

    /// The directory of a process's group; of another container's by way of its root directory, for which
    /// CAP_SYS_PTRACE is needed.
    package static func directory(ofProcess process: String) throws(ControlGroupError) -> String {
        let text: [UInt8]
        do {
            text = try Files.read("/proc/\(process)/cgroup", limit: 1 << 16)
        } catch {
            throw .noProcess(process, reason: error.reason)
        }
        guard let path = path(in: String(decoding: text, as: UTF8.self)) else { throw .noHierarchy }
        if !path.hasPrefix("/.."), let mount = mountPoint() { return join(mount, path) }
        guard let mount = mountPoint(of: process) else { throw .noHierarchy }
        return "/proc/\(process)/root\(mount)"
    }

    /// The path of version 2 in the text of /proc/PID/cgroup (cgroups(7)).
    static func path(in text: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix("0::/") }.map { String($0.dropFirst(3)) }
    }

    private static func join(_ mount: String, _ path: String) -> String {
        path == "/" ? mount : mount + path
    }

    /// The directory of a unit of systemd: the only one of this name.
    package static func directory(ofUnit unit: String) throws(ControlGroupError) -> String {
        guard let mount = mountPoint() else { throw .noHierarchy }
        let name = unit.contains(".") ? unit : unit + ".service"
        let found = find(name, below: mount, depth: 8)
        guard let first = found.first else { throw .noUnit(name, below: mount) }
        guard found.count == 1 else { throw .manyUnits(name, found) }
        return first
    }

    static func find(_ name: String, below directory: String, depth: Int) -> [String] {
        guard depth > 0, let names = try? Files.list(directory) else { return [] }
        return names.flatMap { entry -> [String] in
            let path = "\(directory)/\(entry)"
            guard Files.isDirectory(path) else { return [] }
            return entry == name ? [path] : find(name, below: path, depth: depth - 1)
        }
    }
}

package enum ControlGroupError: Error, Equatable, Sendable, CustomStringConvertible {
    case noHierarchy
    case noProcess(String, reason: String)
    case noUnit(String, below: String)
    case manyUnits(String, [String])

    package var description: String {
        switch self {
        case .noHierarchy:
            "no control groups of version 2 are mounted here; mount -t cgroup2 none /sys/fs/cgroup"
        case .noProcess(let process, let reason):
            "there is no process \(process) to be seen here: \(reason)"
        case .noUnit(let name, let mount):
            "no control group below \(mount) is called \(name): does the unit run?"
        case .manyUnits(let name, let paths):
            "several control groups are called \(name): "
                + "name one with --cgroup, \(paths.joined(separator: " or "))"
        }
    }
}
