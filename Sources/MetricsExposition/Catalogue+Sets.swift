// SPDX-License-Identifier: Apache-2.0

/// A named set of addresses.
package struct SetStatistics: Sendable {
    package var name: String
    package var entries: Int
    /// Octets of memory on the packet path.
    package var memory: Int
    package var hits: UInt64

    package init(name: String, entries: Int, memory: Int, hits: UInt64) {
        self.name = name
        self.entries = entries
        self.memory = memory
        self.hits = hits
    }
}

extension SetStatistics: MetricRow {
    static let labels = ["set"]
    var labelValues: [String] { [name] }
}

extension Catalogue {
    static let sets = MetricTable<SetStatistics>(
        of: \.sets,
        [
            .gauge("dpvs_set_entries", unit: "entries", "Addresses and networks in a named set.") {
                .integer(UInt64($0.entries))
            },
            .gauge("dpvs_set_memory_bytes", unit: "bytes", "Memory of a set on the packet path.") {
                .integer(UInt64($0.memory))
            },
            .counter(
                "dpvs_set_hits_total",
                "Connections, and packets of denied senders, that a list decided by a set.",
                value: \.hits
            ),
        ]
    )
}
