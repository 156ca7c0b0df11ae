// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    /// Bonds over AF_PACKET, whose links are veth pairs.
    @Suite struct BondTests {
        /// A second link between client and balancer: client1 to eth1.
        private func connect(_ lab: Lab) async throws {
            let peer = "peer name eth1 netns \(lab.name)-client"
            try await lab.ip(.balancer, "link add client1 type veth \(peer)")
            try await lab.ip(.balancer, "link set client1 up")
            try await Program.demand(
                lab.command(in: .client, ["ethtool", "-K", "eth1", "tso", "off"])
            )
            try await lab.ip(.client, "address flush dev eth0")
        }

        /// A client whose two links are ports of a bridge.
        private func bridge(_ lab: Lab) async throws {
            try await lab.ip(.client, "link add name br0 type bridge")
            for port in ["eth0", "eth1"] {
                try await lab.ip(.client, "link set \(port) master br0")
                try await lab.ip(.client, "link set \(port) up")
            }
            try await lab.ip(.client, "link set br0 up")
            try await lab.ip(.client, "address add 10.0.0.10/24 dev br0")
        }

        private func setup(mode: Int, _ items: String = "", workers: Int = 1) -> Setup {
            var setup = Setup()
            setup.workers = workers
            setup.interfaces = ["client0", "client1", "backend0"]
            setup.more = bonding(mode: mode, items)
            setup.services.addresses = ["bond0": "10.0.0.1/24", "dpdk2": "10.0.1.1/24"]
            return setup
        }

        private func bonding(mode: Int, _ items: String) -> String {
            """
            netif_defs {
                bonding bond0 {
                    mode \(mode)
                    slave dpdk0
                    slave dpdk1
                    \(items)
                }
            }
            """
        }

        private func slaves(_ dpvs: Balancer) async throws -> [BondStatus.Slave] {
            try await dpvs.status().ports.compactMap(\.bond).flatMap(\.slaves)
        }

        @Test func `packets of 9000 octets go through a bond of AF_PACKET`() async throws {
            try await Lab.run { lab in
                try await connect(lab)
                try await bridge(lab)
                for name in ["eth0", "eth1", "br0"] {
                    try await lab.ip(.client, "link set \(name) mtu 9000")
                }
                _ = try await lab.balance(setup(mode: 2, "mtu 9000")) { dpvs in
                    let mtus = try await dpvs.status().ports.map { "\($0.name) \($0.mtu)" }
                    #expect(mtus.contains("bond0 9000"), "\(mtus)")
                    let ping = try await lab.run(
                        in: .client,
                        "ping",
                        "-c2",
                        "-W5",
                        "-Mdo",
                        "-s8972",
                        "10.0.0.1"
                    )
                    #expect(ping.status == 0, "\(ping.output)")
                }
            }
        }

        // MARK: - Links that fail

        /// Devices of DPDK's tap, which tells of its links, with wires to the client's interfaces.
        private func balanceOnTaps(
            _ lab: Lab,
            _ body: (Balancer) async throws -> Void
        ) async throws {
            var setup = setup(mode: 1, "primary dpdk1")
            setup.drivers = [
                "net_tap,iface=tap0", "net_tap,iface=tap1", "net_af_packet,iface=backend0",
            ]
            let wire = "\(Program.repository)/Tests/SystemTests/wire.py"
            try await lab.balance(setup) { dpvs in
                let words = ["python3", wire, "tap0=client0", "tap1=client1"]
                try await lab.serve(words, in: .balancer) { try await body(dpvs) }
            }
        }

        private func expectOnlyActive(_ name: String, _ dpvs: Balancer) async throws {
            let scrape = try await dpvs.scrape()
            #expect(scrape.sum("dpvs_bond_slave_active", ["slave": "\(name)"]) == 1)
            #expect(scrape.sum("dpvs_bond_slave_active") == 1)
            #expect(scrape.sum("dpvs_bond_slave_link_up") == 1)
            let labels: KeyValuePairs = ["mode": "active-backup", "primary": name]
            #expect(scrape.sum("dpvs_bond_info", labels) == 1)
        }

        @Test func `a client is served while one link and then the other is down`() async throws {
            try await Lab.run { lab in
                try await connect(lab)
                try await bridge(lab)
                try await balanceOnTaps(lab) { dpvs in
                    try await eventually("the client is served") {
                        try await lab.curl().status == 0
                    }
                    let ports = try await dpvs.status().ports
                    #expect(ports.map(\.name) == ["dpdk2", "bond0"])
                    #expect(ports[1].companion?.name == "bond0.kni")
                    #expect(try await slaves(dpvs).first { $0.isActive }?.name == "dpdk1")
                    for (link, other) in [("tap1", "dpdk0"), ("tap0", "dpdk1")] {
                        try await lab.ip(.balancer, "link set \(link) down")
                        try await eventually("\(other) carries packets") {
                            try await slaves(dpvs).filter(\.isActive).map(\.name) == [other]
                        }
                        #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                        try await expectOnlyActive(other, dpvs)
                        try await lab.ip(.balancer, "link set \(link) up")
                        try await eventually("both links are up") {
                            try await slaves(dpvs).allSatisfy(\.isLinkUp)
                        }
                    }
                    let text = try await dpvs.command("status").output
                    #expect(text.contains("bond0  1 active-backup  dpdk0  up"), "\(text)")
                }
            }
        }

        /// DPDK's drivers of these say that the link is up whatever happens; the kernel knows.
        @Test func `a bond of kernel interfaces leaves the one whose cable is pulled`() async throws
        {
            try await Lab.run { lab in
                try await connect(lab)
                try await bridge(lab)
                var setup = setup(mode: 1, "primary dpdk1")
                setup.drivers = ["interface client0", "interface client1", "interface backend0"]
                try await lab.balance(setup) { dpvs in
                    #expect(dpvs.log.contains("DPDK's AF_XDP cannot take the address of a bond"))
                    for (link, other) in [("eth1", "dpdk0"), ("eth0", "dpdk1")] {
                        try await lab.ip(.client, "link set \(link) down")
                        try await eventually("\(other) carries packets") {
                            // The kernel may tell of a link a second late, and the primary comes
                            // back by itself before that.
                            let now = try await slaves(dpvs)
                            return now.filter(\.isActive).map(\.name) == [other]
                                && now.filter(\.isLinkUp).map(\.name) == [other]
                        }
                        #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                        try await expectOnlyActive(other, dpvs)
                        try await lab.ip(.client, "link set \(link) up")
                        try await eventually("both links are up") {
                            try await slaves(dpvs).allSatisfy(\.isLinkUp)
                        }
                    }
                }
            }
        }

        @Test(arguments: [0, 2, 3, 5, 6])
        func `a client is served in every mode without LACP, by two workers`(
            mode: Int
        ) async throws {
            try await Lab.run { lab in
                try await connect(lab)
                try await bridge(lab)
                try await lab.balance(setup(mode: mode, workers: 2)) { dpvs in
                    try await eventually("both slaves carry packets") {
                        try await slaves(dpvs).filter(\.isActive).count == 2
                    }
                    #expect(Set(try await lab.backends(answering: 20)) == [1, 2])
                    let download = try await lab.curl("http://10.0.0.100/", "-o", "/dev/null")
                    #expect(download.status == 0, "\(download.errors)")
                }
            }
        }

        @Test func `a VLAN of a bond is an interface`() async throws {
            try await Lab.run { lab in
                try await connect(lab)
                try await lab.ip(.client, "address add 10.0.0.10/24 dev eth0")
                var setup = setup(mode: 1)
                let vlan = "interfaces:\n  - { name: five, vlan: { link: bond0, id: 5 } }\n"
                let address = "addresses:\n  - { interface: five, address: 10.5.0.1/24 }\n"
                setup.services.text =
                    vlan + setup.services.yaml.replacing("addresses:\n", with: address)
                try await lab.balance(setup) { _ in
                    let peer = "\(Program.repository)/Tests/SystemTests/vlan_peer.py"
                    let words = ["python3", peer, "eth0", "10.5.0.1", "5"]
                    let outcome = try await Program.run(lab.command(in: .client, words))
                    #expect(outcome.output == "arp 5\necho 5\n", "\(outcome.errors)")
                    #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                }
            }
        }

        @Test func `a bond of devices that hash steers replies by their hash`() async throws {
            try await Lab.run { lab in
                var setup = setup(mode: 2, workers: 2)
                setup.drivers = ["net_null", "net_null", "net_af_packet,iface=backend0"]
                try await lab.balance(setup) { dpvs in
                    let ports = try await dpvs.status().ports
                    #expect(ports.map(\.steering) == ["redirect", "rss"])
                    #expect(ports[1].steeringReason.contains("128 places"))
                }
            }
        }

        // MARK: - Reload

        @Test func `the primary is another one after a reload, the mode after a restart`()
            async throws
        {
            try await Lab.run { lab in
                try await connect(lab)
                try await bridge(lab)
                var setup = setup(mode: 1)
                try await lab.balance(setup) { dpvs in
                    #expect(try await slaves(dpvs).first { $0.isActive }?.name == "dpdk0")
                    setup.more = bonding(mode: 1, "primary dpdk1\nxmit_policy layer34")
                    var report = try await dpvs.reportAfter {
                        try dpvs.save(setup.conf, to: "dpvs.conf")
                    }
                    #expect(report.restartRequired.isEmpty)
                    #expect(try await slaves(dpvs).first { $0.isActive }?.name == "dpdk1")
                    let bond = try await dpvs.status().ports.compactMap(\.bond).first
                    #expect(bond?.transmitPolicy == "layer34")
                    #expect(Set(try await lab.backends(answering: 4)) == [1, 2])

                    setup.more = bonding(mode: 0, "primary dpdk1\nxmit_policy layer34")
                    report = try await dpvs.reportAfter {
                        try dpvs.save(setup.conf, to: "dpvs.conf")
                    }
                    #expect(
                        report.restartRequired == ["netif_defs.bonding bond0 mode: 1 → 0"]
                    )
                }
            }
        }

        // MARK: - LACP

        /// The client's machine is one more instance with a bond; its kernel sends by the companion.
        @Test func `two bonds find each other by LACP, and carry what a client asks`()
            async throws
        {
            try await Lab.run { lab in
                try await connect(lab)
                try await lab.ip(.client, "link set eth1 up")
                var peer = Setup()
                peer.instance = "b"
                peer.home = .client
                peer.interfaces = ["eth0", "eth1"]
                peer.more = bonding(mode: 4, "xmit_policy layer34")
                peer.services.text = "addresses:\n  - { interface: bond0, address: 10.0.0.9/24 }\n"
                try await lab.balance(setup(mode: 4, "xmit_policy layer34", workers: 2)) { dpvs in
                    #expect(dpvs.log.contains("no dedicated queues"))
                    try await lab.balance(peer) { peer in
                        try await eventually("LACP agrees", within: .seconds(30)) {
                            let slaves = try await slaves(dpvs) + slaves(peer)
                            return slaves.count == 4 && slaves.allSatisfy(\.isActive)
                        }
                        let systems = Set(try await slaves(dpvs).compactMap(\.partner))
                        #expect(systems.count == 1, "\(systems)")
                        try await lab.ip(.client, "link set bond0.kni up")
                        try await lab.ip(.client, "address add 10.0.0.10/24 dev bond0.kni")
                        try await eventually("the client is served") {
                            try await lab.curl().status == 0
                        }
                        #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                    }
                }
            }
        }
    }
}
