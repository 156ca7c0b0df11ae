// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Where discovery looks: a tree of files, the environment, the CPUs and the memory nodes.
///
/// Everything found is a function of this value, so that a directory with made-up `/sys`, `/proc`
/// and `/dev` stands in for a machine.
package struct Surroundings: Sendable {
    /// Stands before every path; "" is this machine.
    package var root: String
    package var environment: [String: String]
    /// CPUs that the process may run on, in order.
    package var usableCPUs: [Int]
    /// The CPUs of each memory node; empty where the kernel knows none.
    package var nodes: [NUMA.Node]
    /// Whether the process may open a path for reading and writing.
    package var mayOpen: @Sendable (String) -> Bool = Files.isReadableAndWritable
    /// The kernel's interface of a name, in this network namespace.
    package var kernelLink: @Sendable (String) -> KernelLink? = { _ in nil }
    /// Tries what XDP takes on an interface, without harm to it.
    package var tryXDP: @Sendable (KernelLink) -> KernelLink.XDPRefusal? = { _ in nil }

    /// This machine, as sched_getaffinity(2) and libnuma tell it.
    package init(environment: [String: String]) {
        root = ""
        self.environment = environment
        usableCPUs = Host.usableCPUs()
        nodes = NUMA.nodes()
        kernelLink = KernelLink.named
        tryXDP = { $0.tryXDP() }
    }

    /// The machine that the files under `root` describe.
    package init(root: String, environment: [String: String]) {
        self.root = root
        self.environment = environment
        usableCPUs = []
        nodes = []
        let allowed = lines("/proc/self/status").first { $0.hasPrefix("Cpus_allowed_list:") }
        usableCPUs = CPUList(allowed.map { String($0.dropFirst(18)) } ?? "").cpus
        let directory = "/sys/devices/system/node"
        for name in list(directory) {
            guard name.hasPrefix("node"), let id = Int(name.dropFirst(4)) else { continue }
            let cpus = CPUList(text("\(directory)/\(name)/cpulist") ?? "").cpus
            nodes.append(NUMA.Node(id: id, cpus: cpus))
        }
        nodes.sort { $0.id < $1.id }
    }

    /// The memory node of a CPU.
    package func node(ofCPU cpu: Int) -> Int? { nodes.first { $0.cpus.contains(cpu) }?.id }

    // MARK: - Files

    /// Nothing that discovery reads is longer.
    private static let limit = 1 << 20

    /// The text of a file without white space around it; nil when it cannot be read.
    func text(_ path: String) -> String? {
        guard let bytes = try? Files.read(root + path, limit: Self.limit) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let last = text.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(text[...last].drop(while: \.isWhitespace))
    }

    func lines(_ path: String) -> [Substring] {
        (text(path) ?? "").split(separator: "\n")
    }

    func number(_ path: String) -> Int? { text(path).flatMap { Int($0) } }

    func list(_ path: String) -> [String] { (try? Files.list(root + path)) ?? [] }

    package func exists(_ path: String) -> Bool { Files.identity(of: root + path) != nil }

    /// The last part of what a symbolic link says.
    func link(_ path: String) -> String? {
        Files.link(root + path)?.split(separator: "/").last.map(String.init)
    }

    /// Whether a device node is there and the process may open it.
    func access(_ path: String) -> DeviceNode {
        guard exists(path) else { return DeviceNode(path: path, state: .absent) }
        return DeviceNode(path: path, state: mayOpen(root + path) ? .open : .denied)
    }
}

/// A file in `/dev`.
package struct DeviceNode: Equatable, Codable, Sendable {
    package enum State: String, Codable, Sendable { case open, denied, absent }

    package var path: String
    package var state: State
}

/// CPUs as the kernel writes them: `0-3,8,10-11`.
package struct CPUList: Equatable, Sendable, CustomStringConvertible {
    package var cpus: [Int]

    package init(_ cpus: [Int]) {
        self.cpus = cpus
    }

    /// Parts that are no numbers are left out.
    package init(_ text: String) {
        cpus = text.split(whereSeparator: { $0 == "," || $0.isWhitespace })
            .flatMap { part -> [Int] in
                let ends = part.split(separator: "-").compactMap { Int($0) }
                guard let first = ends.first, let last = ends.last, first <= last,
                    last < 1 << 16
                else { return [] }
                return Array(first...last)
            }
    }

    package var description: String {
        var parts: [String] = []
        var rest = cpus.sorted()[...]
        while let first = rest.first {
            var last = first
            rest = rest.dropFirst()
            while rest.first == last + 1 {
                last += 1
                rest = rest.dropFirst()
            }
            parts.append(first == last ? "\(first)" : "\(first)-\(last)")
        }
        return parts.isEmpty ? "none" : parts.joined(separator: ",")
    }
}
