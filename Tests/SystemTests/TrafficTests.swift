// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// iperf3 through two workers: connections that AF_PACKET spreads over both.
    @Suite struct TrafficTests {
        private static var setup: Setup {
            var setup = Setup()
            setup.workers = 2
            // UDP flows never finish.
            setup.global[2] = "drain_timeout 100ms"
            setup.services.services = ["tcp", "udp"]
                .map { transport in
                    var service = ServiceFile.Service()
                    (service.name, service.transport) = ("iperf-\(transport)", transport)
                    (service.port, service.backends) = (5201, [.init(2)])
                    return service
                }
            return setup
        }

        private struct Result: Decodable {
            struct End: Decodable {
                struct Sum: Decodable {
                    var bytes: Int
                }
                var sumReceived: Sum
            }
            var end: End
        }

        private func iperf(_ lab: Lab, _ options: String) async throws -> Result.End.Sum {
            let options = options.split(separator: " ").map(String.init)
            let line = ["iperf3", "--json", "--client", "10.0.0.100"] + options
            let outcome = try await Program.run(lab.command(in: .client, line))
            #expect(outcome.status == 0, "\(outcome.output)")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Result.self, from: Data(outcome.output.utf8)).end.sumReceived
        }

        @Test func `TCP and UDP pass two workers, and every packet is accounted for`() async throws
        {
            try await Lab.balance(Self.setup) { lab, dpvs in
                try await lab.serve("iperf3", "--server", "--bind", "10.0.1.2") {
                    try await eventually("iperf3 listens") {
                        try await lab.run(in: .backends, "iperf3", "-c", "10.0.1.2", "-n", "1K")
                            .status == 0
                    }
                    try await exchange(lab, dpvs)
                }
                try await checkSum(of: dpvs)
            }
        }

        private func exchange(_ lab: Lab, _ dpvs: Balancer) async throws {
            let size = 32 << 20
            // With several connections iperf3 ends before all octets are read.
            let up = try await iperf(lab, "--parallel 6 --bytes \(size)")
            #expect(up.bytes >= size / 4)
            let down = try await iperf(lab, "--reverse --bytes \(size)")
            #expect(down.bytes >= size * 9 / 10)
            let udp = try await iperf(lab, "--udp --parallel 4 --length 1200 -b 5M --bytes 600K")
            #expect(udp.bytes >= 400_000)

            let scrape = try await dpvs.scrape()
            let tcp: KeyValuePairs = ["proto": "TCP"]
            #expect(scrape.sum("dpvs_service_incoming_bytes_total", tcp) >= Double(up.bytes))
            #expect(scrape.sum("dpvs_service_outgoing_bytes_total", tcp) >= Double(down.bytes))
            #expect(scrape.sum("dpvs_service_connections_total", ["proto": "UDP"]) == 4)
            for worker in ["1", "2"] {
                let opened = scrape.sum("dpvs_worker_opened_connections_total", ["worker": worker])
                #expect(opened > 0, "worker \(worker)")
            }
        }

        /// Nothing is lost without a name.
        ///
        /// A scrape is not of one instant: it adds up when all is quiet.
        private func checkSum(of dpvs: Balancer) async throws {
            try await eventually("what came is what went") {
                let scrape = try await dpvs.scrape()
                let sources =
                    scrape.sum("dpvs_worker_receive_packets_total")
                    + scrape.sum("dpvs_worker_generated_packets_total")
                    + scrape.sum("dpvs_slow_path_generated_packets_total")
                let ends =
                    scrape.sum("dpvs_worker_transmit_packets_total")
                    + scrape.sum("dpvs_drops_total")
                    + scrape.sum("dpvs_slow_path_delivered_packets_total")
                    + scrape.sum("dpvs_slow_path_held_packets")
                return sources == ends && sources > 10_000
            }
            let scrape = try await dpvs.scrape()
            let redirected = scrape.sum("dpvs_worker_redirected_out_packets_total")
            #expect(redirected == scrape.sum("dpvs_worker_redirected_in_packets_total"))
            #expect(scrape.sum("dpvs_mempool_used_buffers") <= 2 * 256 * 2 + 64)
        }
    }
}
