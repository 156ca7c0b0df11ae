// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// Hosts that leave checksums to their devices, as all on veth do, and one that leaves segments, too.
    @Suite struct ChecksumTests {
        @Test func `hosts that leave checksums to their devices are served both ways`()
            async throws
        {
            try await Lab.balance { lab, dpvs in
                for place in [Lab.Place.client, .backends] {
                    let features = try await lab.run(in: place, "ethtool", "-k", "eth0")
                    #expect(features.output.contains("tx-checksumming: on"))
                }
                // Up and down, over more than one packet.
                let page = try await lab.curl("http://10.0.0.100/", "-H", "X: \(Self.filler)")
                #expect(page.output.hasPrefix("hello from backend"), "\(page.errors)")
                let part = try await lab.curl("http://10.0.0.100/large", "-r", "0-99999")
                #expect(part.output.utf8.count == 100_000, "\(part.errors)")
                let scrape = try await dpvs.scrape()
                for port in ["dpdk0", "dpdk1"] {
                    let finished = scrape.sum(
                        "dpvs_port_receive_unfinished_checksum_packets_total",
                        ["port": port]
                    )
                    #expect(finished > 2, "\(port)")
                }
                #expect(scrape.sum("dpvs_port_receive_super_packets_total") == 0)
            }
        }

        private static let filler = String(repeating: "x", count: 3000)

        @Test
        func `segments that a host leaves to its device have a name, and a remedy in the log`()
            async throws
        {
            try await Lab.balance { lab, dpvs in
                let ethtool = ["ethtool", "-K", "eth0", "tso"]
                try await Program.demand(lab.command(in: .backends, ethtool + ["on"]))
                _ = try await lab.curl("http://10.0.0.100/large", "-r", "0-99999", "-m", "2")
                let scrape = try await dpvs.scrape()
                let counted = scrape.sum(
                    "dpvs_port_receive_super_packets_total",
                    ["port": "dpdk1"]
                )
                #expect(counted > 0)
                #expect(scrape.sum("dpvs_drops_total", ["reason": "super_packet"]) == counted)
                try await eventually("the log says what to do") {
                    dpvs.log.contains("ethtool -K backend0 gro off lro off")
                }
                try await Program.demand(lab.command(in: .backends, ethtool + ["off"]))
                let part = try await lab.curl("http://10.0.0.100/large", "-r", "0-99999")
                #expect(part.output.utf8.count == 100_000, "\(part.errors)")
            }
        }

        /// DPDK's driver says "up" whatever happens.
        @Test func `the link of a port is that of its kernel interface`() async throws {
            try await Lab.balance { lab, dpvs in
                func isUp() async throws -> Bool {
                    try await dpvs.scrape().sum("dpvs_port_link_up", ["port": "dpdk1"]) == 1
                }
                #expect(try await isUp())
                try await lab.ip(.backends, "link set eth0 down")
                try await eventually("the link is down") { try await !isUp() }
                try await eventually("the log says so") {
                    dpvs.log.contains("port dpdk1: link is down")
                }
                try await lab.ip(.backends, "link set eth0 up")
                try await eventually("the link is up") { try await isUp() }
                let page = try await lab.curl("http://10.0.0.100/", "--retry", "3")
                #expect(page.output.hasPrefix("hello from backend"), "\(page.errors)")
            }
        }
    }
}
