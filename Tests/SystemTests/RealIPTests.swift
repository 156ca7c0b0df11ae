// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Testing

extension SystemTests {
    /// Real clients, the balancer, and unmodified servers that are told the client by `dpvs-realip`.
    @Suite(
        .enabled(if: Receiver.refusal == nil, "dpvs-realip: \(Receiver.refusal ?? "")")
    ) struct RealIPTests {
        private static let from = [
            "--from", "10.0.1.200", "--from", "2001:db8:1::200", "--interface", "eth0",
        ]

        // MARK: - TCP

        @Test func `nginx logs the client of FNAT44, and nginx of another group does not`()
            async throws
        {
            try await Lab.served(.tcp("toa")) { lab, group, _ in
                let web = try lab.placeWeb(listening: ["10.0.1.2:8080"])
                try await lab.serve(in: group, web.command) {
                    // Attached when it runs already.
                    #expect(try await lab.ask("get", "10.0.0.100", 80, 1).hasPrefix("0 1x[told"))
                    try await lab.receive(for: group, Self.from) { receiver in
                        try await lab.expect("20", "get", "10.0.0.100", 80, 20)
                        let log = try String(contentsOfFile: web.log, encoding: .utf8)
                        #expect(log.split(separator: "\n").count { $0 == "10.0.0.10" } == 20)
                        let counters = try await receiver.counters()
                        #expect(counters["connectionsIPv4"] == 20, "\(counters)")
                        #expect(counters["connectionsForged"] == 0)
                        // The lab's own, on 10.0.1.3, stands in no group of ours.
                        let other = try await lab.curl("http://10.0.0.100:81/", "-D", "-")
                        #expect(other.output.contains("X-Client: 10.0.1.200"), "\(other.output)")
                    }
                    #expect(try await lab.ask("get", "10.0.0.100", 80, 1).hasPrefix("0 1x[told"))
                }
            }
        }

        /// A server of both families, asked by FNAT44, FNAT66 and NAT64: it is told the IPv6 client of an
        /// IPv4 connection, too.
        @Test(arguments: [0, 2])
        func `asyncio on both families is told every client, with SYN cookies, too`(
            cookies: Int
        ) async throws {
            var translated = ServedService.tcp("toa").nat64
            translated.port = 64
            try await Lab.served(.tcp("toa"), .tcp("toa").fnat66, translated) { lab, group, _ in
                try await lab.sysctl(.backends, "net.ipv4.tcp_syncookies=\(cookies)")
                try await lab.serve(in: group, "asyncio", "::", 8080) {
                    try await lab.receive(for: group, Self.from) { receiver in
                        try await lab.expect("50", "get", "10.0.0.100", 80, 50)
                        try await lab.expect("50", "get", "2001:db8::100", 80, 50)
                        try await lab.expect("50", "get", "2001:db8::100", 64, 50)
                        let counters = try await receiver.counters()
                        #expect(counters["connectionsIPv4"] == 50, "\(counters)")
                        #expect(counters["connectionsIPv6"] == 100, "\(counters)")
                    }
                }
            }
        }

        @Test func `a server of IPv4 asks for its IPv6 client as toa.ko is asked`() async throws {
            try await Lab.served(.tcp("toa").nat64) { lab, group, _ in
                try await lab.serve(in: group, "ask", "10.0.1.2", 8080, "10.0.1.2") {
                    try await lab.receive(for: group, Self.from) { receiver in
                        try await lab.expect("5", "get", "2001:db8::100", 80, 5)
                        #expect(try await receiver.counters()["toaAnswered"] == 5)
                    }
                }
            }
        }

        @Test func `a listener of Multipath TCP is told plain clients`() async throws {
            try await Lab.served(.tcp("toa")) { lab, group, _ in
                try await lab.serve(in: group, "mptcp", "10.0.1.2", 8080) {
                    try await lab.receive(for: group, Self.from) { _ in
                        try await lab.expect("5", "get", "10.0.0.100", 80, 5)
                        try await lab.expect("5", "getm", "10.0.0.100", 80, 5)
                    }
                }
            }
        }

        // MARK: - The list

        @Test func `who is not on the list is not believed, and the file is followed`() async throws
        {
            try await Lab.served(.tcp("toa")) { lab, group, _ in
                let list = URL(filePath: "\(lab.directory)/list")
                try Data("10.0.9.9\n".utf8).write(to: list)
                try await lab.serve(in: group, "tcp", "10.0.1.2", 8080) {
                    try await lab.receive(for: group, ["--from-file", list.path]) { receiver in
                        #expect(
                            try await lab.ask("get", "10.0.0.100", 80, 3)
                                .hasPrefix("0 1x[told '10.0.1.200 ")
                        )
                        #expect(try await receiver.counters()["connectionsForged"] == 3)
                        try Data("10.0.1.0/24  # all of them\n".utf8).write(to: list)
                        try await eventually("the new list is believed") {
                            try await receiver.believed() == ["10.0.1.0/24"]
                        }
                        try await lab.expect("3", "get", "10.0.0.100", 80, 3)
                        try Data("10.0.1.0/240\n".utf8).write(to: list)
                        try await eventually("the mistake is said") {
                            receiver.log.contains("list:1: '10.0.1.0/240' is neither")
                        }
                        try await lab.expect("3", "get", "10.0.0.100", 80, 3)
                        let metrics = try await receiver.metrics()
                        #expect(metrics.sum("dpvs_realip_problems") == 1)
                    }
                }
            }
        }

