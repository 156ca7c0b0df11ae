// SPDX-License-Identifier: Apache-2.0
import Addressing
import ConfigurationFiles
import Model
import PacketTesting
import Testing

private func load(
    _ service: String,
    backend: String = "",
    port: String = "80"
) -> LoadedConfiguration {
    let text = """
        services:
          - address: 10.0.0.100
            port: \(port)
            localAddresses: [10.0.1.200]
            \(service)
            backends:
              - { address: 10.0.1.2\(backend) }
        """
    return ConfigurationLoader(conf: "/c", servicesDirectory: "/s")
        .load(MemorySource(["/c": "", "/s/web.yaml": text]))
}

private func errors(_ service: String, backend: String = "", port: String = "80") -> [String] {
    load(service, backend: backend, port: port).diagnostics.filter { $0.severity == .error }
        .map(\.description)
}

private func check(_ words: String) throws -> HealthCheck {
    let service = try #require(load("healthCheck: \(words)").state.services.first)
    return try #require(service.protection.healthCheck, "\(errors("healthCheck: \(words)"))")
}

@Suite struct HealthCheckFileTests {
    @Test(arguments: HealthProbe.Kind.allCases.filter { $0 != .script })
    func `a type alone is a check with every default`(kind: HealthProbe.Kind) throws {
        let expected = HealthCheck(HealthProbe(kind))
        #expect(try check(kind.rawValue) == expected)
        #expect(try check("{ type: \(kind.rawValue) }") == expected)
    }

    @Test func `times, counts and ways are read`() throws {
        let read = try check(
            """
            { type: tcp, interval: 500ms, retryInterval: 200ms, timeout: 1s, rise: 1, fall: 5,
                  initial: down, address: 10.0.9.9, port: 8081, source: 10.0.9.1, interface: eth9 }
            """
        )
        var expected = HealthCheck(
            .tcp(.init()),
            interval: .milliseconds(500),
            retryInterval: .milliseconds(200),
            timeout: .seconds(1),
            rise: 1,
            fall: 5
        )
        expected.address = IPAddress("10.0.9.9")
        expected.port = 8081
        expected.source = IPAddress("10.0.9.1")
        expected.interface = "eth9"
        expected.beginsDown = true
        #expect(read == expected)
    }

    @Test(
        arguments: [
            (
                "{ type: http, method: HEAD, path: /x?y=1, host: a.b, status: \"200-299,301\" }",
                HealthProbe.http(
                    .init(
                        method: .head,
                        path: "/x?y=1",
                        host: "a.b",
                        status: [200...299, 301...301]
                    )
                )
            ),
            (
                "{ type: https, status: 200, serverName: c.d, verify: true, expect: ok }",
                .http(
                    .init(
                        status: [200...200],
                        expect: Array("ok".utf8),
                        tls: .init(serverName: "c.d", isVerified: true)
                    )
                )
            ),
            (
                #"{ type: tcp, send: "PING\r\n", expect: "+PONG" }"#,
                .tcp(.init(send: Array("PING\r\n".utf8), expect: Array("+PONG".utf8)))
            ),
            ("{ type: udp, send: \"hex:00ff\" }", .udp(.init(send: [0, 255]))),
            (
                "{ type: dns, query: example.com, record: AAAA }",
                .dns(.init(name: "example.com", record: .aaaa))
            ),
            (
                "{ type: script, command: [/bin/check, web, \"80\"] }",
                .script(.init(words: ["/bin/check", "web", "80"]))
            ),
        ] as [(String, HealthProbe)]
    )
    func `questions are read`(text: String, probe: HealthProbe) throws {
        #expect(try check(text).probe == probe)
    }

    @Test func `a backend has its service's check, changes of it, its own, or none`() throws {
        let base = "healthCheck: { type: http, path: /a, interval: 9s, port: 81 }"
        func all(_ text: String) throws -> [HealthCheck] {
            let service = try #require(load(base, backend: text).state.services.first)
            return service.healthChecks(of: service.backends[0])
        }
        func own(_ text: String) throws -> HealthCheck? { try all(text).first }
        let inherited = try #require(try own(""))
        #expect(inherited.probe == .http(.init(path: "/a")) && inherited.port == 81)
        var changed = inherited
        changed.probe = .http(.init(path: "/b"))
        #expect(try own(", healthCheck: { path: /b }") == changed)
        #expect(try own(", healthCheck: { type: tcp }") == HealthCheck(.tcp(.init())))
        #expect(try own(", healthCheck: off") == nil)
        let several = ", healthCheck: [{ type: ping }, { path: /b }]"
        #expect(try all(several) == [HealthCheck(.ping), changed])
    }

    @Test func `a service that is not asked, and what comes when all fail`() throws {
        #expect(load("healthCheck: off").state.services.first?.protection == Protection())
        let service = load("healthCheck: tcp\n    panic: serveNone").state.services.first
        #expect(service?.protection.healthPanic == .serveNone)
        #expect(load("").state.services.first?.protection.healthPanic == .serveAll)
    }

    @Test(
        arguments: [
            ("healthCheck: { interval: 3s }", "healthCheck.type: is missing"),
            ("healthCheck: htp", "did you mean 'http'"),
            ("healthCheck: { type: tcp, path: / }", "path: '/' means nothing for tcp"),
            ("healthCheck: { type: ping, send: x }", "means nothing for ping"),
            ("healthCheck: { type: http, status: 200-600 }", "ranges such as 200-299,301"),
            ("healthCheck: { type: http, path: healthz }", "path: 'healthz'"),
            ("healthCheck: { type: tcp, interval: 10ms }", "has an interval out of range"),
            ("healthCheck: { type: tcp, timeout: 0s }", "has a timeout out of range"),
            ("healthCheck: { type: tcp, rise: 0 }", "rise: '0'"),
            ("healthCheck: { type: script }", "names no program"),
            ("healthCheck: { type: script, command: [check] }", "absolute path"),
            ("healthCheck: { type: tcp, source: \"::1\" }", "from an address of the other family"),
            ("healthCheck: { type: dns, query: a..b }", "query: 'a..b'"),
            ("panic: serveSome", "did you mean 'serveNone'"),
        ]
    )
    func `what does not fit is refused`(text: String, message: String) {
        let errors = errors(text)
        #expect(errors.count == 1 && errors[0].contains(message), "\(errors)")
    }

    @Test func `a backend without a port of its own needs one in its check`() {
        let all = errors("healthCheck: tcp", port: "all")
        #expect(all.count == 1 && all[0].contains("needs a port"), "\(all)")
        #expect(errors("healthCheck: { type: tcp, port: 22 }", port: "all").isEmpty)
        #expect(errors("healthCheck: ping", port: "all").isEmpty)
    }

    @Test func `what is wrong with a backend's own check has its place`() {
        let errors = errors("", backend: ", healthCheck: { type: tcp, timeout: 0s }")
        #expect(
            errors.count == 1 && errors[0].contains("services[0].backends[0].healthCheck"),
            "\(errors)"
        )
    }

    @Test func `source NAT has no backends to ask`() {
        let text = """
            services:
              - match: { source: 10.1.0.0/16 }
                mode: snat
                healthCheck: ping
                backends: [{ address: 192.0.2.9 }]
            """
        let errors = ConfigurationLoader(conf: "/c", servicesDirectory: "/s")
            .load(MemorySource(["/c": "", "/s/web.yaml": text]))
            .diagnostics.map(\.description)
        #expect(errors.contains { $0.contains("asks backends, and mode snat has none") })
    }
}
