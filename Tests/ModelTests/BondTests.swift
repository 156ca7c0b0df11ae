// SPDX-License-Identifier: Apache-2.0
import Model
import Testing

@Suite struct BondTests {
    private func settings(_ items: [String: ItemValue] = [:]) -> Settings {
        var settings = Settings()
        settings.devices = ["dpdk0", "dpdk1", "dpdk2"]
            .map { NamedBlock(name: $0, path: "netif_defs.device") }
        settings.devices[1].items = [
            "rx.queue_number": .integer(4), "mtu": .integer(4000), "kni_name": .text("slave.kni"),
            "lldp": .flag(false), "pci": .text("0000:06:00.0"), "promisc_mode": .flag(true),
        ]
        var bond = NamedBlock(name: "bond0", path: "netif_defs.bonding")
        bond.items = items.merging(["slave": .words(["dpdk0", "dpdk1"])]) { own, _ in own }
        settings.bonds = [bond]
        return settings
    }

    @Test func `slaves are no ports, and a bond is one after the devices`() {
        let settings = settings()
        #expect(settings.ports.map(\.name) == ["dpdk2", "bond0"])
        #expect(settings.bondOfSlave == ["dpdk0": "bond0", "dpdk1": "bond0"])
        let worker = WorkerPlan(settings, cpus: [0, 1]).workers[0]
        #expect(worker.receiveQueues == ["dpdk2": [0], "bond0": [0]])
    }

    @Test func `a bond has its primary's items where it says nothing, but not its names`() {
        let inherited = settings(["primary": .text("dpdk1")]).ports[1]
        #expect(inherited.integer("rx.queue_number") == 4 && inherited.integer("mtu") == 4000)
        #expect(inherited.isOn("promisc_mode") && inherited.isOn("lldp"))
        #expect(inherited.text("kni_name") == nil && inherited.text("pci") == nil)

        let own = settings([
            "primary": .text("dpdk1"), "mtu": .integer(1400), "promisc_mode": .flag(false),
            "kni_name": .text("up"), "lldp": .flag(false),
        ])
        .ports[1]
        #expect(own.integer("mtu") == 1400 && !own.isOn("promisc_mode") && !own.isOn("lldp"))
        #expect(own.text("kni_name") == "up")
        // The first slave is the primary by default.
        #expect(settings().ports[1].integer("mtu") == 1500)
    }

    @Test func `a block is read with defaults`() {
        let plain = Bond(settings().bonds[0])
        #expect(plain.mode == .roundRobin && plain.tuning.primary == "dpdk0")
        #expect(plain.tuning.transmitPolicy == .layer2 && plain.tuning.monitorInterval == 10)
        #expect(!plain.usesDedicatedQueues)
        #expect(Bond(settings(["mode": .integer(4)]).bonds[0]).usesDedicatedQueues)
        for word in ["off", "disable"] {
            let options = ItemValue.text("dedicated_queues = \(word)")
            let bond = Bond(settings(["mode": .integer(4), "options": options]).bonds[0])
            #expect(!bond.usesDedicatedQueues)
        }
    }

    @Test func `buffers that a bond makes itself are in the memory plan`() {
        let usual = settings().packetMemory
        #expect(settings(["mode": .integer(6)]).packetMemory == usual + 8)
        #expect(settings(["mode": .integer(4)]).packetMemory == usual + 2 * (4 + 32))
        let off = ItemValue.text("dedicated_queues=off")
        #expect(settings(["mode": .integer(4), "options": off]).packetMemory == usual + 8)
    }

    @Test func `primary and policy apply at once, mode and slaves ask for a restart`() {
        let old = settings()
        let new = settings([
            "primary": .text("dpdk1"), "xmit_policy": .text("layer34"), "mode": .integer(1),
            "slave": .words(["dpdk1"]),
        ])
        #expect(
            old.restartRequired(toBecome: new) == [
                "netif_defs.bonding bond0 mode: 0 → 1",
                "netif_defs.bonding bond0 slave: dpdk0|dpdk1 → dpdk1",
            ]
        )
        let running = Bond(old.takingLive(from: new).bonds[0])
        #expect(running.tuning.primary == "dpdk1" && running.tuning.transmitPolicy == .layer34)
        #expect(running.mode == .roundRobin && running.slaves == ["dpdk0", "dpdk1"])
    }
}
