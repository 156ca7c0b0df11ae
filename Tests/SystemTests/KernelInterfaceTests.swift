// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Linux
import Model
import Testing

extension SystemTests {
    /// Interfaces of the kernel as ports: `interface client0`, and AF_PACKET by name.
    @Suite struct KernelInterfaceTests {
        enum Way: String, CaseIterable {
            case xdp = "af_xdp"
            case packet = "af_packet"

            /// What dpdk0 and dpdk1 are.
            var drivers: [String] {
                self == .xdp
                    ? ["interface client0", "interface backend0"]
                    : ["net_af_packet,iface=client0", "net_af_packet,iface=backend0"]
            }

            func setup(_ change: (inout Setup) -> Void = { _ in }) -> Setup {
                var setup = Setup()
                setup.drivers = drivers
                change(&setup)
                return setup
            }
        }

        /// Whether this kernel and these rights allow AF_XDP at all.
        static let isThere = KernelLink.named("lo")?.tryXDP() == nil

        /// The name of the XDP program that the kernel has on an interface; nil: none.
        private func program(_ lab: Lab, _ name: String) async throws -> String? {
            let shown = try await lab.run(in: .balancer, "ip", "-d", "link", "show", name)
            guard
                let line = shown.output.split(separator: "\n")
                    .first(where: { $0.contains("prog/xdp") })
            else { return nil }
            return String(line)
        }

        private func ask(_ lab: Lab, _ ids: String...) async throws -> [String] {
            let peer = "\(Program.repository)/Tests/SystemTests/vlan_peer.py"
            let words = ["python3", peer, "eth0", "10.5.0.1"] + ids
            let outcome = try await Program.run(lab.command(in: .client, words))
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output.split(separator: "\n").map(String.init)
        }

        // MARK: - Every way

        @Test func `an interface that joins what it receives is told not to, which the log says`()
            async throws
        {
            try await Lab.run { lab in
                let switched = ["ethtool", "-K", "client0", "gro", "on"]
                try await Program.demand(lab.command(in: .balancer, switched))
                var setup = Setup()
                setup.drivers = ["interface client0", "interface backend0"]
                _ = try await lab.balance(setup) { dpvs in
                    #expect(dpvs.log.contains("client0: switched off GRO and LRO"))
                    #expect(!dpvs.log.contains("backend0: switched off GRO"))
                    let shown = try await lab.run(in: .balancer, "ethtool", "-k", "client0")
                    #expect(shown.output.contains("generic-receive-offload: off"))
                    #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                }
            }
        }

        @Test(.enabled(if: isThere))
        func `an interface is driven by AF_XDP, which log, status, doctor and metrics say`()
            async throws
        {
            try await Lab.run { lab in
                try await lab.balance(Way.xdp.setup()) { dpvs in
                    let port = try #require(try await dpvs.status().ports.first)
                    #expect(port.driver == "net_af_xdp")
                    let words = "client0 by AF_XDP (zero copy not used: driver veth cannot do it)"
                    #expect(port.interface == words)
                    #expect(dpvs.log.contains("port dpdk0: \(words)"))
                    #expect(try await dpvs.command("status").output.contains("dpdk0: \(words)\n"))
                    let scrape = try await dpvs.scrape()
                    let labels: KeyValuePairs = ["interface": "client0", "way": "af_xdp"]
                    #expect(scrape.sum("dpvs_port_info", labels) == 1)
                    #expect(Set(try await lab.backends(answering: 20)) == [1, 2])
                    #expect(try await program(lab, "client0") != nil)
                    let doctor = try await Program.run(
                        lab.command(
                            in: .balancer,
                            [Program.dpvs, "doctor", "--conf", dpvs.confPath]
                        )
                    )
                    #expect(doctor.output.contains("another AF_XDP socket has queue 0"))
                }
                #expect(try await program(lab, "client0") == nil, "the end leaves nothing behind")
            }
        }

        @Test(.enabled(if: isThere), arguments: Way.allCases)
        func `connections, a reload and VLANs pass, and the buffers come back`(
            way: Way
        ) async throws {
            try await Lab.balance(way.setup()) { lab, dpvs in
                #expect(Set(try await lab.backends(answering: 10)) == [1, 2])
                var services = ServiceFile()
                services.services[0].backends.append(.init(4))
                #expect(try await dpvs.apply(services).isSuccess)
                #expect(Set(try await lab.backends(answering: 12)) == [1, 2, 3])
                services.text =
                    "interfaces:\n  - { name: five, vlan: { link: dpdk0, id: 5 } }\n"
                    + services.yaml.replacing(
                        "addresses:\n",
                        with: "addresses:\n  - { interface: five, address: 10.5.0.1/24 }\n"
                    )
                #expect(try await dpvs.apply(services).isSuccess)
                #expect(try await ask(lab, "5") == ["arp 5", "echo 5"])
                let page = try await lab.curl(
                    "http://10.0.0.100/large",
                    "-r",
                    "0-1999999",
                    "-o",
                    "/dev/null"
                )
                #expect(page.status == 0, "\(page.errors)")
            }
        }

        @Test(.enabled(if: isThere), arguments: Way.allCases)
        func `a killed process leaves nothing that the next one stumbles over`(
            way: Way
        )
            async throws
        {
            try await Lab.run { lab in
                try await lab.balance(way.setup()) { dpvs in
                    let answers = try await lab.backends(answering: 4)
                    #expect(Set(answers) == [1, 2])
                    dpvs.send(SIGKILL)
                }
                let left = try await program(lab, "client0")
                #expect((left != nil) == (way == .xdp), "\(left ?? "")")
                let ending = try await lab.balance(way.setup()) { dpvs in
                    let answers = try await lab.backends(answering: 4)
                    #expect(Set(answers) == [1, 2])
                    if way == .xdp {
                        #expect(
                            dpvs.log.contains("client0: took off the XDP program that a killed")
                        )
                    }
                }
                #expect(ending.status == 0)
                #expect(try await program(lab, "client0") == nil)
            }
        }