        @Test func `the balancer is asked for its local addresses, and a reload is followed`()
            async throws
        {
            let service = ServedService.tcp("toa")
            try await Lab.served(service) { lab, group, balancer in
                let socket = "\(balancer.runDirectory)/control.sock"
                try await lab.serve(in: group, "tcp", "10.0.1.2", 8080) {
                    try await lab.receive(for: group, ["--from-balancer", socket]) { receiver in
                        #expect(try await receiver.believed() == ["10.0.1.200"])
                        try await lab.expect("3", "get", "10.0.0.100", 80, 3)
                        var changed = service
                        changed.local = "10.0.1.201"
                        try balancer.save(Lab.text([changed]))
                        try await eventually("the new address is believed") {
                            try await receiver.believed() == ["10.0.1.201"]
                        }
                        try await lab.expect("3", "get", "10.0.0.100", 80, 3)
                    }
                }
            }
        }
    }
}

/// One service of a test: its number of clients' ports, and what is told how.
struct ServedService: Sendable {
    var address = "10.0.0.100"
    var port = 80
    var transport = "tcp"
    var mode: String
    var local = "10.0.1.200"
    var backend = "10.0.1.2"
    var backendPort = 8080

    static func tcp(_ mode: String) -> ServedService { ServedService(mode: mode) }

    static func udp(_ mode: String, port: Int = 53) -> ServedService {
        ServedService(port: port, transport: "udp", mode: mode, backendPort: port)
    }

    /// Both ends IPv6.
    var fnat66: ServedService {
        var service = self
        service.address = "2001:db8::100"
        service.local = "2001:db8:1::200"
        service.backend = "2001:db8:1::2"
        return service
    }

    /// An IPv6 client of an IPv4 backend.
    var nat64: ServedService {
        var service = self
        service.address = "2001:db8::100"
        return service
    }

    fileprivate var text: String {
        """
          - address: "\(address)"
            port: \(port)
            protocol: \(transport)
            clientAddress: \(mode)
            localAddresses: ["\(local)"]
            backends: [{ address: "\(backend)", port: \(backendPort) }]
        """
    }
}

extension Lab {
    /// A lab with a balancer for `services`, besides one without help on port 81, and a control group.
    static func served(
        _ services: ServedService...,
        more: String = "",
        body: (Lab, ControlGroup, Balancer) async throws -> Void
    ) async throws {
        try await run { lab in
            try await lab.enableIPv6(.client, "2001:db8::10/64")
            try await lab.enableIPv6(.backends, "2001:db8:1::2/64")
            var setup = Setup()
            var other = ServedService.tcp("toa")
            other.port = 81
            other.backend = "10.0.1.3"
            other.backendPort = 80
            setup.services.text = text(services + [other])
            setup.more = more
            // UDP flows never finish.
            setup.global[2] = "drain_timeout 100ms"
            try await ControlGroup.run(lab.name) { group in
                try await lab.balance(setup) { try await body(lab, group, $0) }
            }
        }
    }

    static func text(_ services: [ServedService]) -> String {
        """
        addresses:
          - { interface: dpdk0, address: 10.0.0.1/24 }
          - { interface: dpdk1, address: 10.0.1.1/24 }
          - { interface: dpdk0, address: "2001:db8::1/64" }
          - { interface: dpdk1, address: "2001:db8:1::1/64" }
        services:
        \(services.map(\.text).joined(separator: "\n"))
        """ + "\n"
    }

    /// An nginx that answers with what it takes for the client, and logs it.
    func placeWeb(
        listening addresses: [String],
        stream: [String] = []
    ) throws -> (command: [String], log: String) {
        let root = "\(directory)/told"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let module = "/usr/lib/nginx/modules/ngx_stream_module.so"
        let streams = """
            stream {
                server {
                    \(stream.map { "listen \($0) udp;" }.joined(separator: " "))
                    return "$remote_addr $remote_port";
                }
            }
            """
        let configuration = """
            daemon off;
            worker_processes 1;
            worker_rlimit_nofile 8192;
            pid \(root)/nginx.pid;
            error_log \(root)/error.log;
            \(stream.isEmpty ? "" : "load_module \(module);")
            events { worker_connections 4096; multi_accept on; }
            http {
                log_format who "$remote_addr";
                access_log \(root)/access.log who;
                map $remote_addr $plain {
                    ~^::ffff:(?<mapped>.*)$ $mapped;
                    default $remote_addr;
                }
                server {
                    \(addresses.map { "listen \($0);" }.joined(separator: " "))
                    location / { return 200 "$plain $remote_port\\n"; }
                }
            }
            \(stream.isEmpty ? "" : streams)
            """
        try Data(configuration.utf8).write(to: URL(filePath: "\(root)/nginx.conf"))
        let words = ["nginx", "-p", root, "-c", "\(root)/nginx.conf", "-e", "\(root)/error.log"]
        return (words, "\(root)/access.log")
    }
}
