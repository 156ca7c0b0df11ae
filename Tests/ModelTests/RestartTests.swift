// SPDX-License-Identifier: Apache-2.0
import Model
import Testing

@Suite struct RestartTests {
    private static let start = ItemCatalogue.items.filter { $0.moment == .start && isPlain($0) }
    private static let live = ItemCatalogue.items.filter { $0.moment == .live && isPlain($0) }

    private static func isPlain(_ item: ConfigurationItem) -> Bool {
        !ItemCatalogue.namedBlocks.contains { item.path.hasPrefix($0 + ".") }
    }

    private func device(_ name: String, _ items: [String: ItemValue] = [:]) -> NamedBlock {
        var block = NamedBlock(name: name, path: "netif_defs.device")
        block.items = items
        return block
    }

    private func settings(_ change: (inout Settings) -> Void = { _ in }) -> Settings {
        var settings = Settings()
        change(&settings)
        return settings
    }

    @Test func `what is live in a device's block is taken over, the rest waits`() {
        let old = settings { $0.devices = [device("a", ["mtu": .integer(1500)])] }
        let new = settings {
            $0.devices = [device("a", ["mtu": .integer(9000), "lldp": .flag(false)])]
        }
        #expect(old.restartRequired(toBecome: new).count == 1)
        let taken = old.takingLive(from: new).devices[0]
        #expect(taken.integer("mtu") == 1500 && !taken.isOn("lldp"))
        #expect(new.takingLive(from: old).devices[0].isOn("lldp"))
    }

    @Test func `nothing is required to stay the same`() {
        let busy = settings { settings in
            settings.items["netif_defs.pktpool_size"] = .integer(131_071)
            settings.devices = [device("a", ["mtu": .integer(9000)])]
        }
        #expect(busy.restartRequired(toBecome: busy).isEmpty)
        #expect(settings().restartRequired(toBecome: settings()).isEmpty)
    }

    @Test(arguments: start.map(\.path))
    func `an item that is read at the start asks for a restart`(path: String) {
        let changed = settings { $0.items[path] = .text("something else") }
        let old = Settings().value(path)?.description ?? "(none)"
        #expect(
            settings().restartRequired(toBecome: changed) == ["\(path): \(old) → something else"]
        )
        #expect(
            changed.restartRequired(toBecome: settings()) == ["\(path): something else → \(old)"]
        )
    }

    @Test(arguments: live.map(\.path))
    func `an item that is read at every reload does not`(path: String) {
        let changed = settings { $0.items[path] = .text("something else") }
        #expect(settings().restartRequired(toBecome: changed).isEmpty)
        #expect(settings().takingLive(from: changed).value(path) == .text("something else"))
    }

    @Test func `writing a default down changes nothing`() throws {
        for item in Self.start {
            let written = settings { $0.items[item.path] = item.defaultValue }
            #expect(settings().restartRequired(toBecome: written).isEmpty, "\(item.path)")
        }
        let silent = settings { $0.devices = [device("a")] }
        let written = settings {
            $0.devices = [device("a", ["rx.descriptor_number": .integer(256)])]
        }
        #expect(device("a").integer("rx.descriptor_number") == 256)
        #expect(silent.restartRequired(toBecome: written).isEmpty)
    }

    @Test func `devices that come, go or change are named, in order of their names`() {
        let old = settings {
            $0.devices = [device("a"), device("c", ["rx.queue_number": .integer(2)])]
            $0.bonds = [NamedBlock(name: "bond0", path: "netif_defs.bonding")]
        }
        let new = settings {
            $0.devices = [device("c", ["rx.queue_number": .integer(3)]), device("b")]
        }
        #expect(
            old.restartRequired(toBecome: new) == [
                "netif_defs.device a: removed", "netif_defs.device b: added",
                "netif_defs.device c rx.queue_number: 2 → 3", "netif_defs.bonding bond0: removed",
            ]
        )
    }

    @Test func `a worker whose ports differ is named`() {
        var worker = NamedBlock(name: "cpu1", path: "worker_defs.worker")
        let old = settings { $0.workers = [worker] }
        worker.blocks = [NamedBlock(name: "dpdk0", path: "worker_defs.worker.port")]
        worker.items["cpu_id"] = .integer(4)
        let new = settings { $0.workers = [worker] }
        #expect(
            old.restartRequired(toBecome: new) == [
                "worker_defs.worker cpu1 cpu_id: (none) → 4",
                "worker_defs.worker cpu1: its ports differ",
            ]
        )
    }

    @Test func `taking the live part leaves nothing that asks for a restart`() throws {
        let old = settings { settings in
            settings.items["netif_defs.pktpool_size"] = .integer(65_535)
            settings.items["neigh_defs.timeout"] = .integer(10)
            settings.devices = [device("a")]
        }
        let new = settings { settings in
            settings.items["netif_defs.pktpool_size"] = .integer(131_071)
            settings.items["neigh_defs.unres_queue_length"] = .integer(64)
            settings.items["neigh_defs.timeout"] = .integer(20)
            settings.devices = [device("b")]
            settings.workers = [NamedBlock(name: "cpu1", path: "worker_defs.worker")]
        }
        let mixed = old.takingLive(from: new)
        #expect(old.restartRequired(toBecome: mixed).isEmpty)
        #expect(mixed.restartRequired(toBecome: new) == old.restartRequired(toBecome: new))
        #expect(mixed.integer("neigh_defs.timeout") == 20 && mixed.devices == old.devices)
        #expect(mixed.takingLive(from: new) == mixed)
    }
}
