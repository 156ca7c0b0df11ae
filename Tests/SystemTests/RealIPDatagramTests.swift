// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Testing

extension SystemTests {
    /// The same over UDP, with both forms of UOA.
    @Suite(
        .enabled(if: Receiver.refusal == nil, "dpvs-realip: \(Receiver.refusal ?? "")")
    ) struct RealIPDatagramTests {
        private static let from = [
            "--from", "10.0.1.200", "--from", "2001:db8:1::200", "--interface", "eth0",
        ]

        @Test
        func `without a receiver datagrams of protocol 248 are refused, and after detach again`()
            async throws
        {
            try await Lab.served(.udp("uoa")) { lab, group, _ in
                try await lab.serve(in: group, "udp", "10.0.1.2", 53) {
                    let none = try await lab.ask("datagrams", "10.0.0.100", 53, 1, 1)
                    #expect(none.hasPrefix("0 "))
                    try await lab.receive(for: group, Self.from) { _ in
                        let told = try await lab.ask("datagrams", "10.0.0.100", 53, 1, 5)
                        #expect(told == "5")
                    }
                    // What is left on the interface keeps datagrams coming, from the balancer's address.
                    let left = try await lab.ask("datagrams", "10.0.0.100", 53, 1, 1)
                    #expect(left.hasPrefix("0 1x[told '10.0.1.200 "), "\(left)")
                    let detach = Receiver.command(in: lab, [Program.realIP, "detach", "eth0"])
                    #expect(try await Program.demand(detach) == "eth0: removed\n")
                    #expect(try await Program.demand(detach) == "eth0: nothing was there\n")
                    let gone = try await lab.ask("datagrams", "10.0.0.100", 53, 1, 1)
                    #expect(gone.hasPrefix("0 1x["), "\(gone)")
                    #expect(!gone.contains("told"), "\(gone)")
                }
            }
        }

        /// Each form, each kind of socket, each family: five questions a flow, of which three carry
        /// the address.
        @Test(arguments: ["uoa", "uoa-ipo"], ["udp", "connected", "asyncio"])
        func `unmodified servers are told the client and answer it`(
            mode: String,
            kind: String
        ) async throws {
            // The IPv4 option has no room for an IPv6 client.
            let service = ServedService.udp(mode)
            let other = ServedService.udp("uoa").fnat66
            try await Lab.served(service, other) { lab, group, _ in
                // One receiver for all: a flow that the balancer knows from before is not told again.
                try await lab.receive(for: group, Self.from) { receiver in
                    for address in ["0.0.0.0", "10.0.1.2", "::"] {
                        try await lab.serve(in: group, kind, address, 53) {
                            let told = try await lab.ask("datagrams", "10.0.0.100", 53, 20, 5)
                            #expect(told == "100", "\(kind) on \(address)")
                            guard address == "::" else { return }
                            let told6 = try await lab.ask("datagrams", "2001:db8::100", 53, 20, 5)
                            #expect(told6 == "100", "\(kind) over IPv6")
                        }
                    }
                    let counters = try await receiver.counters()
                    #expect(counters["receivesTold"] ?? 0 >= 400, "\(counters)")
                    #expect(counters[mode == "uoa" ? "datagramsOpp" : "datagramsIpo"] ?? 0 > 120)
                }
            }
        }

        /// A server of IPv4, and one of both families.
        @Test(arguments: ["opp", "ipo"], [("10.0.1.2", "10.0.1.2"), ("::", "::ffff:10.0.1.2")])
        func `with NAT64 the address stays, and getsockopt tells the client`(
            form: String,
            place: (address: String, own: String)
        ) async throws {
            let more = "ipvs_defs {\n    udp {\n        uoa_mode \(form)\n    }\n}"
            try await Lab.served(.udp("uoa").nat64, more: more) { lab, group, _ in
                try await lab.serve(in: group, "ask", place.address, 53, place.own) {
                    try await lab.receive(for: group, Self.from) { receiver in
                        let told = try await lab.ask("datagrams", "2001:db8::100", 53, 4, 5)
                        #expect(told == "20")
                        let counters = try await receiver.counters()
                        #expect(counters["receivesTold"] == 0)
                        // The option of IPv4 has no room for an IPv6 client.
                        #expect(counters["datagramsOpp"] == 12, "\(counters)")
                    }
                }
            }
        }

        @Test func `where uoa_mode says ipo, IPv6 goes as opp`() async throws {
            let more = "ipvs_defs {\n    udp {\n        uoa_mode ipo\n    }\n}"
            try await Lab.served(.udp("uoa"), .udp("uoa").fnat66, more: more) { lab, group, _ in
                try await lab.serve(in: group, "udp", "::", 53) {
                    try await lab.receive(for: group, Self.from) { receiver in
                        try await lab.expect("20", "datagrams", "10.0.0.100", 53, 4, 5)
                        try await lab.expect("20", "datagrams", "2001:db8::100", 53, 4, 5)
                        let counters = try await receiver.counters()
                        #expect(counters["datagramsIpo"] == 12, "\(counters)")
                        #expect(counters["datagramsOpp"] == 12, "\(counters)")
                    }
                }
            }
        }

        /// Go makes its system calls itself, so that nothing put in front of the C library would be seen.
        @Test(.enabled(if: Program.path(of: "go") != nil, "there is no Go"))
        func `a statically linked server of Go is told the client`() async throws {
            var services = [ServedService.tcp("toa"), .udp("uoa")]
            services[1].backendPort = 8080
            try await Lab.served(services[0], services[0].fnat66, services[1], services[1].fnat66) {
                lab,
                group,
                _ in
                let server = "\(lab.directory)/told"
                let source = "\(Program.repository)/Tests/SystemTests/told.go"
                let build = [
                    "CGO_ENABLED=0", "GOCACHE=\(lab.directory)/go", "GOPATH=\(lab.directory)/go",
                ]
                try await Program.demand(
                    ["env"] + build + ["go", "build", "-o", server, source],
                    timeout: .seconds(120)
                )
                try await lab.serve(in: group, [server, "::", "8080"]) {
                    try await lab.receive(for: group, Self.from) { _ in
                        for service in ["10.0.0.100", "2001:db8::100"] {
                            try await lab.expect("20", "get", service, 80, 20)
                            try await lab.expect("20", "datagrams", service, 53, 5, 4)
                        }
                    }
                }
            }
        }

        /// As with uoa.ko: no address is changed.
        ///
        /// The second receiver may not read its callers' memory.
        @Test(arguments: ["api", "rewrite"], [true, false])
        func `programs that ask as uoa.ko is asked are answered`(
            mode: String,
            mayRead: Bool
        ) async throws {
            try await Lab.served(.udp("uoa"), .udp("uoa").fnat66) { lab, group, _ in
                let rights =
                    mayRead ? [] : ["setpriv", "--bounding-set=-all,+bpf,+net_admin,+sys_resource"]
                for (address, service) in [
                    ("10.0.1.2", "10.0.0.100"), ("2001:db8:1::2", "2001:db8::100"),
                ] {
                    try await lab.serve(in: group, "ask", address, 53, address) {
                        let words = Self.from + ["--udp", mode]
                        try await lab.receive(for: group, words, launcher: rights) { receiver in
                            try await lab.expect("20", "datagrams", service, 53, 4, 5)
                            let counters = try await receiver.counters()
                            #expect(counters["uoaAnswered"] == 20, "\(counters)")
                            let told = counters["receivesTold"] ?? 0
                            #expect(told == (mode == "api" ? 0 : 20), "\(counters)")
                            #expect(receiver.log.contains("see dpvs-realip check") != mayRead)
                        }
                    }
                }
            }
        }

        @Test func `two services of one server are answered each by its own flow`() async throws {
            var second = ServedService.udp("uoa")
            second.port = 54
            second.local = "10.0.1.201"
            try await Lab.served(.udp("uoa"), second) { lab, group, _ in
                try await lab.serve(in: group, "udp", "0.0.0.0", 53) {
                    let words = Self.from + ["--from", "10.0.1.201"]
                    try await lab.receive(for: group, words) { _ in
                        let script = """
                            import socket
                            flows = []
                            for port in (53, 54):
                                flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                                flow.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                                flow.bind(("10.0.0.10", 4444))
                                flow.connect(("10.0.0.100", port))
                                flow.settimeout(2)
                                flows.append(flow)
                            right = 0
                            for number in range(20):
                                for flow in flows:
                                    flow.send(b"x" * (number + 1))
                                    right += flow.recv(99).decode() == f"10.0.0.10 4444 {number + 1}"
                            print(right)
                            """
                        let outcome = try await lab.run(in: .client, "python3", "-c", script)
                        #expect(outcome.output == "40\n", "\(outcome.errors)")
                    }
                }
            }
        }

        // MARK: - Programs of others

        @Test func `nginx stream, dnsmasq and iperf3 serve clients that they know`() async throws {
            let services = [53, 57, 5201].map { ServedService.udp("uoa", port: $0) }
            var control = ServedService.tcp("toa")
            control.port = 5201
            control.backendPort = 5201
            try await Lab.served(services[0], services[1], services[2], control) { lab, group, _ in
                let web = try lab.placeWeb(listening: ["10.0.1.2:8080"], stream: ["10.0.1.2:57"])
                let log = "\(lab.directory)/dnsmasq.log"
                let dns = [
                    "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts",
                    "--conf-file=/dev/null",
                    "--log-queries=extra", "--log-facility=\(log)", "--address=/x.test/192.0.2.1",
                    "--listen-address=10.0.1.2", "--bind-interfaces", "--user=root",
                    "--pid-file=\(lab.directory)/dnsmasq.pid",
                ]
                try await lab.serve(in: group, web.command) {
                    try await lab.serve(in: group, dns) {
                        try await lab.serve(in: group, ["iperf3", "-s", "-B", "10.0.1.2"]) {
                            try await lab.receive(for: group, Self.from) { _ in
                                try await lab.expect("20", "datagrams", "10.0.0.100", 57, 10, 2)
                                try await Self.resolve(lab, log)
                                try await Self.stream(lab)
                            }
                        }
                    }
                }
            }
        }

        private static func resolve(_ lab: Lab, _ log: String) async throws {
            let script = """
                import socket
                question = bytes.fromhex("123401000001000000000000017804746573740000010001")
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(5)
                s.connect(("10.0.0.100", 53))
                s.send(question)
                print(s.recv(512)[-4:].hex(), s.getsockname()[1])
                """
            let outcome = try await lab.run(in: .client, "python3", "-c", script)
            let words = outcome.output.split(whereSeparator: \.isWhitespace)
            try #require(words.count == 2, "\(outcome.errors)")
            #expect(words[0] == "c0000201")
            let text = try String(contentsOfFile: log, encoding: .utf8)
            #expect(text.contains("10.0.0.10/\(words[1]) query[A]"), "\(text)")
        }

        /// Its datagrams go to a connected socket, and many more than carry the address.
        private static func stream(_ lab: Lab) async throws {
            let outcome = try await lab.run(
                in: .client,
                "iperf3",
                "-c",
                "10.0.0.100",
                "-u",
                "-b",
                "5M",
                "-l",
                "512",
                "-t",
                "1",
                "-J"
            )
            try #require(outcome.status == 0, "\(outcome.output)")
            let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
            let end = (object as? [String: Any])?["end"] as? [String: Any]
            let sum = end?["sum"] as? [String: Any]
            let packets = try #require(sum?["packets"] as? Int)
            let lost = try #require(sum?["lost_packets"] as? Int)
            #expect(packets > 500 && lost < packets / 10, "\(lost) of \(packets) lost")
        }
    }
}
