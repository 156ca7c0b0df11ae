// SPDX-License-Identifier: Apache-2.0
package import Model

/// The device that a `device` block of `dpvs.conf` gets.
package struct DeviceChoice: Equatable, Codable, Sendable {
    /// Name of the block.
    package var name: String
    /// What named the device: "resource intel.com/sriov_net".
    package var source: String
    /// A device of DPDK without a bus: "net_af_packet,iface=eth1".
    package var driver: String?
    package var device: BusDevice?
    /// How the interface of the kernel is driven that the block names.
    package var interface: KernelInterface?
    /// Why there is none.
    package var problem: String?

    package init(name: String, source: String, driver: String? = nil) {
        self.name = name
        self.source = source
        self.driver = driver
    }

    /// Chooses for all blocks, in order; a block without a word takes the next device in DPDK's
    /// order.
    package static func all(
        _ settings: Settings,
        _ findings: Findings,
        _ surroundings: Surroundings
    ) -> [DeviceChoice] {
        var grants = findings.grants
        return settings.devices.map { block -> DeviceChoice in
            if let driver = block.text("driver") {
                return DeviceChoice(name: block.name, source: "driver", driver: driver)
            }
            if let name = block.text("interface") {
                return DeviceChoice(name: block.name, source: "interface \(name)")
            }
            if let resource = block.text("resource") {
                var choice = DeviceChoice(name: block.name, source: "resource \(resource)")
                do throws(GrantError) {
                    let name = try grants.next(of: resource)
                    let facts = grants.find(resource)?.facts[name] ?? [:]
                    choice.device = BusDevice(name, facts: facts, in: surroundings)
                } catch {
                    choice.problem = error.description
                }
                return choice
            }
            if let network = block.text("network") {
                return Self.choice(block.name, network: network, findings, surroundings)
            }
            guard let address = block.text("pci") else {
                return DeviceChoice(name: block.name, source: "DPDK's order")
            }
            var choice = DeviceChoice(name: block.name, source: "pci")
            choice.device = BusDevice(address, in: surroundings)
            return choice
        }
    }

    /// The interface of the kernel that the block names.
    package var wantedInterface: String? {
        source.hasPrefix("interface ") ? String(source.dropFirst("interface ".count)) : nil
    }

    private static func choice(
        _ name: String,
        network: String,
        _ findings: Findings,
        _ surroundings: Surroundings
    ) -> DeviceChoice {
        var choice = DeviceChoice(name: name, source: "network \(network)")
        let attachment = findings.networks.first { $0.matches(network) }
        if let address = attachment?.device {
            let facts = findings.grants.resources.compactMap { $0.facts[address] }.first ?? [:]
            choice.device = BusDevice(address, facts: facts, in: surroundings)
        } else if attachment != nil {
            choice.problem = "network '\(network)' has no device-info with a PCI address"
        } else {
            let names = findings.networks.map(\.name)
            choice.problem =
                names.isEmpty
                ? "network '\(network)': there is no network status (global_defs.network_status)"
                : "network '\(network)' is not among \(names.joined(separator: ", "))"
        }
        return choice
    }
}
