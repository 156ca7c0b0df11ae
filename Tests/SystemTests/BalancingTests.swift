// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    @Suite struct BalancingTests {
        @Test func `the files in conf balance curl over two nginx backends in turn`() async throws {
            let conf = "\(Program.repository)/conf"
            var setup = Setup()
            setup.place = ("\(conf)/dpvs.conf.sample", "\(conf)/services.d")
            try await Lab.balance(setup) { lab, _ in
                let answers = try await lab.backends(answering: 8)
                #expect(
                    answers == [1, 2, 1, 2, 1, 2, 1, 2] || answers == [2, 1, 2, 1, 2, 1, 2, 1]
                )
            }
        }

        @Test func `weights are shares under wrr, and weight 0 gets nothing new`() async throws {
            var setup = Setup()
            setup.services.services[0].scheduler = "wrr"
            try await Lab.balance(setup) { lab, dpvs in
                var services = setup.services
                services.services[0].backends = [.init(2, weight: 300), .init(3, weight: 100)]
                let report = try await dpvs.apply(services)
                #expect(report.changes.count == 1)
                let shares = try await lab.backends(answering: 12)
                #expect(shares.count { $0 == 1 } == 9 && shares.count { $0 == 2 } == 3)

                services.services[0].backends[0].weight = 0
                _ = try await dpvs.apply(services)
                #expect(try await lab.backends(answering: 4) == [2, 2, 2, 2])
                let scrape = try await dpvs.scrape()
                let drained = scrape.sum(
                    "dpvs_backend_connections_total",
                    ["remote_address": "10.0.1.2"]
                )
                #expect(drained == 9)
            }
        }

        @Test func `a service comes and goes while another carries on`() async throws {
            try await Lab.balance { lab, dpvs in
                try await lab.whileDownloading {
                    var services = Setup().services
                    var second = ServiceFile.Service()
                    (second.name, second.address) = ("second", "10.0.0.101")
                    second.backends = [.init(4)]
                    services.services.append(second)
                    let added = try await dpvs.apply(services)
                    #expect(
                        added.changes == ["service second (tcp 10.0.0.101:80) added with 1 backend"]
                    )
                    let url = "http://10.0.0.101/"
                    #expect(try await lab.backends(answering: 2, at: url) == [3, 3])

                    services.services.removeLast()
                    let removed = try await dpvs.apply(services)
                    #expect(removed.changes == ["service second (tcp 10.0.0.101:80) removed"])
                    #expect(try await lab.curl(url, "--connect-timeout", "1").status != 0)
                    #expect(try await lab.backends(answering: 2).count == 2)
                }
            }
        }

        @Test func `local addresses change under a connection that uses one`() async throws {
            try await Lab.balance { lab, dpvs in
                try await lab.whileDownloading {
                    var services = Setup().services
                    services.services[0].locals = ["10.0.1.201"]
                    let report = try await dpvs.apply(services)
                    #expect(report.outcome == .applied)
                    #expect(try await lab.backends(answering: 4).count == 4)
                    let scrape = try await dpvs.scrape()
                    let metric = "dpvs_local_address_used_ports"
                    #expect(scrape.sum(metric, ["local_address": "10.0.1.200"]) == 1)
                    #expect(scrape.sum(metric, ["local_address": "10.0.1.201"]) >= 1)
                }
            }
        }

        @Test func `an own address changes, and only the new one answers`() async throws {
            // With a companion, the kernel would be asked.
            var setup = Setup()
            setup.global.append("kni off")
            try await Lab.balance(setup) { lab, dpvs in
                #expect(try await refuses(lab, "10.0.0.1"))
                var services = setup.services
                services.addresses["dpdk0"] = "10.0.0.2/24"
                let report = try await dpvs.apply(services)
                #expect(report.outcome == .applied)
                #expect(try await refuses(lab, "10.0.0.2"))
                try await lab.ip(.client, "neighbour flush dev eth0")
                #expect(try await !refuses(lab, "10.0.0.1"))
                #expect(try await lab.backends(answering: 2).count == 2)
            }
        }

        /// Whether the balancer answers a connection to one of its own addresses with a reset.
        private func refuses(_ lab: Lab, _ address: String) async throws -> Bool {
            let outcome = try await lab.curl("http://\(address)/", "-v", "--connect-timeout", "1")
            return outcome.errors.contains("refused")
        }

        @Test func `clients behind a gateway are served while a route leads there`() async throws {
            try await Lab.balance { lab, dpvs in
                try await lab.ip(.client, "address add 192.168.7.7/32 dev lo")
                let farAway = ["--interface", "192.168.7.7", "--connect-timeout", "1"]
                func fetch() async throws -> Bool {
                    try await lab
                        .curl("http://10.0.0.100/", farAway[0], farAway[1], farAway[2], "1")
                        .status == 0
                }
                #expect(try await !fetch())
                #expect(
                    try await dpvs.scrape().sum("dpvs_drops_total", ["reason": "no_route"]) > 0
                )
                var services = Setup().services
                services.routes = ["to: 192.168.7.0/24, via: 10.0.0.10"]
                let added = try await dpvs.apply(services)
                #expect(added.changes == ["route 192.168.7.0/24 via 10.0.0.10 added"])
                #expect(try await fetch())
                services.routes = []
                _ = try await dpvs.apply(services)
                #expect(try await !fetch())
            }
        }
    }
}
