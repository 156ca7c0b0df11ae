// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    /// `ipvsadm` against a running daemon, as scripts use it.
    @Suite struct IPVSTests {
        @Test func `a service made by single commands balances, is saved, and is restored`()
            async throws
        {
            try await Lab.balance(Self.bare) { lab, dpvs in
                try await dpvs.tool("-A -t 10.0.0.100:80 -s rr")
                try await dpvs.tool("-a -t 10.0.0.100:80 -r 10.0.1.2 -b")
                // Without a local address there is nobody to ask from, and that is said.
                #expect(try await lab.curl("http://10.0.0.100/", "--max-time", "1").status != 0)
                #expect(try await dpvs.status().services[0].problem == "it has no local addresses")
                #expect(try await dpvs.status().drops.contains { $0.reason == "no_local_address" })
                try await dpvs.tool("-P -t 10.0.0.100:80 -z 10.0.1.200 -F dpdk1")
                try await dpvs.tool("-at 10.0.0.100:80 -r 10.0.1.3:80 -b -w 5")
                #expect(Set(try await lab.backends(answering: 4)) == [1, 2])
                let list = try await dpvs.tool("-ln")
                #expect(
                    list.split(separator: "\n", maxSplits: 1).last ?? "" == """
                        Prot LocalAddress:Port Scheduler Flags
                          -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
                        TCP  10.0.0.100:80 rr
                          -> 10.0.1.2:80                  FullNat 1      0          2
                          -> 10.0.1.3:80                  FullNat 5      0          2

                        """
                )
                try await expectCounted(dpvs, lab)
                try await dpvs.tool("-e -t 10.0.0.100:80 -r 10.0.1.2 -w 0")
                #expect(try await lab.backends(answering: 3) == [2, 2, 2])
                try await expectRestored(dpvs, lab)
            }
        }

        private func expectCounted(_ dpvs: Balancer, _ lab: Lab) async throws {
            let before = try await counts(dpvs)
            #expect(before.count == 3 && before[0][0] == "TCP" && before[0][1] == "10.0.0.100:80")
            #expect(Int(before[0][2]) == 4 && before[1][0] == "->")
            try await dpvs.tool("-Z")
            #expect(try await counts(dpvs).allSatisfy { $0.dropFirst(2).allSatisfy { $0 == "0" } })
            let scrape = try await dpvs.client.text("/metrics")
            #expect(scrape.contains("dpvs_service_connections_total"))
            _ = try await lab.backends(answering: 2)
            #expect(try await counts(dpvs)[0][2] == "2")
            async let rate = dpvs.tool("-ln --rate --exact")
            // Longer than the command looks.
            for _ in 0..<8 {
                _ = try await lab.backends(answering: 5)
                try await Task.sleep(for: .milliseconds(200))
            }
            let line = try await rate.split(separator: "\n")[3].split(separator: " ")
            #expect((Int(line[2]) ?? 0) > 0, "\(line)")
        }

        private func counts(_ dpvs: Balancer) async throws -> [[Substring]] {
            try await dpvs.tool("-Ln --stats --exact").split(separator: "\n").dropFirst(3)
                .map { $0.split(separator: " ") }
        }

        private func expectRestored(_ dpvs: Balancer, _ lab: Lab) async throws {
            let saved = try await dpvs.tool("-S -n")
            #expect(
                saved == """
                    -A -t 10.0.0.100:80 -s rr
                    -a -t 10.0.0.100:80 -r 10.0.1.2:80 -b -w 0
                    -a -t 10.0.0.100:80 -r 10.0.1.3:80 -b -w 5
                    -P -t 10.0.0.100:80 -z 10.0.1.200 -F dpdk1

                    """
            )
            try await dpvs.tool("-C")
            #expect(try await dpvs.status().services.allSatisfy(\.isRemoved))
            let before = try await dpvs.configuration().generation
            let bad = try await dpvs.run("-R", input: saved + "-a -t 10.0.0.7:80 -r 10.0.1.2 -b\n")
            #expect(bad.status == 1)
            #expect(
                bad.errors == "line 5: No such service: tcp 10.0.0.7:80\nnothing was restored\n"
            )
            #expect(try await dpvs.configuration().generation == before)
            #expect(try await dpvs.run("-R", input: saved).status == 0)
            #expect(try await dpvs.configuration().generation == before + 1)
            #expect(try await dpvs.tool("-Sn") == saved)
            #expect(try await lab.backends(answering: 2) == [2, 2])
        }

        /// Every command line of the collection, in an order in which each finds what it needs.
        @Test func `scripts of documents run as they stand`() async throws {
            try await Lab.balance(Self.bare) { _, dpvs in
                var wrong: [String] = []
                for line in Self.corpus.split(separator: "\n").map(String.init) {
                    let words = line.split(separator: " ", maxSplits: 1)
                    let wanted = Int32(words[0]) ?? -1
                    let outcome = try await dpvs.run(words.count > 1 ? String(words[1]) : "")
                    let says =
                        outcome.refusals.isEmpty == (wanted == 0) || line.contains("--set")
                        || line.contains("-J")
                    if outcome.status != wanted || !says {
                        wrong.append("\(line): \(outcome.status) \(outcome.errors)")
                    }
                }
                #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
                let rules = try await dpvs.run("--restore", input: Self.rules)
                #expect(rules.status == 0, "\(rules.errors)")
                let saved = try await dpvs.tool("-S")
                #expect(saved.contains("-A -t [2001:db8::1]:80 -s mh -b mh-fallback,mh-port"))
                #expect(saved.contains("-a -t [2001:db8::1]:80 -r [2001:db8:2::80]:80 -m -w 100"))
            }
        }

        @Test func `what is wrong is told by line and option, and what is half done is warned of`()
            async throws
        {
            try await Lab.balance(Self.bare) { _, dpvs in
                try await dpvs.tool("-At 10.0.0.100:80")
                let half = try await dpvs.run("-at 10.0.0.100:80 -r 10.0.1.2 -b")
                #expect(half.status == 0)
                #expect(
                    half.errors
                        == "warning: tcp 10.0.0.100:80 has no local address (-P): new connections are "
                        + "dropped\n"
                )
                let wrong = try await dpvs.run("-et 10.0.0.100:80 -r 10.0.1.2 -x 5 -y 9")
                #expect(wrong.status == 1)
                #expect(wrong.errors == "-y: '9' is above -x; accepted: 1...5\n")
                let lines = """
                    -A -t 10.0.0.101:80
                    -a -t 10.0.0.101:80 -r 10.0.1.2 -b

                    -P -t 10.0.0.101:80 -z 10.0.1.201 -F nothing
                    -a -t 10.0.0.101:80 -r 10.0.1.3 -b -x 5 -y 9
                    """
                let restored = try await dpvs.run("-R", input: lines)
                #expect(restored.status == 1)
                let said = restored.errors.split(separator: "\n")
                #expect(said.contains { $0.hasPrefix("line 4: -F: 'nothing' is") }, "\(said)")
                #expect(said.contains("line 5: -y: '9' is above -x; accepted: 1...5"), "\(said)")
                #expect(said.last == "nothing was restored")
                let shared = try await dpvs.run("-Pt 10.0.0.100:80 -z 10.0.0.100")
                #expect(shared.errors.hasPrefix("-z: '10.0.0.100' is the service's own address"))
                try await dpvs.tool("-At 10.0.0.102:80")
                let virtual = try await dpvs.run("-Pt 10.0.0.100:80 -z 10.0.0.102")
                #expect(virtual.status == 0)
                #expect(
                    virtual.errors.hasPrefix(
                        "warning: -z: '10.0.0.102' is the address of a service, too"
                    )
                )
                // What -P has put on an interface goes with the last service that has it.
                try await dpvs.tool("-Pt 10.0.0.100:80 -z 10.0.1.200 -F dpdk1")
                let running: DesiredState = try await dpvs.client.get("/v1/config/running")
                #expect(running.addresses.contains { "\($0.prefix)" == "10.0.1.200/32" })
                try await dpvs.tool("-Dt 10.0.0.100:80")
                let after: DesiredState = try await dpvs.client.get("/v1/config/running")
                #expect(!after.addresses.contains { "\($0.prefix)" == "10.0.1.200/32" })
            }
        }

        @Test func `connections are listed, looked up, counted and ended while they carry data`()
            async throws
        {
            try await Lab.balance { lab, dpvs in
                try await lab.holdingConnections(3) { ports in
                    let list = try await dpvs.tool("-lnc").split(separator: "\n")
                    let port = try #require(ports.first)
                    let line = try #require(list.first { $0.contains(":\(port) ") })
                    let cells = line.split(separator: " ").map(String.init)
                    #expect(cells.count == 7 && cells[0].hasSuffix("]tcp"), "\(line)")
                    #expect(cells[2] == "ESTABLISHED" && cells[4] == "10.0.0.100:80", "\(line)")
                    let pair = "tcp:\(cells[3]):10.0.0.100:80"
                    #expect(try await dpvs.tool("-ln -c --sockpair \(pair)").contains(":\(port) "))
                    let none = try await dpvs.run("-lnc --sockpair tcp:10.0.0.9:1:10.0.0.100:80")
                    #expect(none.status == 1 && none.errors == "No such connection\n")
                    try await expectCounted(dpvs)
                    let end = try await dpvs.command(
                        "connections",
                        "end",
                        "--client",
                        cells[3],
                        "--json"
                    )
                    #expect(end.output.contains("\"ended\" : 1"), "\(end)")
                    #expect(try await !dpvs.tool("-lnc").contains(":\(port) "))
                }
                // Who ended it told both ends.
                let drops = try await dpvs.command("connections", "end")
                #expect(drops.status == 2 && drops.errors.contains("all=on"))
            }
        }

        private func expectCounted(_ dpvs: Balancer) async throws {
            let counts: ConnectionCounts = try await dpvs.client.get(
                "/v1/connections/count?by=backend&state=established"
            )
            #expect(counts.total == 3, "\(counts)")
            let text = try await dpvs.command("connections", "count")
            #expect(text.output.contains("tcp established") && text.output.contains("total"))
            let csv = try await dpvs.command(
                "connections",
                "list",
                "--state",
                "established",
                "--csv"
            )
            #expect(csv.output.split(whereSeparator: \.isNewline).count == 4, "\(csv)")
            let some = try await dpvs.command(
                "connections",
                "list",
                "--state",
                "established",
                "--limit",
                "2",
                "--json"
            )
            #expect(some.output.contains("\"next\":\"0:"), "\(some)")
        }

        @Test func `the instance is chosen by option or by the variable of old scripts`()
            async throws
        {
            try await Lab.balance(Self.bare) { lab, dpvs in
                try await dpvs.tool("-A -t 10.0.0.100:80")
                let socket = "\(dpvs.runDirectory)/control.sock"
                let old = try await Program.run(
                    ["DPVS_IPC_FILE=\(socket)", Program.ipvsadm, "-ln", "--json"]
                )
                #expect(old.status == 0 && old.output.contains("\"generation\" : 2"))
                let named = try await Program.run(
                    ["DPVS_INSTANCE=\(dpvs.instance)", Program.ipvsadm, "-Ln"]
                )
                #expect(named.status == 0 && named.output.contains("TCP  10.0.0.100:80 wlc"))
                let gone = try await Program.run(
                    ["DPVS_IPC_FILE=\(lab.directory)/none", Program.ipvsadm, "-Ln"]
                )
                #expect(
                    gone.status == 3 && gone.errors.contains("there is no \(lab.directory)/none")
                )
                // Links to the program, by name.
                let link = "\(lab.directory)/ipvsadm-save"
                try FileManager.default.createSymbolicLink(
                    atPath: link,
                    withDestinationPath: Program.ipvsadm
                )
                let saved = try await Program.run([link, "-n", "--socket", socket])
                #expect(saved.output == "-A -t 10.0.0.100:80 -s wlc\n")
            }
        }

        /// No services, and a VLAN that command lines name.
        private static let bare: Setup = {
            var setup = Setup()
            setup.services.text = """
                interfaces:
                  - { name: dpdk0.102, vlan: { link: dpdk0, id: 102 } }
                addresses:
                  - { interface: dpdk0, address: 10.0.0.1/24 }
                  - { interface: dpdk1, address: 10.0.1.1/24 }

                """
            return setup
        }()
    }
}

