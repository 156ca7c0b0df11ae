// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension SystemTests {
    /// Cells of the matrix in doc/client-address.md that take no receiver: real servers that read PROXY, for every
    /// pair of families.
    @Suite(.enabled(if: ControlGroup.root != nil, "control groups cannot be made here"))
    struct ClientAddressFamilyTests {
        @Test(arguments: ["proxy-v1", "proxy-v2"])
        func `nginx reads the PROXY header of FNAT66 and NAT64`(mode: String) async throws {
            var translated = ServedService.tcp(mode).nat64
            translated.port = 64
            var dual = translated
            dual.port = 65
            dual.backendPort = 8081
            let plain = ServedService.tcp(mode)
            try await Lab.served(plain, plain.fnat66, translated, dual) { lab, _, _ in
                let listen = """
                    10.0.1.2:8080 proxy_protocol; listen [2001:db8:1::2]:8080 proxy_protocol; \
                    listen [::]:8081 ipv6only=off proxy_protocol
                    """
                let text = "$proxy_protocol_addr $proxy_protocol_server_addr $remote_addr"
                try await lab.serveWeb(listen, saying: text) {
                    for (url, told) in [
                        ("http://10.0.0.100/", "10.0.0.10 10.0.0.100 10.0.1.200"),
                        ("http://[2001:db8::100]/", "2001:db8::10 2001:db8::100 2001:db8:1::200"),
                        ("http://[2001:db8::100]:64/", "2001:db8::10 2001:db8::100 10.0.1.200"),
                        (
                            "http://[2001:db8::100]:65/",
                            "2001:db8::10 2001:db8::100 ::ffff:10.0.1.200"
                        ),
                    ] {
                        let page = try await lab.curl(url)
                        // Text of version 1 is written without abbreviation.
                        let said = page.output.replacing("2001:db8:0:0:0:0:0:", with: "2001:db8::")
                        #expect(said == told + "\n", "\(url): \(page.errors)")
                    }
                }
            }
        }

        /// Its answer is the client's address as PROXY told it.
        @Test(.enabled(if: Program.path(of: "dnsdist") != nil, "there is no dnsdist"))
        func `dnsdist reads the PROXY header of every datagram`() async throws {
            var translated = ServedService.udp("proxy-v2").nat64
            translated.port = 64
            let plain = ServedService.udp("proxy-v2")
            try await Lab.served(plain, plain.fnat66, translated) { lab, _, _ in
                let file = "\(lab.directory)/dnsdist.conf"
                let configuration = """
                    setLocal("10.0.1.2:53")
                    addLocal("[2001:db8:1::2]:53")
                    setACL({"0.0.0.0/0", "::/0"})
                    setProxyProtocolACL({"10.0.1.200/32", "2001:db8:1::200/128"})
                    addAction(AllRule(), LuaAction(function(dq)
                        return DNSAction.Spoof, dq.remoteaddr:toString()
                    end))
                    """
                try Data(configuration.utf8).write(to: URL(filePath: file))
                let words = ["dnsdist", "--supervised", "--disable-syslog", "-C", file]
                try await lab.serve(words, in: .backends) {
                    try await eventually("dnsdist answers") {
                        try await Self.resolve(lab, "10.0.0.100", 53, 1) == "10.0.0.10"
                    }
                    for _ in 0..<3 {
                        #expect(
                            try await Self.resolve(lab, "2001:db8::100", 53, 28) == "2001:db8::10"
                        )
                        #expect(
                            try await Self.resolve(lab, "2001:db8::100", 64, 28) == "2001:db8::10"
                        )
                    }
                }
            }
        }

        /// The address in the answer to a question of `type` (RFC 1035 section 3.2.2), empty when there is none.
        private static func resolve(
            _ lab: Lab,
            _ server: String,
            _ port: Int,
            _ type: Int
        ) async throws -> String {
            let script = """
                import socket, struct, sys
                server, port, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
                family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
                question = bytes.fromhex("123401000001000000000000") + b"\\1x\\4test\\0" + struct.pack("!HH", kind, 1)
                s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(2)
                s.connect((server, port))
                s.send(question)
                try:
                    answer = s.recv(512)
                    print(socket.inet_ntop(family, answer[-size:]) if answer[7] == 1 else "")
                except OSError:
                    pass
                """
            let words = ["python3", "-c", script, server, "\(port)", "\(type)"]
            let outcome = try await Program.run(lab.command(in: .client, words))
            return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
}
