// SPDX-License-Identifier: Apache-2.0
import Testing

extension SystemTests {
    /// Tunnels as interfaces over AF_PACKET, with another end in userland.
    @Suite struct TunnelDeviceTests {
        private func services(_ tunnel: String) -> ServiceFile {
            var file = ServiceFile()
            file.text = """
                interfaces:
                  - name: far
                    tunnel: { \(tunnel), remote: 10.0.1.2, local: 10.0.1.1 }
                addresses:
                  - { interface: dpdk0, address: 10.0.0.1/24 }
                  - { interface: dpdk1, address: 10.0.1.1/24 }
                  - { interface: far, address: 10.9.0.1/24 }
                services:
                  - name: web
                    address: 10.0.0.100
                    port: 80
                    protocol: tcp
                    localAddresses: [10.0.1.200]
                    backends:
                      - { address: 10.9.0.2, port: 8080 }

                """
            return file
        }

        @Test(arguments: ["kind: gre, key: 7, csum: true, seq: true", "kind: ipip"])
        func `a server and a kernel behind a tunnel are reached, and reach`(
            tunnel: String
        ) async throws {
            try await Lab.run { lab in
                let peer = "\(Program.repository)/Tests/SystemTests/tunnel_peer.py"
                let kind = tunnel.contains("gre") ? "gre" : "ipip"
                let words = ["python3", peer, kind, "10.0.1.1", "10.9.0.2/24", "10.0.1.200/32"]
                try await lab.serve(words, in: .backends) {
                    try await lab.serveWeb("0.0.0.0:8080", saying: "through the tunnel") {
                        var setup = Setup()
                        setup.services = services(tunnel)
                        try await lab.balance(setup) { dpvs in
                            let page = try await lab.curl(
                                "http://10.0.0.100/",
                                "--retry",
                                "5",
                                "--retry-all-errors"
                            )
                            #expect(page.output == "through the tunnel\n", "\(page.errors)")
                            #expect(try await isReached(lab, "10.9.0.1"), "our own answer")
                            try await lab.ip(.balancer, "address add 10.9.0.3/24 dev far.kni")
                            try await eventually("the kernel answers by the companion") {
                                try await isReached(lab, "10.9.0.3")
                            }
                            let status = try await dpvs.command("status").output
                            #expect(status.contains("far.kni (tun)"), "\(status)")
                            let scrape = try await dpvs.scrape()
                            for way in ["receive", "transmit"] {
                                let name = "dpvs_interface_\(way)_packets_total"
                                #expect(scrape.sum(name, ["interface": "far"]) >= 5, "\(way)")
                            }
                        }
                    }
                }
            }
        }

        private func isReached(_ lab: Lab, _ address: String) async throws -> Bool {
            let words = ["ping", "-c", "2", "-i", "0.2", "-W", "1", address]
            return try await Program.run(lab.command(in: .backends, words)).status == 0
        }
    }
}
