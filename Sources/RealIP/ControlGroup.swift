// SPDX-License-Identifier: Apache-2.0
import BPF
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
    ///
    /// In a container another place than the usual one is the host's hierarchy, mounted for a reason.
    static func mountPoint(in mounts: String) -> String? {
        let places = mounts.split(separator: "\n")
            .filter { line in
                guard let end = line.firstRange(of: " - ")?.upperBound else { return false }
                return line[end...].hasPrefix("cgroup2 ")
            }
            .map { String($0.split(separator: " ")[4]) }
        return places.last { $0.hasPrefix("/sys/fs/cgroup") } ?? places.last
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

    /// Makes a group unless it is there.
    package static func make(_ path: String) throws(ReceiverError) {
        var parent = path
        while !Files.isDirectory(parent), let slash = parent.lastIndex(of: "/") {
            parent = String(parent[..<slash])
        }
        guard KernelFileSystem.controlGroups.contains(parent) else { throw .noGroup(path) }
        do {
            try Files.makeDirectory(path)
        } catch {
            throw .group(error)
        }
    }

    /// The path of version 2 in the text of /proc/PID/cgroup (cgroups(7)).
    static func path(in text: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix("0::/") }.map { String($0.dropFirst(3)) }
    }

    private static func join(_ mount: String, _ path: String) -> String {
        path == "/" ? mount : mount + path
    }

    /// The directory of a unit of systemd, the only one of this name, in the hierarchy that is mounted at `root`.
    package static func directory(
        ofUnit unit: String,
        below root: String? = nil
    ) throws(ControlGroupError) -> String {
        let name = unit.contains(".") ? unit : unit + ".service"
        return try only([name], below: root)
    }

    /// The directory of a pod of Kubernetes, which has those of its containers, by its UID.
    ///
    /// The kubelet writes the UID as it is, or for systemd as the end of a slice's name.
    package static func directory(
        ofPod pod: String,
        below root: String? = nil
    ) throws(ControlGroupError) -> String {
        let slice = "pod\(pod.replacing("-", with: "_")).slice"
        let classes = ["", "burstable-", "besteffort-"]
        return try only(["pod\(pod)"] + classes.map { "kubepods-\($0)\(slice)" }, below: root)
    }

    private static func only(
        _ names: [String],
        below root: String?
    ) throws(ControlGroupError) -> String {
        guard let root = root ?? mountPoint() else { throw .noHierarchy }
        let found = find(names, below: root, depth: 8)
        guard let first = found.first else { throw .notFound(names[0], below: root) }
        guard found.count == 1 else { throw .manyFound(names[0], found) }
        return first
    }

    static func find(_ names: [String], below directory: String, depth: Int) -> [String] {
        guard depth > 0, let entries = try? Files.list(directory) else { return [] }
        return entries.flatMap { entry -> [String] in
            let path = "\(directory)/\(entry)"
            guard Files.isDirectory(path) else { return [] }
            return names.contains(entry) ? [path] : find(names, below: path, depth: depth - 1)
        }
    }
}

package enum ControlGroupError: Error, Equatable, Sendable, CustomStringConvertible {
    case noHierarchy
    case noProcess(String, reason: String)
    case notFound(String, below: String)
    case manyFound(String, [String])

    package var description: String {
        switch self {
        case .noHierarchy:
            "no control groups of version 2 are mounted here; mount -t cgroup2 none /sys/fs/cgroup"
        case .noProcess(let process, let reason):
            "there is no process \(process) to be seen here: \(reason)"
        case .notFound(let name, let mount):
            "no control group below \(mount) is called \(name): does it run?"
        case .manyFound(let name, let paths):
            "several control groups are called \(name): "
                + "name one with --cgroup, \(paths.joined(separator: " or "))"
        }
    }
}
