// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// Datagrams in fragments between real kernels.
    ///
    /// net_af_packet asks the kernel to put fragments together before it delivers them; net_pcap
    /// takes them as they are.
    @Suite struct FragmentTests {
        /// Sends datagrams of so many octets to an address and prints how many came back as they were.
        private static let client = """
            import os, socket, sys
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(2)
            s.connect((sys.argv[2], 80))
            same = 0
            for _ in range(10):
                sent = os.urandom(int(sys.argv[1]))
                try:
                    s.send(sent)
                    same += s.recv(65536) == sent
                except OSError:
                    # Nothing came, or nobody listens yet.
                    pass
            print(same)
            """

        private static let server = """
            import socket, sys
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((sys.argv[1], 80))
            while True:
                data, client = s.recvfrom(65536)
                s.sendto(data, client)
            """

        private func setup(_ mode: String, workers: Int = 1) -> Setup {
            var setup = Setup()
            setup.workers = workers
            setup.drivers = setup.interfaces.map { "net_pcap,rx_iface_in=\($0),tx_iface=\($0)" }
            setup.services.text = """
                addresses:
                  - { interface: dpdk0, address: 10.0.0.1/24 }
                  - { interface: dpdk1, address: 10.0.1.1/24 }
                services:
                  - address: 10.0.0.100
                    port: 80
                    protocol: udp
                    backends: [{ address: 10.0.1.2 }]
                    \(mode)
                """ + "\n"
            return setup
        }

        private func roundTrips(
            _ lab: Lab,
            _ length: Int,
            _ address: String = "10.0.0.100"
        ) async throws -> String {
            let words = ["python3", "-c", Self.client, "\(length)", address]
            let outcome = try await Program.run(lab.command(in: .client, words))
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output
        }

        @Test func `fnat: datagrams of 4000 octets there and back`() async throws {
            try await Lab.run { lab in
                try await lab.serve("python3", "-c", Self.server, "10.0.1.2") {
                    let setup = setup("localAddresses: [10.0.1.200]")
                    try await lab.balance(setup) { dpvs in
                        #expect(try await roundTrips(lab, 4000) == "10\n")
                        #expect(try await roundTrips(lab, 100) == "10\n")
                        let scrape = try await dpvs.scrape()
                        #expect(scrape.sum("dpvs_worker_opened_connections_total") == 2)
                        #expect(scrape.sum("dpvs_worker_made_fragments_total") == 0)
                    }
                }
            }
        }

        @Test func `the kernel behind a companion answers pings and datagrams of 4000 octets`()
            async throws
        {
            try await Lab.run { lab in
                let setup = setup("localAddresses: [10.0.1.200]")
                try await lab.balance(setup) { dpvs in
                    try await lab.giveKernelAnAddress()
                    let server = ["python3", "-c", Self.server, "10.0.0.1"]
                    try await lab.serve(server, in: .balancer) {
                        try await eventually("datagrams come back") {
                            try await roundTrips(lab, 4000, "10.0.0.1") == "10\n"
                        }
                    }
                    let ping = try await Program.run(
                        lab.command(
                            in: .client,
                            ["ping", "-c", "3", "-i", "0.2", "-W", "2", "-s", "4000", "10.0.0.1"]
                        )
                    )
                    #expect(ping.output.contains("3 received"), "\(ping.output)\(ping.errors)")
                    let scrape = try await dpvs.scrape()
                    let lost = scrape.sum("dpvs_drops_total", ["reason": "fragment_of_dropped"])
                    #expect(lost == 0)
                }
            }
        }

        @Test func `tunnel: fragments that fill the link are cut again`() async throws {
            try await Lab.run { lab in
                try await lab.addDirectWay()
                try await lab.ip(.backends, "address add 10.0.0.100/32 dev lo")
                let decapsulator = "\(Program.repository)/Tests/SystemTests/decapsulate.py"
                try await lab.serve("python3", "-c", Self.server, "10.0.0.100") {
                    try await lab.serve("python3", decapsulator, "ipip") {
                        try await lab.balance(setup("mode: tunnel")) { dpvs in
                            // The decapsulator may still be on its way.
                            try await eventually("datagrams come back") {
                                try await roundTrips(lab, 4000) == "10\n"
                            }
                            let scrape = try await dpvs.scrape()
                            #expect(scrape.sum("dpvs_worker_made_fragments_total") >= 40)
                        }
                    }
                }
            }
        }
    }

    @Suite struct SCTPTests {
        @Test func `an association of SCTP from INIT to the end`() async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.services.text = """
                    addresses:
                      - { interface: dpdk0, address: 10.0.0.1/24 }
                      - { interface: dpdk1, address: 10.0.1.1/24 }
                    services:
                      - address: 10.0.0.100
                        port: 80
                        protocol: sctp
                        localAddresses: [10.0.1.200]
                        backends: [{ address: 10.0.1.2, port: 8080 }]
                    """ + "\n"
                let peer = "\(Program.repository)/Tests/SystemTests/sctp.py"
                try await lab.serve("python3", peer, "serve", "10.0.1.2", "8080") {
                    try await lab.balance(setup) { dpvs in
                        for word in ["first", "second"] {
                            let ask = ["python3", peer, "ask", "10.0.0.100", "80", word]
                            let outcome = try await Program.run(lab.command(in: .client, ask))
                            #expect(outcome.output == "\(word)\n", "\(outcome.errors)")
                            #expect(outcome.status == 0, "\(outcome.errors)")
                        }
                        let scrape = try await dpvs.scrape()
                        #expect(scrape.sum("dpvs_worker_opened_connections_total") == 2)
                        let bad = scrape.sum("dpvs_drops_total", ["reason": "bad_sctp_checksum"])
                        #expect(bad == 0)
                    }
                }
            }
        }
    }
}
