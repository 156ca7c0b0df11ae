// SPDX-License-Identifier: Apache-2.0
import Control
import Testing

extension SystemTests {
    /// Devices of DPDK that need no hardware.
    @Suite struct DeviceTests {
        @Test(arguments: [
            ("net_null", "net_null"), ("net_ring", "net_ring"),
            ("net_tap,iface=dtap0", "net_tap"),
            ("net_pcap,rx_iface=client0,tx_iface=client0", "net_pcap"),
            ("net_memif,role=server,id=0,socket-abstract=no,socket=DIR/memif.sock", "net_memif"),
        ])
        func `every virtual device of DPDK is a port`(words: String, driver: String) async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.drivers = [
                    words.replacing("DIR", with: lab.directory), "net_af_packet,iface=backend0",
                ]
                let ending = try await lab.balance(setup) { dpvs in
                    let ports = try await dpvs.status().ports
                    #expect(ports.map(\.name) == ["dpdk0", "dpdk1"])
                    #expect(ports.first?.driver == driver && ports.first?.mtu == 1500)
                }
                #expect(ending.status == 0)
            }
        }

        @Test func `a device that hashes steers replies by its hash, others redirect them`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.workers = 2
                setup.drivers = ["net_null", "net_af_packet,iface=backend0"]
                _ = try await lab.balance(setup) { dpvs in
                    let ports = try await dpvs.status().ports
                    #expect(ports.map(\.steering) == ["rss", "redirect"])
                    #expect(ports[0].steeringReason.contains("128 places"))
                    #expect(ports[1].steeringReason.contains("no redirection table"))
                    #expect(dpvs.log.contains("port dpdk0: steering rss: Toeplitz"))
                    let scrape = try await dpvs.client.text("/metrics")
                    #expect(scrape.contains("steering=\"rss\""))
                }
            }
        }
    }
}
