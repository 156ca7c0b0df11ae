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

        @Test func `every queue that AF_PACKET fills is polled, whatever workers were given`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.drivers = [
                    "net_af_packet,iface=client0,qpairs=4", "net_af_packet,iface=backend0,qpairs=3",
                ]
                setup.deviceItems = ["rx { queue_number 2 }"]
                _ = try await lab.balance(setup) { dpvs in
                    #expect(try await dpvs.status().ports.map(\.queues) == [4, 3])
                    #expect(dpvs.log.contains("the device fills receive queue 3, too: worker 1"))
                    // Each connection has a hash of its own, and so any of the queues.
                    let answers = try await lab.backends(answering: 24)
                    #expect(answers.count == 24)
                }
            }
        }

        @Test func `packets of 9000 octets go through AF_PACKET`() async throws {
            try await Lab.run { lab in
                for interface in ["client0", "backend0"] {
                    try await lab.ip(.balancer, "link set \(interface) mtu 9000")
                }
                try await lab.ip(.client, "link set eth0 mtu 9000")
                var setup = Setup()
                setup.deviceItems = ["mtu 9000"]
                _ = try await lab.balance(setup) { dpvs in
                    #expect(try await dpvs.status().ports.map(\.mtu) == [9000, 1500])
                    let ping = try await lab.run(
                        in: .client,
                        "ping",
                        "-c2",
                        "-W5",
                        "-Mdo",
                        "-s8900",
                        "10.0.0.1"
                    )
                    #expect(ping.status == 0, "\(ping.output)")
                }
            }
        }

        @Test func `more workers than net_tap has queues are refused with the number`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.workers = 5
                setup.drivers = ["net_tap,iface=dtap0", "net_null"]
                let outcome = try await lab.refuse(setup)
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("dpdk0 has 4 transmit queues, and 5 workers"))
                #expect(outcome.errors.contains("doctor: device dpdk0: net_tap has 4 queues"))
            }
        }

        @Test func `options of EAL that the user gives take the place of the program's own`()
            async throws
        {
            try await Lab.run { lab in
                var setup = Setup()
                setup.options = ["--", "--lcores", "0@0,1@0", "-m", "128", "--no-telemetry"]
                _ = try await lab.balance(setup) { _ in
                    let answers = try await lab.backends(answering: 2)
                    #expect(answers.count == 2)
                }
                setup.options = ["--", "--lcores", "0@0,7@0"]
                let outcome = try await lab.refuse(setup)
                let text =
                    "worker 1 runs on the lcore of this number, and the arguments after -- have only 7"
                #expect(outcome.errors.contains(text), "\(outcome.errors)")
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
