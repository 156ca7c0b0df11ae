// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    /// VLANs over AF_PACKET, with a peer that makes its own frames.
    @Suite struct VLANTests {
        private func ask(_ lab: Lab, _ ids: String...) async throws -> [String] {
            let peer = "\(Program.repository)/Tests/SystemTests/vlan_peer.py"
            let words = ["python3", peer, "eth0", "10.5.0.1"] + ids
            let outcome = try await Program.run(lab.command(in: .client, words))
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output.split(separator: "\n").map(String.init)
        }

        private func services(_ vlan: String) -> ServiceFile {
            var services = ServiceFile()
            services.text =
                "interfaces:\n  - { name: five, vlan: { link: dpdk0, \(vlan) } }\n"
                + ServiceFile().yaml
                .replacing(
                    "addresses:\n",
                    with: "addresses:\n  - { interface: five, address: 10.5.0.1/24 }\n"
                )
            return services
        }

        private static let companion = "dpdk0.100.kni"

        /// A service file with dpdk0.100, whose address the kernel has to bring.
        static func tagged(_ more: String = "") -> ServiceFile {
            var services = ServiceFile()
            services.text =
                "interfaces:\n  - { vlan: { link: dpdk0, id: 100 }\(more) }\n" + ServiceFile().yaml
            return services
        }

        /// A kernel interface `v100`, 10.5.0.10, in the VLAN of the client's place.
        private func join(_ lab: Lab, _ body: () async throws -> Void) async throws {
            let bridge = "\(Program.repository)/Tests/SystemTests/vlan_bridge.py"
            try await lab.serve(["python3", bridge, "eth0", "v100", "100"], in: .client) {
                try await eventually("the client has joined the VLAN") {
                    try await lab.run(in: .client, "ip", "link", "show", "v100").status == 0
                }
                try await lab.ip(.client, "address add 10.5.0.10/24 dev v100")
                try await lab.ip(.client, "link set v100 up")
                try await body()
            }
        }

        /// The kernel has 10.5.0.1 behind the VLAN, and the dataplane knows.
        private func giveKernelAnAddress(_ lab: Lab, _ dpvs: Balancer, _ name: String) async throws
        {
            try await lab.ip(.balancer, "address add 10.5.0.1/24 dev \(name)")
            let names = ["dpdk0.kni", "dpdk1.kni", name].sorted().joined(separator: " ")
            try await eventually("the kernel's address runs") {
                try await dpvs.status().kernelMirror
                    == "addresses 1, routes 0, neighbours 0, of \(names)"
            }
        }

        private func page(_ lab: Lab) async throws -> Bool {
            let words = ["--retry", "10", "--retry-connrefused", "--retry-max-time", "5"]
            let command = ["curl", "-sS", "--max-time", "5"] + words + ["http://10.5.0.1:2222/"]
            let outcome = try await Program.run(lab.command(in: .client, command))
            return outcome.output.contains("Directory listing")
        }

        @Test func `the kernel behind a VLAN is reached while the VLAN is there`() async throws {
            try await Lab.balance(Setup()) { lab, dpvs in
                let others = try await lab.backends(answering: 4)
                #expect(Set(others) == [1, 2])
                async let answers = lab.backends(answering: 600)
                _ = try await dpvs.apply(Self.tagged())
                let status = try await dpvs.command("status")
                #expect(status.output.contains("\(Self.companion) (tap)"))
                try await join(lab) {
                    try await giveKernelAnAddress(lab, dpvs, Self.companion)
                    let server = ["python3", "-m", "http.server", "-b", "10.5.0.1", "2222"]
                    try await lab.serve(server, in: .balancer) {
                        #expect(try await page(lab), "by the VLAN's companion")
                        let ping = try await lab.run(
                            in: .balancer,
                            "ping",
                            "-c",
                            "2",
                            "-i",
                            "0.2",
                            "-W",
                            "2",
                            "10.5.0.10"
                        )
                        #expect(ping.status == 0, "the kernel asks: \(ping.output)\(ping.errors)")
                        let scrape = try await dpvs.scrape()
                        for way in ["receive", "transmit"] {
                            let labels: KeyValuePairs = ["interface": "dpdk0.100"]
                            let packets = scrape.sum("dpvs_interface_\(way)_packets_total", labels)
                            let octets = scrape.sum("dpvs_interface_\(way)_bytes_total", labels)
                            #expect(packets >= 4 && octets >= 60 * packets, "\(way)")
                        }

                        // Another name: another interface, which has no addresses yet.
                        _ = try await dpvs.apply(Self.tagged(", kniName: v100k"))
                        let gone = try await lab.run(
                            in: .balancer,
                            "ip",
                            "link",
                            "show",
                            Self.companion
                        )
                        #expect(gone.status != 0)
                        try await giveKernelAnAddress(lab, dpvs, "v100k")
                        #expect(try await page(lab), "by the renamed companion")

                        _ = try await dpvs.apply(ServiceFile())
                        let left = try await lab.run(in: .balancer, "ip", "link", "show", "v100k")
                        #expect(left.status != 0)
                        try await eventually("the kernel's address has gone") {
                            try await dpvs.status().kernelMirror
                                == "addresses 0, routes 0, neighbours 0, of dpdk0.kni dpdk1.kni"
                        }
                        _ = try await dpvs.apply(Self.tagged())
                        try await giveKernelAnAddress(lab, dpvs, Self.companion)
                        #expect(try await page(lab), "by the companion made again")
                    }
                }
                #expect(try await answers.count == 600, "others have not noticed")
            }
        }

        @Test func `a VLAN whose companion cannot be had is refused and nothing changes`()
            async throws
        {
            try await Lab.balance(Setup()) { lab, dpvs in
                let report = try await dpvs.apply(Self.tagged(", kniType: existing"))
                #expect(report.outcome == .failed)
                let problem = report.problems.map(\.message).joined()
                #expect(problem.contains("interface dpdk0.100 has no kernel companion"))
                #expect(problem.contains("ip tuntap add dpdk0.100.kni mode tap user UID"))
                #expect(try await dpvs.status().vlans.isEmpty)
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])

                try await lab.ip(.balancer, "tuntap add dpdk0.100.kni mode tap")
                let second = try await dpvs.apply(Self.tagged(", kniType: existing"))
                #expect(second.outcome == .applied)
                _ = try await dpvs.apply(ServiceFile())
                let kept = try await lab.run(in: .balancer, "ip", "link", "show", Self.companion)
                #expect(kept.status == 0, "what others have made stays")

                // Whoever deletes it does not hold up other changes, and it comes back with one.
                #expect(try await dpvs.apply(Self.tagged(", kniType: existing")).isSuccess)
                try await lab.ip(.balancer, "link delete dpdk0.100.kni")
                var services = Self.tagged(", kniType: existing")
                services.text = services.text?.replacing("port: 80", with: "port: 81")
                #expect(try await dpvs.apply(services).isSuccess)
                try await lab.ip(.balancer, "tuntap add dpdk0.100.kni mode tap")
                #expect(try await dpvs.apply(Self.tagged(", kniType: existing")).isSuccess)
                let up = try await lab.run(
                    in: .balancer,
                    "ip",
                    "-br",
                    "link",
                    "show",
                    Self.companion
                )
                #expect(up.output.contains("LOWER_UP"), "\(up.output)")
            }
        }

        @Test func `a VLAN comes, changes and goes by reload, and others keep working`()
            async throws
        {
            try await Lab.balance(Setup()) { lab, dpvs in
                #expect(try await ask(lab, "5") == ["silence"])

                _ = try await dpvs.apply(services("id: 5"))
                #expect(try await ask(lab, "5") == ["arp 5", "echo 5"])
                let status = try await dpvs.command("status")
                #expect(status.output.contains("five"))
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])

                _ = try await dpvs.apply(services("id: 6"))
                #expect(try await ask(lab, "6") == ["arp 6", "echo 6"])
                #expect(try await ask(lab, "5") == ["silence"])

                _ = try await dpvs.apply(services("id: 5, innerID: 7"))
                #expect(try await ask(lab, "5", "7") == ["arp 5 7", "echo 5 7"])

                _ = try await dpvs.apply(ServiceFile())
                #expect(try await ask(lab, "6") == ["silence"])
                let scrape = try await dpvs.scrape()
                #expect(scrape.sum("dpvs_drops_total", ["reason": "unknown_vlan"]) > 0)
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
            }
        }
    }
}
