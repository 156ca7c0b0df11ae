// SPDX-License-Identifier: Apache-2.0
import Testing

extension SystemTests {
    @Suite struct SourceNATTests {
        @Test func `a private host reaches a server, which sees the public address`() async throws {
            var setup = Setup()
            setup.services.more = [
                "name: pings, mode: snat, protocol: icmp, match: { source: 10.0.0.0/24 }, "
                    + "localAddresses: [10.0.1.201]",
                "name: out, mode: snat, match: { source: 10.0.0.0/24, inputInterface: dpdk0 }, "
                    + "localAddresses: [10.0.1.201]",
            ]
            try await Lab.balance(setup) { lab, dpvs in
                try await lab.ip(.client, "route add 10.0.1.0/24 via 10.0.0.1")
                let outcome = try await lab.curl("http://10.0.1.3/", "--include")
                #expect(outcome.status == 0 && outcome.output.contains("hello from backend 2"))
                #expect(outcome.output.contains("X-Client: 10.0.1.201"))
                let scrape = try await dpvs.scrape()
                let opened = scrape.sum(
                    "dpvs_backend_connections_total",
                    ["service": "out", "remote_address": "10.0.1.201"]
                )
                #expect(opened == 1)
                #expect(try await lab.backends(answering: 2).count == 2, "the service beside it")
                let words = ["ping", "-c", "3", "-i", "0.2", "10.0.1.3"]
                let ping = try await Program.run(lab.command(in: .client, words))
                #expect(ping.output.contains(" 0% packet loss"), "\(ping.output)\(ping.errors)")
                let pinged = try await dpvs.scrape()
                    .sum("dpvs_backend_connections_total", ["service": "pings"])
                #expect(pinged == 1)
                let trace = try await lab.curl("http://10.0.1.3:81/", "--connect-timeout", "2")
                #expect(trace.status == 7, "a reset comes back as well: \(trace.errors)")
            }
        }
    }
}
