// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// `dpip` against a running `dpvs`.
    @Suite struct DPIPTests {
        @Test func `addresses and routes by dpip carry traffic at once`() async throws {
            try await Lab.balance { lab, dpvs in
                #expect(try await lab.answers("10.0.0.101") == false)
                try await dpvs.dpip("addr add 10.0.0.101/24 dev dpdk0")
                #expect(try await lab.answers("10.0.0.101"))
                try await dpvs.dpip("addr del 10.0.0.101/24 dev dpdk0")
                #expect(try await lab.answers("10.0.0.101") == false)

                // Answers to a client that is behind another one need a route.
                try await lab.ip(.client, "address add 10.8.0.1/32 dev lo")
                #expect(try await lab.connects(from: "10.8.0.1") == false)
                try await dpvs.dpip("route add 10.8.0.0/24 via 10.0.0.10 dev dpdk0")
                #expect(try await lab.connects(from: "10.8.0.1"))
                let routes = try await dpvs.dpip("route show")
                #expect(
                    routes.contains(
                        "inet 10.8.0.0/24 via 10.0.0.10 src 10.0.0.1 dev dpdk0 mtu 1500 tos 0 "
                            + "scope global metric 0 proto auto\n"
                    ),
                    "\(routes)"
                )
                let other = try await dpvs.refusal("route del 10.8.0.0/24 dev dpdk1")
                #expect(other.contains("goes via 10.0.0.10 dev dpdk0"))
                try await dpvs.dpip("route del 10.8.0.0/24 dev dpdk0")
                #expect(try await lab.connects(from: "10.8.0.1") == false)
            }
        }

        @Test func `counters, neighbours and workers are those of the traffic`() async throws {
            var setup = Setup()
            setup.workers = 2
            try await Lab.balance(setup) { lab, dpvs in
                let before = try await dpvs.counters(of: "dpdk0")
                #expect(try await lab.backends(answering: 20).count == 20)
                let after = try await dpvs.counters(of: "dpdk0")
                // A connection is ten packets or so, of which clients send more than half.
                #expect(after[0] >= before[0] + 100, "\(before) \(after)")
                #expect(after[1] >= before[1] + 80 && after[2] > before[2])

                let neighbours = try await dpvs.dpip("neigh show dev dpdk0")
                #expect(neighbours.contains("ip: 10.0.0.10  mac: "), "\(neighbours)")
                #expect(neighbours.contains("dev: dpdk0  core: 0"))
                try await dpvs.dpip("neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev dpdk0")
                #expect(
                    try await dpvs.dpip("neigh show")
                        .contains(
                            "ip: 10.0.0.77  mac: 02:00:00:00:00:77  state: REACHABLE  dev: dpdk0  core: 0"
                                + "  static\n"
                        )
                )
                try await dpvs.dpip("neigh del 10.0.0.77 lladdr 02:00:00:00:00:77 dev dpdk0")
                let lcores = try await dpvs.dpip("link show cpu")
                #expect(lcores.contains("<< Data Plane >>\n2: cpu"), "\(lcores)")
                #expect(try await dpvs.dpip("link show cpu -s").contains("zpktburst"))

                let rates = try await dpvs.dpip("link show dpdk0 -s -C -i 1 -c 2")
                #expect(rates.components(separatedBy: "ipackets/pps").count == 3, "\(rates)")
                let local = try await dpvs.dpip("addr show -s")
                #expect(local.contains("inet 10.0.1.200/32 scope global dpdk1\n"), "\(local)")
                #expect(local.contains(" sa_free "), "\(local)")
            }
        }

        @Test func `a script of the field runs, and says what is not to be had`() async throws {
            try await Lab.balance { lab, dpvs in
                for line in Self.script {
                    let parts = line.components(separatedBy: " #: ")
                    let outcome = try await dpvs.run(dpip: parts[0])
                    let wanted = parts.count > 1 ? parts[1] : ""
                    #expect(outcome.status == (wanted.isEmpty ? 0 : 1), "\(line): \(outcome)")
                    #expect(
                        wanted.isEmpty || outcome.errors.contains(wanted),
                        "\(line): \(outcome)"
                    )
                }
                // Everything that the script made it has taken away.
                #expect(try await dpvs.command("config", "drift").status == 0)
            }
        }

        /// Each line, and where it is refused what is said.
        private static let script = [
            "addr add 10.0.0.101/32 dev dpdk0", "addr add 10.0.0.101/32 dev dpdk0 #: there already",
            "addr add 2001:db8::1/64 dev dpdk1", "addr add 2001:db8::2 dev dpdk0 sapool",
            "addr show", "addr show -s", "addr show dev dpdk0 -v", "-6 addr show --json",
            "addr add 10.0.0.102 dev dpdk7 #: dpdk7",
            "addr add 10.0.0.102 dev dpdk0 valid_lft 60 #: only be forever",
            "addr del 10.0.0.101/32 dev dpdk0", "addr del 10.0.0.101/32 dev dpdk0 #: there is no",
            "addr del 2001:db8::1/64 dev dpdk1", "addr del 2001:db8::2 dev dpdk0",
            "route add 10.77.0.0/16 dev dpdk1", "route add default via 10.0.0.254 dev dpdk0",
            "route set default via 10.0.0.253 mtu 1400",
            "route add 10.0.0.28/32 scope kni_host dev dpdk0",
            "-6 route show", "route show", "route del 10.77.0.0/16 dev dpdk1",
            "route del default", "route del default #: there is no route",
            "neigh add 10.0.0.215 lladdr a0:36:9f:74:ec:f0 dev dpdk0", "neigh show",
            "neigh del 10.0.0.215 lladdr a0:36:9f:74:ec:f0 dev dpdk0",
            "link show", "link show -s", "link show -v -s", "link show dpdk0 -v", "link show cpu",
            "link show nic0 #: devices are dpdk0, dpdk1",
            "link show dpdk0 status #: no bond", "link set dpdk0 tc-egress on #: not built yet",
            "link set dpdk0 tc-ingress off", "link set dpdk0 promisc on",
            "link set dpdk0 promisc off",
            "link set dpdk0 forward2kni on #: is not made",
            "link set dpdk0 bond-mode 4 #: is no bond",
            "link set dpdk0 lldp on #: global_defs",
            "vlan add dpdk0.100 link dpdk0 proto 802.1q id 100",
            "vlan add link dpdk0 proto 802.1q id 101",
            "vlan add link dpdk0 proto 802.1ad id 102 #: dpvs edit add interface",
            "vlan show", "vlan show link dpdk0 id 101", "link show dpdk0.100 -s",
            "addr add 10.100.0.1/24 dev dpdk0.100", "addr flush dev dpdk0.100",
            "vlan del dpdk0.100", "vlan del link dpdk0 id 101",
            "vlan del link dpdk0 id 101 #: no such VLAN",
            "tunnel add mode ipip ipip1 local 10.0.0.1 remote 10.0.0.9",
            "tunnel add gre1 mode gre local 10.0.1.1 remote 10.0.1.9 key 7 csum dev dpdk1",
            "tunnel change gre1 ttl 64",
            "tunnel replace gre1 mode gre remote 10.0.1.8 local 10.0.1.1",
            "tunnel show", "tunnel show gre1", "tunnel del gre1", "tunnel del ipip1",
            "tunnel del gre1 #: there is no tunnel 'gre1'",
            "qsch add dev dpdk0 root pfifo_fast #: not built yet",
            "cls add dev dpdk0 qsch root match pattern tcp,oif=dpdk0 target 1: #: not built yet",
            "ipset create foo hash:ip comment #: not built yet",
            "ipset add foo 10.100.100.100 comment a-single-address #: not built yet",
            "lldp show neigh dev dpdk0", "lldp show local dev dpdk0",
            "flow show type kni dev dpdk0",
            "flow del type kni dev dpdk0 10.0.0.28",
            "flow del type kni dev dpdk0 10.0.0.28 #: there is no flow",
            "maddr show dev dpdk0 -v", "eal-mem show pool", "eal-mem show seg", "eal-mem show ring",
            "eal-mem show zone --json", "frob show #: objects are link, addr",
        ]
    }
}

