// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Model
import PacketTesting
import Testing

@Suite struct BondTests {
    private func load(_ conf: String, _ services: String = "") -> LoadedConfiguration {
        ConfigurationLoader(
            conf: "/etc/dpvs/dpvs.conf",
            servicesDirectory: "/etc/dpvs/services.d"
        )
        .load(
            MemorySource(["/etc/dpvs/dpvs.conf": conf, "/etc/dpvs/services.d/a.yaml": services])
        )
    }

    private func errors(_ conf: String, _ services: String = "") -> [String] {
        load(conf, services).diagnostics.filter { $0.severity == .error }.map(\.description)
    }

    /// Three devices and, from line 5 on, what a bond's block has.
    private func conf(_ bond: String, more: String = "") -> String {
        """
        netif_defs {
        device dpdk0 { driver net_null0 }
        device dpdk1 { driver net_null1 }
        bonding bond0 {
        \(bond)
        }
        device dpdk2 { driver net_null2 }
        \(more)
        }

        """
    }

    private let slaves = "slave dpdk0\nslave dpdk1"

    @Test func `a bond of two devices is read`() throws {
        let loaded = load(
            conf("mode 4\n\(slaves)\nprimary dpdk1\noptions dedicated_queues=off\nkni_name b.kni")
        )
        #expect(loaded.diagnostics.isEmpty, "\(loaded.diagnostics)")
        let bond = Bond(try #require(loaded.state.settings.bonds.first))
        #expect(bond.mode == .lacp && bond.slaves == ["dpdk0", "dpdk1"])
        #expect(bond.tuning.primary == "dpdk1" && !bond.usesDedicatedQueues)
    }

    @Test(arguments: [
        ("mode 1", "4:1: error: netif_defs.bonding.slave: is missing in bond0"),
        ("slave dpdk7", "5:7: error: netif_defs.bonding.slave: 'dpdk7' is no device of this file"),
        ("slave dpdk2", "5:7: error: netif_defs.bonding.slave: 'dpdk2' is declared below the bond"),
        ("slave bond0", "5:7: error: netif_defs.bonding.slave: 'bond0' is a bond itself"),
        (
            "slave dpdk0\nslave dpdk0",
            "6:7: error: netif_defs.bonding.slave: 'dpdk0' is there twice"
        ),
        (
            "slave dpdk0\nprimary dpdk1",
            "6:1: error: netif_defs.bonding.primary: 'dpdk1' is no slave"
        ),
        ("slave dpdk0\nmode 7", "6:6: error: netif_defs.bonding.mode: '7' is not in range"),
        (
            "slave dpdk0\nmode 4\noptions dedicated_queues=maybe",
            "7:1: error: netif_defs.bonding.options: 'dedicated_queues=maybe' is neither on nor off"
        ),
    ])
    func `a bond that cannot be is named with its place`(bond: String, says: String) {
        let errors = errors(conf(bond))
        #expect(errors.count == 1 && errors[0].contains(says), "\(errors)")
    }

    @Test(arguments: [
        ("dedicated_queues=on", "'dedicated_queues' has no effect: it exists in mode 4 only"),
        ("OPT1=VAL1", "'opt1=val1' has no effect: dedicated_queues is the only option"),
    ])
    func `options without effect are listed`(options: String, says: String) {
        let notes = load(conf("slave dpdk0\noptions \(options)")).diagnostics
        #expect(notes.count == 1 && notes[0].description.contains(says), "\(notes)")
        #expect(notes.first?.severity == .notInEffect)
    }

    @Test func `names and slaves are of one bond, and every problem is told at once`() {
        let more = "bonding bond1 {\nslave dpdk0\nslave dpdk9\n}\nbonding dpdk2 {\n}"
        let errors = errors(conf(slaves, more: more))
        #expect(errors.count == 4, "\(errors)")
        for says in [
            "10:7: error: netif_defs.bonding.slave: 'dpdk0' is a slave of bond0 too",
            "11:7: error: netif_defs.bonding.slave: 'dpdk9' is no device of this file",
            "13:1: error: netif_defs.bonding: 'dpdk2' is the name of a device too",
            "13:1: error: netif_defs.bonding.slave: is missing in dpdk2",
        ] { #expect(errors.contains { $0.contains(says) }, "\(says) in \(errors)") }
    }

    @Test func `a slave is no interface, and no port of a worker`() {
        let workers = """
            worker_defs {
            worker cpu0 { type master
            cpu_id 0 }
            worker cpu1 { type slave
            cpu_id 1
            port dpdk0 { rx_queue_ids 0 }
            port dpdk2 { rx_queue_ids 0 }
            port bond0 { rx_queue_ids 0 } }
            }
            """
        let services = """
            interfaces:
              - vlan: { link: dpdk1, id: 5 }
              - vlan: { link: bond0, id: 6 }
            addresses:
              - { interface: dpdk0, address: 10.0.0.1/24 }
              - { interface: bond0, address: 10.0.1.1/24 }
              - { interface: bond0.6, address: 10.0.2.1/24 }
            routes:
              - { to: 10.9.0.0/16, via: 10.0.1.9, interface: dpdk1 }
            """
        let errors = errors(conf(slaves) + workers, services)
        #expect(errors.count == 4, "\(errors)")
        for says in [
            "dpvs.conf:16:1: error: worker_defs.worker.port: 'dpdk0' is a slave of bond0",
            "a.yaml:2:", "'dpdk1' is a slave of bond0", "a.yaml:5:", "'dpdk0' is a slave of bond0",
            "a.yaml:9:",
        ] { #expect(errors.contains { $0.contains(says) }, "\(says) in \(errors)") }
        #expect(errors.allSatisfy { $0.contains("is a slave of bond0") })
    }

    @Test func `what is the bond's to say has no effect in a slave's block`() {
        let text = conf(slaves).replacing("net_null0", with: "net_null0\nkni_name x.kni\nmtu 1400")
        let found = load(text).diagnostics
        #expect(found.map(\.severity) == [.notInEffect])
        #expect(found[0].description.contains("3:1"), "\(found)")
        #expect(found[0].description.contains("dpdk0 is a slave of bond0"), "\(found)")
    }
}
