// SPDX-License-Identifier: Apache-2.0
import Model

/// Checks of `bonding` blocks and of the devices that are slaves.
extension DPVSConfParser {
    mutating func checkBonds() {
        var owners: [String: String] = [:]
        for block in result.settings.bonds {
            checkName(block)
            checkSlaves(block, &owners)
            checkPrimary(block)
            checkOptions(block)
        }
        for device in result.settings.devices {
            if let bond = owners[device.name] { checkSlave(device, of: bond) }
        }
    }

    private mutating func checkName(_ block: NamedBlock) {
        guard result.settings.devices.contains(where: { $0.name == block.name }) else { return }
        report(.error, place(block), block.path, "is the name of a device too", block.name)
    }

    private mutating func checkSlaves(_ block: NamedBlock, _ owners: inout [String: String]) {
        let path = "netif_defs.bonding.slave"
        let slaves = block.words("slave")
        if slaves.isEmpty {
            report(.error, place(block), path, "is missing in \(block.name)", nil, "slave DEVICE")
        }
        if slaves.count > Bond.mostSlaves {
            let most = "at most \(Bond.mostSlaves)"
            report(.error, place(block), path, "is there too often", "\(slaves.count)", most)
        }
        let devices = result.settings.devices.map(\.name)
        let above = devices.prefix(devicesBefore[block.name] ?? 0)
        for slave in slaves {
            let location = place(block, slave)
            if !devices.contains(slave) {
                let isBond = result.settings.bonds.contains { $0.name == slave }
                report(
                    .error,
                    location,
                    path,
                    isBond ? "is a bond itself" : "is no device of this file",
                    slave,
                    devices.joined(separator: ", "),
                    suggestion: nearest(to: slave, in: devices)
                )
            } else if !above.contains(slave) {
                let accepted = "device \(slave) above bonding \(block.name)"
                report(.error, location, path, "is declared below the bond", slave, accepted)
            }
            guard let owner = owners.updateValue(block.name, forKey: slave) else { continue }
            let problem = owner == block.name ? "is there twice" : "is a slave of \(owner) too"
            report(.error, location, path, problem, slave)
        }
    }

    private mutating func checkPrimary(_ block: NamedBlock) {
        let slaves = block.words("slave")
        guard let primary = block.text("primary"), !slaves.contains(primary) else { return }
        report(
            .error,
            place(block, "primary"),
            "netif_defs.bonding.primary",
            "is no slave of \(block.name)",
            primary,
            slaves.joined(separator: ", "),
            suggestion: nearest(to: primary, in: slaves)
        )
    }

    private mutating func checkOptions(_ block: NamedBlock) {
        guard block.items["options"] != nil, let text = block.text("options") else { return }
        let path = "netif_defs.bonding.options"
        let location = place(block, "options")
        for (key, value) in Bond.options(text) {
            if key != Bond.dedicatedQueues {
                let message = "has no effect: \(Bond.dedicatedQueues) is the only option"
                report(.notInEffect, location, path, message, "\(key)=\(value)")
            } else if !Bond.on.union(Bond.off).contains(value) {
                report(.error, location, path, "is neither on nor off", "\(key)=\(value)")
            } else if Bond(block).mode != .lacp {
                let message = "has no effect: it exists in mode 4 only"
                report(.notInEffect, location, path, message, key)
            }
        }
    }

    /// What is the bond's to say.
    private mutating func checkSlave(_ device: NamedBlock, of bond: String) {
        for item in ["kni_name", "kni_type", "lldp", "steering"] {
            noteEffect(device, item, "\(device.name) is a slave of \(bond)")
        }
    }
}
