// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// What real backends learn of a real client, 10.0.0.10.
    @Suite struct ClientAddressTests {
        private static func setup(
            _ mode: String,
            port: Int = 80,
            _ transport: String = "tcp"
        )
            -> Setup
        {
            var setup = Setup()
            setup.services.text = """
                addresses:
                  - { interface: dpdk0, address: 10.0.0.1/24 }
                  - { interface: dpdk1, address: 10.0.1.1/24 }
                services:
                  - address: 10.0.0.100
                    port: 80
                    protocol: \(transport)
                    clientAddress: \(mode)
                    localAddresses: [10.0.1.200]
                    backends: [{ address: 10.0.1.2, port: \(port) }]
                """ + "\n"
            // UDP flows never finish.
            setup.global[2] = "drain_timeout 100ms"
            return setup
        }

        @Test(arguments: ["proxy-v1", "proxy-v2"])
        func `nginx reads the PROXY header, however much follows it`(mode: String) async throws {
            try await Lab.run { lab in
                let text = "$proxy_protocol_addr $proxy_protocol_server_addr $remote_addr"
                try await lab.serveWeb("10.0.1.2:8080 proxy_protocol", saying: text) {
                    try await lab.balance(Self.setup(mode, port: 8080)) { dpvs in
                        let page = try await lab.curl()
                        #expect(
                            page.output == "10.0.0.10 10.0.0.100 10.0.1.200\n",
                            "\(page.errors)"
                        )
                        // A request of several segments, the first of which is full.
                        let cookie = "Cookie: " + String(repeating: "x", count: 6000)
                        let long = try await lab.curl("http://10.0.0.100/", "-H", cookie)
                        #expect(long.output == page.output, "\(long.errors)")
                        let scrape = try await dpvs.scrape()
                        let told = scrape.sum(
                            "dpvs_client_address_inserted_packets_total",
                            ["mode": mode]
                        )
                        #expect(told >= 2)
                    }
                }
            }
        }

        @Test func `TOA reaches the backend, and nginx that does not know it answers`()
            async throws
        {
            try await Lab.balance(Self.setup("toa")) { lab, dpvs in
                let seen = try await lab.capture("tcp port 80 and tcp[20] = 254") {
                    let page = try await lab.curl()
                    #expect(page.output == "hello from backend 1\n", "\(page.errors)")
                }
                #expect(seen.contains(/fe08[0-9a-f]{4}0a00000a/), "\(seen)")
                try await lab.whileDownloading {}
                let scrape = try await dpvs.scrape()
                let told = scrape.sum(
                    "dpvs_client_address_inserted_packets_total",
                    ["mode": "toa"]
                )
                #expect(told > 0 && told < 1000, "none once the backend has answered")
            }
        }

        @Test(arguments: ["uoa", "uoa-ipo"])
        func `UOA reaches the backend`(mode: String) async throws {
            try await Lab.balance(Self.setup(mode, "udp")) { lab, _ in
                let filter = mode == "uoa" ? "ip proto 248" : "udp port 80 and ip[0] = 0x47"
                let seen = try await lab.capture(filter) {
                    _ = try await lab.run(
                        in: .client,
                        "bash",
                        "-c",
                        "echo hello >/dev/udp/10.0.0.100/80"
                    )
                }
                let expected =
                    mode == "uoa"
                    ? /1011000c1f08[0-9a-f]{4}0a00000a/ : /1f08[0-9a-f]{4}0a00000a/
                #expect(seen.contains(expected), "\(seen)")
                #expect(seen.contains("68656c6c6f0a"), "the data is there, too")
            }
        }
    }
}

extension Lab {
    /// The first packet, as hexadecimal digits from its IP header on, that reaches the backends and
    /// fits `filter`, while `body` is done again and again.
    fileprivate func capture(
        _ filter: String,
        _ body: @Sendable @escaping () async throws -> Void
    ) async throws -> String {
        let words = ["tcpdump", "-i", "eth0", "-Q", "in", "-n", "-x", "-c", "1"]
        let command = command(in: .backends, words + [filter])
        let output = try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { try await Program.demand(command) }
            group.addTask {
                while !Task.isCancelled {
                    try await body()
                    try await Task.sleep(for: .milliseconds(100))
                }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        return (output ?? "").split(separator: "\n").filter { $0.contains("0x") }
            .compactMap { $0.split(separator: ":").last }
            .joined().filter { !$0.isWhitespace }
    }
}
