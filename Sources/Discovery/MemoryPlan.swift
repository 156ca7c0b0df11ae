// SPDX-License-Identifier: Apache-2.0
import Linux
package import Model

/// Where packet memory comes from.
package struct MemoryPlan: Equatable, Codable, Sendable {
    /// MiB that DPDK gets.
    package var needed: Int
    /// Whether hugepages may be used when there are some.
    package var allowsHugepages: Bool
    /// The pages that it gets; nil: plain memory.
    package var pages: HugepagePool?
    /// MiB by memory node, where there are several and the devices are near one that has enough.
    package var byNode: [Int] = []
    /// MiB that DPDK may never exceed: what the control group lets it have.
    package var limit: Int?
    /// Where hugetlbfs must be used, because larger pages are free that are not ours to take.
    package var directory: String?
    private var found: String

    /// `node` is the memory node that all devices are near to.
    package init(_ settings: Settings, _ findings: Findings, near node: Int?) {
        needed = settings.packetMemory
        allowsHugepages = settings.text("global_defs.hugepages") != "off"
        let free = findings.hugepages.filter { $0.available > 0 }
            .map { "\($0.available) of \($0.sizeText)" }
            .joined(separator: ", ")
        found = free.isEmpty ? "no hugepages are free" : "free hugepages: \(free)"
        guard allowsHugepages else { return }
        let octets = needed << 20
        // DPDK takes the largest pages first.
        let largestFirst = findings.hugepages.reversed()
        pages = largestFirst.first { $0.size * $0.available >= octets }
        guard let pages else { return }
        if largestFirst.contains(where: { $0.size > pages.size && $0.free > $0.available }) {
            directory = pages.mounts.first
        }
        limit = pages.room.map { $0 >> 20 }
        let own = pages.nodes.first { $0.node == node }
        if pages.nodes.count > 1, let own, own.free * pages.size >= octets {
            byNode = (0...(findings.nodes.last?.id ?? 0)).map { $0 == own.node ? needed : 0 }
        }
    }

    /// One line for the log.
    package var description: String {
        if pages != nil { return "\(found); packets use \(needed) MiB of them" }
        let reason = allowsHugepages ? found : "hugepages are off"
        return "\(reason); packets use \(needed) MiB of plain memory (--no-huge)"
    }
}
