// SPDX-License-Identifier: Apache-2.0
import CNUMA

/// Where memory is near which CPU.
package enum NUMA {
    package struct Node: Equatable, Codable, Sendable {
        package var id: Int
        package var cpus: [Int]

        package init(id: Int, cpus: [Int]) {
            self.id = id
            self.cpus = cpus
        }
    }

    /// The nodes of the machine's CPUs; empty where the kernel knows none.
    package static func nodes() -> [Node] {
        guard numa_available() >= 0 else { return [] }
        let cpus = 0..<Int(numa_num_configured_cpus())
        return Dictionary(grouping: cpus) { node(ofCPU: $0) ?? -1 }
            .filter { $0.key >= 0 }
            .map { Node(id: $0, cpus: $1) }
            .sorted { $0.id < $1.id }
    }

    /// The node of a CPU; nil where the kernel knows no nodes.
    package static func node(ofCPU cpu: Int) -> Int? {
        guard numa_available() >= 0 else { return nil }
        let node = numa_node_of_cpu(Int32(cpu))
        return node >= 0 ? Int(node) : nil
    }

    /// Runs `body` so that memory which this thread touches for the first time comes from `node`
    /// while there is some.
    package static func preferring<Result: ~Copyable>(
        _ node: Int?,
        _ body: () throws -> Result
    ) rethrows -> Result {
        guard let node, numa_available() >= 0 else { return try body() }
        numa_set_preferred(Int32(node))
        defer { numa_set_localalloc() }
        return try body()
    }
}
