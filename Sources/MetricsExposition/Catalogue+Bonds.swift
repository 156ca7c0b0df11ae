// SPDX-License-Identifier: Apache-2.0

/// A bond.
package struct BondStatistics: Sendable {
    package var port: String
    package var mode: String
    /// The slave that is the primary one now.
    package var primary: String
    package var slaves: [BondSlaveStatistics]

    package init(port: String, mode: String, primary: String, slaves: [BondSlaveStatistics]) {
        self.port = port
        self.mode = mode
        self.primary = primary
        self.slaves = slaves
    }
}

/// A device that belongs to a bond.
package struct BondSlaveStatistics: Sendable {
    package var port: String
    package var slave: String
    package var isLinkUp: Bool
    package var isActive: Bool

    package init(port: String, slave: String, isLinkUp: Bool, isActive: Bool) {
        self.port = port
        self.slave = slave
        self.isLinkUp = isLinkUp
        self.isActive = isActive
    }
}

extension BondStatistics: MetricRow {
    static let labels = ["port", "mode", "primary"]
    var labelValues: [String] { [port, mode, primary] }
}

extension BondSlaveStatistics: MetricRow {
    static let labels = ["port", "slave"]
    var labelValues: [String] { [port, slave] }
}

extension Catalogue {
    static let bonds = MetricTable<BondStatistics>(
        of: \.bonds,
        [.info("dpvs_bond_info", "The mode of a bond and the slave that is its primary one now.")]
    )

    static let bondSlaves = MetricTable<BondSlaveStatistics>(
        of: { $0.bonds.flatMap(\.slaves) },
        [
            .gauge("dpvs_bond_slave_link_up", "1 while the slave's link is up.") {
                .flag($0.isLinkUp)
            },
            .gauge(
                "dpvs_bond_slave_active",
                "1 while the slave carries packets: in mode 4 when LACP has agreed on it."
            ) { .flag($0.isActive) },
        ]
    )
}