extension Lab {
    /// Holds connections of the client to the service open, each after a request and its answer, while
    /// `body` looks at them; it is given the client's ports.
    fileprivate func holdingConnections(
        _ count: Int,
        _ body: ([Int]) async throws -> Void
    ) async throws {
        let ready = "\(directory)/held"
        let script = """
            import socket, sys, time
            held = []
            for _ in range(\(count)):
                s = socket.create_connection(("10.0.0.100", 80), 5)
                s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                s.recv(100)
                held.append(s)
            open("\(ready)", "w").write(" ".join(str(s.getsockname()[1]) for s in held))
            time.sleep(60)
            """
        try await serve(["python3", "-c", script], in: .client) {
            var ports: [Int] = []
            for _ in 0..<100 where ports.count < count {
                let text = (try? String(contentsOfFile: ready, encoding: .utf8)) ?? ""
                ports = text.split(separator: " ").compactMap { Int($0) }
                try await Task.sleep(for: .milliseconds(100))
            }
            try #require(ports.count == count)
            try await body(ports)
        }
    }
}

extension Balancer {
    /// Runs `ipvsadm WORDS` on this instance.
    func run(_ words: String, input: String = "") async throws -> Program.Outcome {
        let words = words.split(separator: " ").map(String.init)
        return try await Program.run(
            [Program.ipvsadm] + words + ["--instance", instance],
            input: input
        )
    }