        @Test(.enabled(if: isThere), arguments: Way.allCases)
        func `the link is the kernel's, and an interface that is down is switched on`(
            way: Way
        )
            async throws
        {
            try await Lab.run { lab in
                try await lab.ip(.balancer, "link set client0 down")
                let ending = try await lab.balance(way.setup()) { dpvs in
                    if way == .xdp {
                        #expect(dpvs.log.contains("client0 was down: switched it on"))
                    } else {
                        try await lab.ip(.balancer, "link set client0 up")
                        try await eventually("the log says that it is up") {
                            dpvs.log.contains("port dpdk0: link is up")
                        }
                    }
                    #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                    try await lab.ip(.client, "link set eth0 down")
                    try await eventually("the link is seen down") {
                        try await dpvs.scrape().sum("dpvs_port_link_up", ["port": "dpdk0"]) == 0
                    }
                    try await eventually("the log says so") {
                        dpvs.log.contains("port dpdk0: link is down")
                    }
                    try await lab.ip(.client, "link set eth0 up")
                    try await eventually("the link is seen up") {
                        try await dpvs.status().ports.first?.isLinkUp == true
                    }
                    #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                }
                #expect(ending.status == 0)
            }
        }

        // MARK: - What rules AF_XDP out

        @Test(.enabled(if: isThere))
        func `two workers on one queue go by AF_PACKET, and the reason has the remedy`()
            async throws
        {
            let setup = Way.xdp.setup { $0.workers = 2 }
            try await Lab.balance(setup) { lab, dpvs in
                let port = try #require(try await dpvs.status().ports.first)
                #expect(port.driver == "net_af_packet")
                #expect(port.interface?.contains("ethtool -L client0 combined 2") == true)
                #expect(Set(try await lab.backends(answering: 20)) == [1, 2])
            }
        }

        @Test(.enabled(if: isThere))
        func `without the right to load programs it is AF_PACKET, and that is said`() async throws {
            let setup = Way.xdp.setup {
                $0.launcher = [
                    "setpriv", "--bounding-set", "-bpf,-sys_admin", "--inh-caps", "-bpf,-sys_admin",
                ]
            }
            try await Lab.balance(setup) { lab, dpvs in
                let port = try #require(try await dpvs.status().ports.first)
                #expect(port.interface?.contains("CAP_BPF and CAP_NET_ADMIN") == true)
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
            }
        }

        @Test(.enabled(if: isThere)) func `long frames go by AF_XDP as far as it takes them`()
            async throws
        {
            let mtu = 3000
            try await Lab.run { lab in
                try await lab.ip(.client, "link set eth0 mtu \(mtu)")
                let setup = Way.xdp.setup { $0.deviceItems = ["mtu \(mtu)"] }
                try await lab.balance(setup) { dpvs in
                    #expect(try await dpvs.status().ports.first?.driver == "net_af_xdp")
                    let size = String(mtu - 28)
                    let ping = try await lab.run(
                        in: .client,
                        "ping",
                        "-c",
                        "2",
                        "-i",
                        "0.2",
                        "-W",
                        "2",
                        "-M",
                        "do",
                        "-s",
                        size,
                        "10.0.0.1"
                    )
                    #expect(ping.status == 0, "\(ping.output)")
                }
            }
        }
    }
}
