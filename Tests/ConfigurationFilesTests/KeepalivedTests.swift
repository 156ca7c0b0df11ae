// SPDX-License-Identifier: Apache-2.0
import Addressing
import Foundation
import Model
import PacketTesting
import Testing

@testable import ConfigurationFiles

private let conf = """
    global_defs { keepalived_conf /k/k.conf }
    netif_defs { device dpdk0 { mtu 1500 }
    device dpdk1 { mtu 1500 } }
    """

private func load(_ text: String, services: String = "") -> LoadedConfiguration {
    ConfigurationLoader(conf: "/c", servicesDirectory: "/s")
        .load(MemorySource(["/c": conf, "/s/web.yaml": services, "/k/k.conf": text]))
}

private func said(_ loaded: LoadedConfiguration) -> [String] {
    loaded.diagnostics.map(\.description)
}

@Suite struct KeepalivedTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Keepalived")

    private static let files: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".conf") }.sorted()
    }()

    @Test func `there are real files`() { #expect(Self.files.count >= 13) }

    /// What a file means, as a service file says it, and what is to be said about it; RECORD=1 writes
    /// both anew.
    @Test(arguments: files)
    func `a real file loads without an error and means what was recorded`(name: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
        let loaded = load(text)
        let errors = said(loaded).filter { $0.contains(": error: ") }
        #expect(errors.isEmpty)
        let remarks = said(loaded).filter { $0.contains("/k/k.conf:") }
            .map { "# " + $0.replacing("/k/k.conf:", with: "") + "\n" }
            .joined()
        let made = remarks + ServiceFileWriter().text(of: loaded.state)
        let path = Self.folder.appending(path: name.replacing(".conf", with: ".yaml"))
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            try made.write(to: path, atomically: true, encoding: .utf8)
        }
        let recorded = try String(contentsOf: path, encoding: .utf8)
        #expect(recorded == made)
    }

    private static let server = """
        virtual_server 192.0.2.1 80 {
            protocol TCP
            lb_kind NAT
            real_server 203.0.113.1 80 {
                weight 3
                TCP_CHECK { connect_timeout 3 }
            }
        }
        """

    @Test func `defaults are keepalived's`() throws {
        let loaded = load("virtual_server 192.0.2.1 {\n real_server 203.0.113.1 53\n}")
        let service = try #require(loaded.state.services.first)
        #expect(service.key.description == "udp 192.0.2.1:all" && service.mode == .nat)
        #expect(service.scheduler == .wlc && service.persistence == Persistence())
        #expect(service.backends[0].weight == 1)
        #expect(service.protection.healthPanic == .serveNone)
        #expect(said(loaded).contains { $0.contains("names no protocol, so it is UDP") })
        #expect(said(loaded).contains { $0.contains("names no lb_kind, so it is NAT") })
    }

    @Test func `a checker takes what it does not say from its server and its service`() throws {
        let text = """
            virtual_server 192.0.2.1 80 {
                protocol TCP
                lb_kind NAT
                delay_loop 7.5
                retry 4
                alpha
                real_server 203.0.113.1 8080 {
                    delay_before_retry 2
                    TCP_CHECK
                    {
                        connect_port 81
                        bindto 198.51.100.1
                    }
                }
            }
            """
        let service = try #require(load(text).state.services.first)
        guard case .own(let checks) = service.backends[0].healthCheck else {
            Issue.record("no check")
            return
        }
        var expected = HealthCheck(
            .tcp(.init()),
            interval: .milliseconds(7500),
            retryInterval: .seconds(2),
            timeout: .seconds(5),
            rise: 1,
            fall: 5
        )
        expected.port = 81
        expected.source = IPAddress("198.51.100.1")
        expected.beginsDown = true
        #expect(checks == [expected])
    }

    @Test func `an unknown word is a warning with its place, and everything else applies`() throws {
        let text = Self.server.replacing("weight 3", with: "weigth 3")
        let loaded = load(text)
        #expect(!loaded.hasErrors && loaded.state.services.count == 1)
        let warning =
            "/k/k.conf:5:9: warning: 'weigth' is not a keyword of real_server and is read over; did you mean 'weight'?"
        #expect(said(loaded).contains(warning), "\(said(loaded))")
    }

    @Test(
        arguments: [
            ("192.0.2.1 80", "192.0.2.1 http", "'http' is no port"),
            ("192.0.2.1 80", "192.0.2 80", "'192.0.2' is no address"),
            ("203.0.113.1 80", "203.0.113.1 80000", "'80000' is no port"),
            ("TCP\n", "TPC\n", "'TPC' is no protocol"),
            ("weight 3", "weight x", "'x' is no weight"),
            ("}\n}", "}", "is not closed"),
        ]
    )
    func `what has no meaning is an error`(old: String, new: String, message: String) {
        let loaded = load(Self.server.replacing(old, with: new))
        #expect(loaded.hasErrors)
        #expect(said(loaded).contains { $0.contains(message) }, "\(said(loaded))")
    }

    @Test func `a service in a service file and there is a conflict with both places`() {
        let yaml = """
            services:
              - { name: web, address: 192.0.2.1, port: 80, mode: nat, backends: [] }
            """
        let loaded = load(Self.server, services: yaml)
        #expect(loaded.hasErrors)
        let sentence = said(loaded).first { $0.contains("is there twice") } ?? ""
        #expect(sentence.contains("/s/web.yaml:2:") && sentence.contains("/k/k.conf:1:"))
    }

    @Test func `what belongs to VRRP is nobody's business here`() {
        let text = """
            global_defs {
                router_id x
                strange_word 1
            }
            vrrp_instance V {
                whatever { a { b } }
            }
            """
        let loaded = load(text)
        #expect(said(loaded).filter { $0.contains("/k/k.conf") }.isEmpty, "\(said(loaded))")
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no octets trap the reader`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let valid = try Self.files.map {
            Array(try Data(contentsOf: Self.folder.appending(path: $0)))
        }
        for _ in 0..<300 {
            var bytes = valid.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1:
                    let byte = "{}\"'$~@()\\= \n".utf8.randomElement(using: &random) ?? 0
                    bytes.insert(byte, at: index)
                default: bytes.remove(at: index)
                }
            }
            let source = MemorySource(bytes: ["/c": Array(conf.utf8), "/k/k.conf": bytes])
            _ = ConfigurationLoader(conf: "/c", servicesDirectory: "/s").load(source)
        }
    }
}