    /// The same for a command that must succeed; what it prints.
    @discardableResult
    func tool(_ words: String) async throws -> String {
        let outcome = try await run(words)
        #expect(outcome.status == 0 && outcome.refusals.isEmpty, "ipvsadm \(words): \(outcome)")
        return outcome.output
    }
}

extension Program.Outcome {
    /// What standard error says that is no warning.
    fileprivate var refusals: [Substring] {
        errors.split(separator: "\n").filter { !$0.contains("warning: ") }
    }
}

extension Program {
    /// The executable under test.
    static let ipvsadm: String = {
        URL(filePath: dpvs).deletingLastPathComponent().path + "/ipvsadm"
    }()
}

extension SystemTests.IPVSTests {
    /// The exit status, and the command line without its first word.
    private static let corpus = """
        0 -A -t 10.0.0.100:80 -s rr
        0 -A -t 10.0.0.100:5001 -s rr
        0 -A -u 10.0.0.100:80 -s rr
        0 -At 192.168.88.1:80
        0 -At 192.168.88.2:80
        0 -At 192.168.88.1:8080
        0 -At [2001::1]:80
        0 -At [2001::1]:8080 -s wrr
        0 -Au [2001::1]:80
        0 -A -u 192.168.88.3:6000
        0 -A -u 172.27.88.1:80
        0 -A -u 192.0.2.7:53
        1 -A -t [2001::1]:8081 -j enable
        0 -A -t 192.168.88.100:80 -s mh
        0 -A -t 192.168.88.101:80 --dest-check default
        1 -Et 192.168.88.1:80 --dest-check tcp
        1 -Et 192.168.88.1:80 --dest-check udp --dest-check ping
        0 -Et 192.168.88.1:80 --dest-check 3,3,3s,60-3600s
        1 -Et 192.168.88.1:80 --dest-check 3,5s --dest-check tcp
        0 -A -s rr -H proto=tcp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1
        0 -A -s rr -H proto=icmp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1
        0 -A -f 1 -s rr -p 300
        0 -A -t 192.0.2.80:443 -s conhash --hash-target sip
        0 -A -u 192.0.2.80:443 -s conhash --hash-target qid --quic
        0 -A -t 192.0.2.81:443 -s wlc --conn-timeout 60 --proxy-protocol v2 --expire-quiescent
        0 -Dt 192.168.88.1:8080
        0 --set 900 120 300
        0 -a -t 10.0.0.100:80 -r 192.168.100.2 -b
        0 -a -t 10.0.0.100:5001 -r 192.168.100.2 -b
        0 -a -t [2001::1]:80 -r 2001::3 -b
        0 -a -t [2001::1]:80 -r 10.0.1.3 -b
        0 -at 192.168.88.1:80 -r 192.168.88.30:80 -b
        0 -at 192.168.88.2:80 -r 192.168.88.151:80 -g -w 10
        0 -au 192.168.88.3:6000 -r 192.168.88.151:6000 -i
        0 -au 172.27.88.1:80 -r 192.168.88.151:6000 -m
        0 -a -H proto=tcp,src-range=172.16.0.0-172.16.255.254,oif=dpdk1 -r 192.168.10.2:0 -w 100 -J
        0 -a -f 1 -r 203.0.113.1 -g -w 1
        0 -a -u 192.0.2.7:53 -r 203.0.113.8
        0 -e -t 10.0.0.100:80 -r 192.168.100.2 -b -w 0
        0 -e -t 10.0.0.100:80 -r 192.168.100.2 -b -w 100 -x 20000 -y 18000
        0 -dt 192.168.88.1:80 -r 192.168.88.30:80
        0 -d -u 192.0.2.7:53 -r 203.0.113.8
        0 --add-laddr -z 192.168.100.200 -t 10.0.0.100:80 -F dpdk0
        0 --add-laddr -z 2001::2 -t [2001::1]:80 -F dpdk0
        0 -P -z 172.16.10.10 -t 10.0.0.100:80 -F dpdk0
        0 -P -z 172.16.10.10 -u 10.0.0.100:80 -F dpdk0
        0 -P -z 172.16.10.10 -u 10.0.0.100:80 -F dpdk0
        0 -Pt 192.168.88.1:80 -z 192.168.88.241 -F dpdk0.102
        0 -Pu [2001::1]:80 -z 2001::1:12 -F dpdk0
        0 -Qt 192.168.88.1:80 -z 192.168.88.241 -F dpdk0
        0 -G
        0 -G -t [2001::1]:80
        0 --get-laddr
        0 -U -t 192.168.88.1:80 -k 192.168.88.115
        1 --add-blklst -t 192.168.88.1:80 -k ipset:denyset
        0 -V -t 192.168.88.1:80 -k 192.168.88.115
        1 -O -t 192.168.88.1:80 -2 ipset:allowset
        1 --add-whtlst -u 192.168.88.1:80 -2 192.168.88.0
        1 -Y -t 192.168.88.1:80 -2 ipset:allowset
        0 -B
        0 -W
        0
        0 -ln
        0 -Ln
        0 -ln -t 192.168.88.1:80
        1 -ln -t [2001::2]:80
        0 -ln --stats
        0 -Ln --stats --exact
        0 -ln --exact
        0 -ln --rate
        0 -ln --thresholds
        0 -ln --persistent-conn
        0 -Ln --timeout
        0 -ln --nosort
        0 -S -n
        0 -Sn
        2 -A -t 192.168.0.89:80 -s -rr
        2 -A -t 192.168.0.89:80 -r 10.140.18.33 -m
        2 -a -t 192.168.0.80:80 -r 192.168.0.115 -g -w l
        1 -A -t 10.0.0.100:80
        1 -at 192.168.88.2:80 -r 192.168.88.152:80 -b
        0 -D -t [2001::1]:80
        0 -Z
        0 -C
        """

    private static let rules = """
        -A -t 10.0.0.100:80 -s rr
        -a -t 10.0.0.100:80 -r 192.168.100.2:80 -b -w 1
        -a -t 10.0.0.100:80 -r 192.168.100.3:80 -b -w 1
        -A -u 192.0.2.7:53 -s lc -p 300 -M 255.255.255.0
        -a -u 192.0.2.7:53 -r 203.0.113.7:53 -i -w 1
        -A -u 192.0.2.8:53 -s rr --ops
        -A -f 1 -s rr -p 300
        -a -f 1 -r 203.0.113.1:0 -g -w 1
        -A -f 6 -6 -s wlc
        -A -t [2001:db8::1]:80 -s mh -b mh-port,mh-fallback
        -a -t [2001:db8::1]:80 -r [2001:db8:2::80]:80 -m -w 100

        """
}
