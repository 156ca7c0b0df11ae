// SPDX-License-Identifier: Apache-2.0
import Foundation
import Model
import Subprocess
import Testing

extension SystemTests {
    /// Many clients, changes in the middle, and ends of all kinds.
    @Suite(
        .enabled(if: Receiver.refusal == nil, "dpvs-realip: \(Receiver.refusal ?? "")")
    ) struct RealIPTrafficTests {
        private static let from = ["--from", "10.0.1.200", "--interface", "eth0"]

        @Test func `a thousand clients at once are each told, while the balancer reloads`()
            async throws
        {
            let services = [ServedService.tcp("toa"), .udp("uoa", port: 8080)]
            try await Lab.served(services[0], services[1]) { lab, group, balancer in
                let web = try lab.placeWeb(listening: ["10.0.1.2:8080"])
                try await lab.serve(in: group, web.command) {
                    try await lab.serve(in: group, "asyncio", "10.0.1.2", 8081) {
                        try await lab.receive(for: group, Self.from) { receiver in
                            async let connections = lab.ask("get", "10.0.0.100", 80, 1000)
                            for weight in [10, 20, 30] {
                                let text = Lab.text(services)
                                    .replacing(
                                        "port: 8080 }",
                                        with: "port: 8080, weight: \(weight) }"
                                    )
                                let report = try await balancer.reportAfter {
                                    try balancer.save(text)
                                }
                                #expect(report.outcome == .applied)
                            }
                            #expect(try await connections == "1000")
                            #expect(try await receiver.counters()["connectionsIPv4"] == 1000)
                        }
                    }
                }
                try await lab.serve(in: group, "udp", "10.0.1.2", 8080) {
                    try await lab.receive(for: group, Self.from) { receiver in
                        async let datagrams = lab.ask("datagrams", "10.0.0.100", 8080, 1000, 4)
                        let report = try await balancer.reportAfter {
                            try balancer.save(Lab.text(services))
                        }
                        #expect(report.outcome == .applied)
                        #expect(try await datagrams == "4000")
                        #expect(try await receiver.counters()["datagramsOpp"] == 3000)
                    }
                }
            }
        }

        /// Whatever happens to the receiver, connections go on, and nobody is told a wrong address: the
        /// client's, or the balancer's.
        @Test(arguments: [SIGTERM, SIGKILL])
        func `receivers come and go under traffic`(signal: Int32) async throws {
            let services = (ServedService.tcp("toa"), ServedService.udp("uoa", port: 80))
            var udp = services.1
            udp.backendPort = 8080
            try await Lab.served(services.0, udp) { lab, group, _ in
                try await lab.serve(in: group, "asyncio", "10.0.1.2", 8080) {
                    try await lab.receive(for: group, Self.from) { _ in }
                    async let seen = lab.ask("watch", "10.0.0.100", 80, 6)
                    for round in 0..<2 {
                        try await Task.sleep(for: .seconds(1))
                        let words = Self.from + ["--idle", "\(300 + round)"]
                        try await lab.receive(for: group, words) { receiver in
                            try await Task.sleep(for: .seconds(1))
                            kill(receiver.process, signal)
                        }
                    }
                    let text = try await seen
                    let lines = text.split(separator: "\n")
                        .map { $0.drop { $0 != " " }.dropFirst() }
                    // The client's first flow was begun without a receiver: its answers stay the balancer's.
                    let accepted: Set<Substring> = [
                        "tcp right", "tcp told '10.0.1.200", "udp right", "udp told '10.0.1.200",
                    ]
                    #expect(Set(lines).isSubset(of: accepted), "\(text)")
                    #expect(lines.contains("tcp right"), "\(text)")
                    #expect(lines.contains("tcp told '10.0.1.200"), "\(text)")
                }
            }
        }

        @Test func `run serves one program, gives it no rights, and ends as it ends`() async throws
        {
            try await Lab.served(.tcp("toa")) { lab, group, _ in
                let script = """
                    import os, signal, socket, sys
                    rights = open("/proc/self/status").read()
                    bounding = int(rights.split("CapBnd:")[1].split()[0], 16)
                    effective = int(rights.split("CapEff:")[1].split()[0], 16)
                    lost = 1 << 12 | 1 << 21 | 1 << 38 | 1 << 39
                    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(42))
                    s = socket.create_server(("10.0.1.2", 8080))
                    while True:
                        c, a = s.accept()
                        c.recv(4096)
                        c.sendall(f"{a[0]} {a[1]} {bounding & lost} {effective & lost}\\n".encode())
                        c.close()
                    """
                let words = [
                    Program.realIP, "run", "--name", lab.name, "--cgroup", group.path, "--from",
                    "10.0.1.200",
                    "--", "python3", "-c", script,
                ]
                let command = Receiver.command(in: lab, words)
                let result = try await Subprocess.run(
                    .name(command[0]),
                    arguments: Arguments(Array(command.dropFirst())),
                    input: .none,
                    output: .string(limit: 4096),
                    error: .string(limit: 65536)
                ) { process in
                    try await eventually("the program answers its client") {
                        try await lab.ask("get", "10.0.0.100", 80, 1) == "1"
                    }
                    let page = try await lab.curl("http://10.0.0.100/", "--http0.9")
                    #expect(page.output.hasPrefix("10.0.0.10 "), "\(page.errors)")
                    #expect(page.output.hasSuffix(" 0 0\n"), "\(page.output)")
                    try process.send(signal: .userDefinedOne)
                }
                #expect(result.terminationStatus.number == 42, "\(result.standardError)")
            }
        }

        /// Words behind "attach", unless a verb stands first, and what the complaint has.
        @Test(arguments: [
            (
                "attach --cgroup /nowhere --from 10.0.1.200", 1,
                "/nowhere: No such file or directory"
            ),
            ("attach --cgroup /etc --from 10.0.1.200", 1, "/etc is no control group of version 2"),
            (
                "attach --cgroup /sys --cgroup /sys/fs --from 10.0.1.200", 1,
                "/sys/fs is within /sys"
            ),
            ("attach --unit no --from 10.0.1.200", 1, "is called no.service: does it run?"),
            ("attach --pod no --from 10.0.1.200", 1, "is called podno: does it run?"),
            ("attach --process 4194999 --from 10.0.1.200", 1, "there is no process 4194999"),
            (
                "attach --cgroup / --from 10.0.1.200 --interface eth9", 1,
                "Error: there is no interface eth9\n"
            ),
            (
                "attach --cgroup / --from 10.0.1.200 --interface lo", 1,
                "lo is no Ethernet interface"
            ),
            (
                "attach --cgroup / --from 10.0.1.200 --pins /etc/x", 1,
                "/etc/x is in no BPF file system"
            ),
            ("attach --cgroup / --from-file /nowhere", 1, "/nowhere: No such file or directory"),
            ("attach --cgroup /", 2, "whom to believe is needed"),
            ("attach --from 10.0.1.200", 2, "whom to serve is needed"),
            ("attach --cgroup / --from 10.0.1.200/33", 2, "neither an address nor a network"),
            ("attach --cgroup / --from 10.0.1.200 --flows 0", 2, "--flows takes 1 to 4194304"),
            ("attach --cgroup / --from 10.0.1.200 --idle 0", 2, "--idle takes 1 to 86400"),
            ("attach --cgroup / --from 10.0.1.200 --metrics :9", 2, "ADDRESS:PORT is needed"),
            ("attach --cgroup / --from 10.0.1.200 --name a/b", 2, "'a/b' is no name"),
            ("run --from 10.0.1.200", 2, "a program is needed"),
            ("run --from 10.0.1.200 --cgroup /etc/x -- true", 1, "/etc/x is no control group"),
            ("detach eth9", 1, "there is no interface eth9"),
            ("status --name nobody", 3, "no receiver named 'nobody' runs"),
        ])
        func `what cannot be is said in a sentence`(
            line: String,
            status: Int32,
            complaint: String
        ) async throws {
            let words = line.split(separator: " ").map(String.init)
            let outcome = try await Program.run([Program.realIP] + words)
            #expect(outcome.status == status)
            #expect(outcome.errors.contains(complaint), "\(outcome.errors)")
        }

        @Test(.enabled(if: Program.path(of: "setpriv") != nil))
        func `who may not is told what is missing`() async throws {
            let words = [Program.realIP, "attach", "--from", "10.0.1.200", "--cgroup"]
            let group = try #require(ControlGroup.root)
            let few = try await Program.run(
                ["setpriv", "--bounding-set=-all,+net_admin"] + words + [group]
            )
            #expect(few.status == 1)
            #expect(few.errors.contains("give the process CAP_BPF and CAP_NET_ADMIN"))
            let nobody = try await Program.run(
                ["setpriv", "--reuid", "65534", "--clear-groups"] + words + [group]
            )
            #expect(nobody.status == 1)
            #expect(nobody.errors.contains("may be entered by its owner only"), "\(nobody.errors)")
        }

        @Test func `check says what is missing for whom has fewer rights`() async throws {
            let few = try await Program.run([
                "setpriv", "--bounding-set=-all,+net_admin", Program.realIP, "check",
            ])
            #expect(few.status == 1)
            #expect(few.output.contains("give the process CAP_BPF and CAP_NET_ADMIN"))
            let enough = try await Program.run([
                "setpriv", "--bounding-set=-all,+net_admin,+bpf", Program.realIP, "check",
            ])
            #expect(enough.status == 0, "\(enough.output)")
            #expect(enough.output.contains("give the process CAP_PERFMON, too"))
        }
    }
}
