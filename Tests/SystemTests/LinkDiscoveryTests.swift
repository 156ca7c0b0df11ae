// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Subprocess
import Testing

extension SystemTests {
    /// `lldpd` (Debian's) at the other end of the client's link.
    @Suite struct LinkDiscoveryTests {
        /// Runs lldpd in the client's namespace while `body` asks it by lldpcli.
        private func lldpd(
            _ lab: Lab,
            body: (_ ask: @Sendable () async throws -> String) async throws -> Void
        ) async throws {
            let socket = "\(lab.directory)/lldpd.socket"
            let daemon = lab.command(
                in: .client,
                ["lldpd", "-d", "-u", socket, "-I", "eth0", "-S", "a test"]
            )
            _ = try await Subprocess.run(
                .name(daemon[0]),
                arguments: Arguments(Array(daemon.dropFirst())),
                input: .none,
                output: .discarded,
                error: .discarded
            ) { process in
                try await body {
                    let words = ["lldpcli", "-u", socket, "show", "neighbors", "details"]
                    return try await Program.run(lab.command(in: .client, words)).output
                }
                try process.send(signal: .terminate)
            }
        }

        private func links(_ dpvs: Balancer) async throws -> [LinkDiscoveryStatus] {
            try await dpvs.client.get("/v1/lldp")
        }

        @Test(.enabled(if: Program.path(of: "lldpd") != nil, "needs lldpd"))
        func `lldpd and dpvs know each other until one of them leaves`() async throws {
            var setup = Setup()
            setup.global.append("lldp on")
            try await Lab.balance(setup) { lab, dpvs in
                try await lldpd(lab) { ask in
                    try await eventually("lldpd knows dpvs") {
                        try await ask().contains("PortID:       ifname dpdk0")
                    }
                    let said = try await ask()
                    #expect(said.contains("dpvs port 0: dpdk0") && said.contains("10.0.0.1"))
                    #expect(said.contains("TTL:          120"), "\(said)")
                    try await eventually("dpvs knows lldpd") {
                        try await links(dpvs).first?.neighbours.count == 1
                    }
                    let known = try await links(dpvs)
                    #expect(known.map(\.isOn) == [true, true])
                    #expect(known[0].neighbours[0].systemDescription == "a test")
                    #expect(known[0].malformed == 0)
                    let shown = try await dpvs.command("lldp")
                    #expect(shown.status == 0 && shown.output.contains("dpdk0"), "\(shown)")
                    #expect(try await dpvs.scrape().sum("dpvs_lldp_neighbours") == 1)

                    dpvs.send(SIGTERM)
                    try await eventually("dpvs took leave") {
                        try await !ask().contains("dpdk0")
                    }
                }
            }
        }
    }
}
