// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import Model
import PacketTesting
import Testing

private func load(service keys: String, backend: String = "") -> LoadedConfiguration {
    let text = """
        services:
          - address: 10.0.0.100
            port: 80
            localAddresses: [10.0.1.200]
            \(keys)
            backends:
              - { address: 10.0.1.2\(backend) }
        """
    return ConfigurationLoader(conf: "/c", servicesDirectory: "/s")
        .load(MemorySource(["/c": "", "/s/web.yaml": text]))
}

private func errors(service keys: String, backend: String = "") -> [String] {
    load(service: keys, backend: backend).diagnostics.filter { $0.severity == .error }
        .map(\.description)
}

@Suite struct ProtectionTests {
    @Test func `limits are read, and there are none without them`() throws {
        let loaded = load(
            service:
                "maxConnections: 1000\n    rateLimit: { connections: 50, packets: 9, bits: 8000 }\n    packetShare: 40",
            backend: ", maxConnections: 30, minConnections: 20"
        )
        let service = try #require(loaded.state.services.first)
        #expect(service.protection.maxConnections == 1000)
        let rateLimit = RateLimit(connections: 50, packets: 9, bits: 8000)
        #expect(service.protection.rateLimit == rateLimit)
        #expect(service.protection.packetShare == 40)
        #expect(service.backends[0].maxConnections == 30)
        #expect(service.backends[0].minConnections == 20)
        let plain = try #require(load(service: "").state.services.first)
        #expect(plain.protection == Protection() && plain.backends[0].maxConnections == nil)
    }

    @Test func `how connections end is read`() throws {
        let quiescent = load(service: "expireQuiescent: true").state.services.first
        #expect(quiescent?.protection.patience == .zero)
        let patient = load(service: "drainTimeout: 5m").state.services.first
        #expect(patient?.protection.patience == .seconds(300))
        #expect(load(service: "").state.services.first?.protection.patience == Duration?.none)
    }

    @Test(
        arguments: [
            ("UPDOWN", DestCheck()), ("DOWNONLY", DestCheck(inhibit: nil)),
            (
                "2,3,4s,5-3600s",
                DestCheck(downNotice: 3, upNotice: 2, downWait: .seconds(4))
            ),
            ("1,1,3s,5s-1h", DestCheck()), ("2,3s", DestCheck(downNotice: 2, inhibit: nil)),
            ("{ inhibit: 1s..1m }", DestCheck(inhibit: .seconds(1) ... .seconds(60))),
            (
                "{ downNotice: 4, upNotice: 5, downWait: 2s, recovers: false }",
                DestCheck(downNotice: 4, upNotice: 5, downWait: .seconds(2), inhibit: nil)
            ),
        ] as [(String, DestCheck)]
    )
    func `a destCheck is a mapping or the short form`(text: String, expected: DestCheck) {
        let loaded = load(service: "destCheck: \(text)")
        #expect(loaded.state.services.first?.protection.destCheck == expected)
    }

    @Test(arguments: ["1", "0,3s", "1,1,3s", "1,1,3s,9-5s", "1,x", "UP", "1,1,3s,5-3600s,1"])
    func `any other short form is refused where it stands`(text: String) {
        let found = errors(service: "destCheck: \"\(text)\"")
        #expect(found.count == 1 && found[0].contains("web.yaml:5:16"), "\(found)")
    }

    @Test(
        arguments: [
            ("maxConnections: 0", "", "services[0].maxConnections"),
            ("rateLimit: { connections: -1 }", "", "services[0].rateLimit.connections"),
            ("rateLimit: { bits: 999 }", "", "services[0].rateLimit.bits"),
            ("packetShare: 0", "", "services[0].packetShare"),
            ("rateLimit: { conections: 1 }", "", "connections"),
            ("expireQuiescent: \"true\"", "", "true or false"),
            ("destCheck: { inhibit: 5s }", "", "5s..1h"),
            ("destCheck: { downWait: 0s }", "", "has a time of 0"),
            ("expireQuiescent: true\n    drainTimeout: 5s", "", "contradicts expireQuiescent"),
            ("mode: dr\n    destCheck: UPDOWN", "", "needs to see what backends answer"),
            ("", ", minConnections: 5", "services[0].backends[0].minConnections"),
            ("", ", maxConnections: 5, minConnections: 6", "is above maxConnections"),
        ]
    )
    func `what cannot be is refused`(service: String, backend: String, part: String) {
        let found = errors(service: service, backend: backend)
        #expect(found.contains { $0.contains(part) }, "\(found)")
    }
}
