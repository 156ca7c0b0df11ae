// SPDX-License-Identifier: Apache-2.0
package import Model

/// A bond and how its slaves fare.
package struct BondStatus: Equatable, Codable, Sendable {
    package struct Slave: Equatable, Codable, Sendable {
        package var name: String
        package var isLinkUp: Bool
        /// Whether it carries packets: in mode 1 one slave does, in mode 4 those that LACP agreed on.
        package var isActive: Bool
        package var isPrimary: Bool
        /// The system at the other end, in mode 4, once LACP knows it.
        package var partner: String?

        package init(
            name: String,
            isLinkUp: Bool,
            isActive: Bool,
            isPrimary: Bool,
            partner: String? = nil
        ) {
            self.name = name
            self.isLinkUp = isLinkUp
            self.isActive = isActive
            self.isPrimary = isPrimary
            self.partner = partner
        }
    }

    /// 0...6.
    package var mode: Int
    package var modeName: String
    /// The slave that is the primary one now.
    package var primary: String
    package var transmitPolicy: String
    package var slaves: [Slave]

    /// What `bond` asks for; the daemon fills in the slaves.
    package init(_ bond: Bond, slaves: [Slave]) {
        mode = bond.mode.rawValue
        modeName = bond.mode.name
        primary = bond.tuning.primary
        transmitPolicy = bond.tuning.transmitPolicy.rawValue
        self.slaves = slaves
    }
}

extension Status {
    /// A line for each slave of each bond.
    var bondTable: String {
        var table = TextTable(
            .left("BOND"),
            .left("MODE"),
            .left("SLAVE"),
            .left("LINK"),
            .left("CARRIES"),
            .left("PRIMARY"),
            .left("PARTNER")
        )
        for port in ports {
            guard let bond = port.bond else { continue }
            for slave in bond.slaves {
                table.append(
                    port.name,
                    "\(bond.mode) \(bond.modeName)",
                    slave.name,
                    slave.isLinkUp ? "up" : "down",
                    slave.isActive ? "packets" : "nothing",
                    slave.isPrimary ? "yes" : "no",
                    slave.partner ?? "-"
                )
            }
        }
        return table.isEmpty ? "" : table.text()
    }
}