extension Balancer {
    /// Runs `dpip` with the words of a line.
    func run(dpip line: String) async throws -> Program.Outcome {
        let words = line.split(separator: " ").map(String.init)
        return try await Program.run([Program.dpip] + words + ["--instance", instance])
    }

    /// The same for a line that must be carried out; returns what it prints.
    @discardableResult
    func dpip(_ line: String) async throws -> String {
        let outcome = try await run(dpip: line)
        try #require(outcome.status == 0, "dpip \(line): \(outcome)")
        return outcome.output
    }

    /// What a line says that is refused.
    func refusal(_ line: String) async throws -> String {
        let outcome = try await run(dpip: line)
        try #require(outcome.status == 1 && outcome.errors.hasPrefix("dpip: "), "\(outcome)")
        return outcome.errors
    }

    /// Packets in and out, octets in and out.
    func counters(of link: String) async throws -> [Int] {
        let lines = try await dpip("link show \(link) -s").split(separator: "\n")
        let titles = try #require(lines.firstIndex { $0.contains("ipackets") })
        return lines[titles + 1].split(separator: " ").compactMap { Int($0) }
    }
}

extension Lab {
    /// Whether an address answers a client's ping.
    fileprivate func answers(_ address: String) async throws -> Bool {
        let words = ["ping", "-c", "1", "-W", "1", address]
        return try await Program.run(command(in: .client, words)).status == 0
    }

    /// Whether the service answers a client with an address.
    fileprivate func connects(from source: String) async throws -> Bool {
        let words = ["curl", "-s", "-m", "2", "--interface", source, "http://10.0.0.100/"]
        return try await Program.run(command(in: .client, words)).status == 0
    }
}
