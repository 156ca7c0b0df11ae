// SPDX-License-Identifier: Apache-2.0

/// What a `bonding` block of `dpvs.conf` asks for.
package struct Bond: Equatable, Codable, Sendable {
    /// DPDK's numbers, which are those of the kernel's bonding driver.
    package enum Mode: Int, Codable, Sendable, CaseIterable {
        case roundRobin, activeBackup, balance, broadcast, lacp, transmitLoad, adaptiveLoad

        /// As the kernel calls it.
        package var name: String {
            switch self {
            case .roundRobin: "round-robin"
            case .activeBackup: "active-backup"
            case .balance: "balance-xor"
            case .broadcast: "broadcast"
            case .lacp: "802.3ad"
            case .transmitLoad: "balance-tlb"
            case .adaptiveLoad: "balance-alb"
            }
        }
    }

    /// What the slave of a packet is chosen by, in the modes 2 and 4.
    package enum TransmitPolicy: String, Codable, Sendable, CaseIterable {
        case layer2, layer23, layer34
    }

    /// What may change while it runs.
    package struct Tuning: Equatable, Codable, Sendable {
        package var primary: String
        package var transmitPolicy: TransmitPolicy
        /// Milliseconds.
        package var monitorInterval: Int
    }

    package static let mostSlaves = 32

    package var name: String
    package var mode: Mode
    package var slaves: [String]
    package var node: Int
    package var usesDedicatedQueues: Bool
    package var tuning: Tuning

    package init(_ block: NamedBlock) {
        name = block.name
        mode = block.integer("mode").flatMap(Mode.init) ?? .roundRobin
        slaves = block.words("slave")
        node = block.integer("numa_node") ?? 0
        let options = Self.options(block.text("options") ?? "")
        let word = options.first { $0.key == Self.dedicatedQueues }?.value ?? "on"
        usesDedicatedQueues = mode == .lacp && Self.on.contains(word)
        tuning = Tuning(
            primary: block.text("primary") ?? slaves.first ?? "",
            transmitPolicy: block.text("xmit_policy").flatMap(TransmitPolicy.init) ?? .layer2,
            monitorInterval: block.integer("monitor_interval") ?? 10
        )
    }

    // MARK: - Options

    package static let dedicatedQueues = "dedicated_queues"
    package static let on: Set = ["on", "enable"]
    package static let off: Set = ["off", "disable"]

    /// "a=b;c=d" in its parts.
    package static func options(_ text: String) -> [(key: String, value: String)] {
        text.split(separator: ";")
            .map { option in
                let words = option.split(separator: "=", maxSplits: 1)
                    .map { String($0.filter { !$0.isWhitespace }).lowercased() }
                return (words.first ?? "", words.count > 1 ? words[1] : "")
            }
            .filter { !$0.key.isEmpty || !$0.value.isEmpty }
    }
}

extension Settings {
    /// The bond of each device that is a slave, by name.
    package var bondOfSlave: [String: String] {
        let pairs = bonds.flatMap { bond in bond.words("slave").map { ($0, bond.name) } }
        return Dictionary(pairs) { first, _ in first }
    }

    /// What the dataplane numbers, in this order: devices that are no slaves, then bonds.
    ///
    /// A bond has the items of a device: its own, or else those of its primary slave.
    package var ports: [NamedBlock] {
        let slaves = bondOfSlave
        return devices.filter { slaves[$0.name] == nil } + bonds.map { port(of: $0) }
    }

    /// What tells a device apart, which a bond does not take over from its primary.
    private static let ownItems: Set = [
        "interface", "driver", "pci", "resource", "network", "lldp", "kni_name", "kni_type",
    ]

    private func port(of block: NamedBlock) -> NamedBlock {
        let primary = Bond(block).tuning.primary
        let model = devices.first { $0.name == primary }?.items ?? [:]
        var port = NamedBlock(name: block.name, path: "netif_defs.device")
        port.items = model.filter { !Self.ownItems.contains($0.key) }
            .merging(block.items.filter { Self.isOfDevice($0.key) }) { _, own in own }
        return port
    }

    private static func isOfDevice(_ item: String) -> Bool {
        ItemCatalogue.item("netif_defs.device." + item) != nil
    }
}
