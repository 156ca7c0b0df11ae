// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// Two instances that announce one address; the client's kernel has a route to each.
    @Suite struct EqualCostTests {
        private static let address = "10.9.0.100"

        /// What the unmodified BIRDs speak over the companions.
        enum Speech: String, CaseIterable { case bgp, ospf }

        @Test(
            .enabled(if: Program.path(of: "bird") != nil, "needs bird"),
            arguments: Speech.allCases
        )
        func `one of two instances leaves, and every client keeps its backend`(
            _ speech: Speech
        ) async throws {
            try await Pair.run { pair in
                let lab = pair.lab
                try await lab.balance(setup(pair, .balancer, speech)) { first in
                    try await lab.balance(setup(pair, .second, speech)) { second in
                        try await prepare(lab)
                        try await whileRouting(lab, speech) {
                            try await eventually("there is a route to each", within: .seconds(20)) {
                                try await routes(lab) == ["10.0.0.1", "10.0.0.2"]
                            }
                            let before = try await ask(lab)
                            #expect(Set(before) == ["1", "2"])
                            let counts = try await [first.scrape(), second.scrape()]
                                .map { $0.sum("dpvs_backend_connections_total") }
                            #expect(counts.allSatisfy { $0 >= 10 }, "\(counts)")

                            first.send(SIGTERM)
                            try await eventually("one route is left", within: .seconds(15)) {
                                try await routes(lab) == ["10.0.0.2"]
                            }
                            #expect(try await ask(lab) == before)
                            try await eventually("the first ends") { !first.isRunning }
                            #expect(try await ask(lab) == before)
                        }
                    }
                }
            }
        }

        private func setup(_ pair: Pair, _ place: Lab.Place, _ speech: Speech) -> Setup {
            var setup = pair.setup(place)
            setup.global = setup.global.filter { !$0.hasPrefix("service_addresses") }
            // A router of OSPF says something new about itself every 5 s at most.
            let delay = speech == .ospf ? "8s" : "2s"
            setup.global += ["announce_on lo", "withdraw_delay \(delay)"]
            setup.services.addresses["dpdk0"] = nil
            setup.services.services[0].address = Self.address
            setup.services.services[0].scheduler = "mh\n    schedulerFlags: [mh-port]"
            return setup
        }

        /// Gives the kernels their addresses on the companions, and the client several next hops.
        private func prepare(_ lab: Lab) async throws {
            for (place, last) in [(Lab.Place.balancer, 1), (.second, 2)] {
                try await lab.ip(place, "link add name hush type bridge")
                try await lab.ip(place, "link set client0 master hush")
                try await lab.ip(place, "address add 10.0.0.\(last)/24 dev dpdk0.kni")
            }
            // By ports, too: there is one client.
            let words = ["sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1"]
            try await Program.demand(lab.command(in: .client, words))
        }

        private func whileRouting(
            _ lab: Lab,
            _ speech: Speech,
            _ body: () async throws -> Void
        ) async throws {
            for (place, own) in [
                (Lab.Place.balancer, "10.0.0.1"), (.second, "10.0.0.2"), (.client, "10.0.0.10"),
            ] {
                let text = speech == .bgp ? bgp(place, own) : ospf(place)
                try Data("router id \(own);\nprotocol device {}\n\(text)".utf8)
                    .write(to: URL(filePath: "\(lab.directory)/bird-\(place.rawValue).conf"))
            }
            try await lab.serve(bird(lab, .balancer), in: .balancer) {
                try await lab.serve(bird(lab, .second), in: .second) {
                    try await lab.serve(bird(lab, .client), in: .client) { try await body() }
                }
            }
        }

        /// What the client's kernel learns.
        private static let using = """
            protocol kernel {
                merge paths on;
                ipv4 { import none; export where net ~ [ 10.9.0.0/24+ ]; };
            }

            """

        /// The address is a stub of each balancer; all three meet on one Ethernet.
        private func ospf(_ place: Lab.Place) -> String {
            let isClient = place == .client
            let meeting = isClient ? "br0" : "dpdk0.kni"
            return (isClient ? Self.using : "") + """
                protocol ospf v2 interior {
                    ipv4 { import all; export none; };
                    area 0 {
                        interface "\(meeting)" { hello 1; dead count 4; wait 3; };
                        \(isClient ? "" : #"interface "lo" { stub; };"#)
                    };
                }
                """
        }

        private func bgp(_ place: Lab.Place, _ own: String) -> String {
            let mine = "\(own) as \(place == .client ? 65000 : 65001)"
            let text =
                place == .client
                ? Self.using + peer("dpvs1", "10.0.0.1", as: 65001, "import all; export none")
                    + peer("dpvs2", "10.0.0.2", as: 65001, "import all; export none")
                : #"protocol direct { ipv4; interface "lo"; }"# + "\n"
                    + peer("upstream", "10.0.0.10", as: 65000, "import none; export all")
            return text.replacing("OWN", with: mine)
        }

        private func peer(
            _ name: String,
            _ address: String,
            as number: Int,
            _ channel: String
        ) -> String {
            """
            protocol bgp \(name) {
                local OWN;
                neighbor \(address) as \(number);
                connect retry time 1;
                connect delay time 1;
                ipv4 { \(channel); next hop self; };
            }

            """
        }

        private func bird(_ lab: Lab, _ place: Lab.Place) -> [String] {
            let base = "\(lab.directory)/bird-\(place.rawValue)"
            return ["bird", "-f", "-c", "\(base).conf", "-s", "\(base).ctl", "-P", "\(base).pid"]
        }

        /// Next hops of the client toward the service, in order.
        private func routes(_ lab: Lab) async throws -> [String] {
            let shown = try await lab.run(in: .client, "ip", "route", "show", Self.address)
            let words = shown.output.split(whereSeparator: \.isWhitespace).map(String.init)
            return zip(words, words.dropFirst()).filter { $0.0 == "via" }.map(\.1).sorted()
        }

        /// Which backends answer connections from 60 ports of the client, in their order.
        private func ask(_ lab: Lab) async throws -> [String] {
            let script = """
                import socket, struct, sys
                for port in range(20000, 20060):
                    with socket.socket() as link:
                        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        link.settimeout(3)
                        link.bind(("10.0.0.10", port))
                        link.connect((sys.argv[1], 80))
                        link.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                        text = b""
                        while part := link.recv(4096):
                            text += part
                        print(text.decode().strip()[-1])
                """
            let outcome = try await lab.run(in: .client, "python3", "-c", script, Self.address)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output.split(separator: "\n").map(String.init)
        }
    }
}
