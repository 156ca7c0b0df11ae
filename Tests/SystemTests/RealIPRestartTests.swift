// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Testing

extension SystemTests {
    /// Receivers that end and are started again, and control groups that do.
    @Suite(
        .enabled(if: Receiver.refusal == nil, "dpvs-realip: \(Receiver.refusal ?? "")")
    ) struct RealIPRestartTests {
        private static let from = ["--from", "10.0.1.200", "--interface", "eth0"]

        /// What a client was told meanwhile, but for how often.
        private static func sayings(_ text: String) -> Set<Substring> {
            Set(text.split(separator: "\n").map { $0.drop { $0 != " " }.dropFirst() })
        }

        private static var services: (ServedService, ServedService) {
            var datagrams = ServedService.udp("uoa", port: 80)
            datagrams.backendPort = 8080
            return (ServedService.tcp("toa"), datagrams)
        }

        private static let allRight: Set<Substring> = ["held right", "flow right", "new right"]

        @Test func `killed and started anew, a receiver is missed by nobody`() async throws {
            try await Lab.served(Self.services.0, Self.services.1) { lab, group, _ in
                try await lab.withBPFFileSystem { pins in
                    try await lab.serve(in: group, "keep", "10.0.1.2", 8080) {
                        var seen: [String: UInt64] = [:]
                        try await lab.receive(for: group, Self.from, name: lab.name, pins: pins) {
                            receiver in
                            // Attached already, so that the flow is known.
                            let told = Task { try await lab.ask("hold", "10.0.0.100", 80, 4) }
                            try await Task.sleep(for: .seconds(1))
                            kill(receiver.process, SIGKILL)
                            try await Task.sleep(for: .seconds(1))
                            try await lab.receive(
                                for: group,
                                Self.from,
                                name: lab.name,
                                pins: pins
                            ) { next in
                                let text = try await told.value
                                #expect(Self.sayings(text) == Self.allRight, "\(text)")
                                seen = try await next.counters()
                            }
                        }
                        // Of all receivers, and of the second in which there was none.
                        #expect(seen["connectionsIPv4"] ?? 0 > 60, "\(seen)")
                        #expect(seen["datagramsOpp"] == 3)
                        // The last ended by SIGTERM, and what it set up goes on.
                        let left = try await lab.ask("hold", "10.0.0.100", 80, 1)
                        #expect(Self.sayings(left) == Self.allRight, "\(left)")
                        let detach = [
                            Program.realIP, "detach", "--name", lab.name, "--pins", pins, "eth0",
                        ]
                        let removed = try await Program.demand(Receiver.command(in: lab, detach))
                        #expect(removed == "\(pins)/\(lab.name): removed\neth0: removed\n")
                        #expect(!FileManager.default.fileExists(atPath: "\(pins)/\(lab.name)"))
                        let gone = try await lab.ask("hold", "10.0.0.100", 80, 1)
                        #expect(Self.sayings(gone).contains("new told '10.0.1.200"), "\(gone)")
                    }
                }
            }
        }

        /// Maps that are defined otherwise cannot be taken over; what can be is.
        @Test func `a receiver of another size begins with what fits`() async throws {
            try await Lab.served(Self.services.0, Self.services.1) { lab, group, _ in
                try await lab.withBPFFileSystem { pins in
                    try await lab.serve(in: group, "keep", "10.0.1.2", 8080) {
                        try await lab.receive(for: group, Self.from, name: lab.name, pins: pins) {
                            _ in
                        }
                        let told = Task { try await lab.ask("hold", "10.0.0.100", 80, 2) }
                        try await Task.sleep(for: .seconds(1))
                        let words = Self.from + ["--flows", "1000", "--at-end", "detach"]
                        try await lab.receive(for: group, words, name: lab.name, pins: pins) {
                            receiver in
                            let text = try await told.value
                            #expect(
                                Self.sayings(text)
                                    == Self.allRight.union(["flow told '10.0.1.200"]),
                                "\(text)"
                            )
                            #expect(receiver.log.contains("flows_in begins empty"))
                            #expect(!receiver.log.contains(": clients begins empty"))
                        }
                        #expect(!FileManager.default.fileExists(atPath: "\(pins)/\(lab.name)"))
                    }
                }
            }
        }

        @Test func `a control group or an interface that is made anew is served again`()
            async throws
        {
            try await Lab.served(.tcp("toa")) { lab, group, _ in
                let inner = ControlGroup(path: "\(group.path)/inner")
                try await ControlGroup.run("\(lab.name)/inner") { _ in
                    try await lab.ip(.backends, "link add extra type veth peer name extra1")
                    let words = Self.from + ["--interface", "extra"]
                    try await lab.receive(for: inner, words) { receiver in
                        try await lab.ip(.backends, "link delete extra")
                        try unsafe #require(rmdir(inner.path) == 0)
                        try await eventually("the losses are said") {
                            receiver.log.contains("\(inner.path) is gone")
                                && receiver.log.contains("there is no interface extra")
                        }
                        try unsafe #require(mkdir(inner.path, 0o755) == 0)
                        try await lab.ip(.backends, "link add extra type veth peer name extra1")
                        try await eventually("both are served again") {
                            receiver.log.contains("was made anew and is served again")
                                && receiver.log.contains("extra: it was made anew")
                        }
                        #expect(try await receiver.metrics().sum("dpvs_realip_problems") == 0)
                        try await lab.serve(in: inner, "tcp", "10.0.1.2", 8080) {
                            try await lab.expect("2", "get", "10.0.0.100", 80, 2)
                        }
                    }
                }
            }
        }

        /// One host with three containers, of which two are served.
        @Test func `one receiver serves two control groups, and a second is refused its interface`()
            async throws
        {
            var other = ServedService.udp("uoa", port: 54)
            other.backend = "10.0.1.3"
            var third = ServedService.udp("uoa", port: 55)
            third.backend = "10.0.1.4"
            try await Lab.served(.udp("uoa"), other, third) { lab, group, _ in
                try await ControlGroup.run("\(lab.name)b") { second in
                    try await ControlGroup.run("\(lab.name)c") { unserved in
                        let words = Self.from + ["--cgroup", second.path]
                        try await lab.receive(for: group, words) { receiver in
                            try await Self.askThree(lab, [group, second, unserved])
                            let refused = try await Program.run(
                                Receiver.command(
                                    in: lab,
                                    [Program.realIP, "attach", "--cgroup", unserved.path]
                                        + Self.from + ["--name", "\(lab.name)z"]
                                )
                            )
                            #expect(refused.status == 1)
                            #expect(
                                refused.errors.hasPrefix(
                                    "Error: eth0 is read by the receiver '\(receiver.name)'"
                                ),
                                "\(refused.errors)"
                            )
                            let detach = [Program.realIP, "detach", "eth0"]
                            let used = try await Program.run(Receiver.command(in: lab, detach))
                            #expect(used.status == 1)
                            #expect(used.errors.contains("runs still: end it first"))
                        }
                    }
                }
            }
        }

        /// The containers of a pod are groups below the pod's, and the arguments those of the example.
        @Test func `the example of a sidecar serves its pod's containers`() async throws {
            let file = URL(filePath: "\(Program.repository)/conf/realip-sidecar.yaml")
            let text = try String(contentsOf: file, encoding: .utf8)
            let uid = "0b1c2d3e-\(ProcessInfo.processInfo.processIdentifier)-4f5a"
            let words = text.split(separator: "\n").map { $0.drop { $0 == " " } }
                .filter { $0.hasPrefix("- attach") || $0.hasPrefix("- --") }
                .map {
                    String($0.dropFirst(2)).replacing("$(POD_UID)", with: uid)
                        .replacing("/host/cgroup", with: ControlGroup.root ?? "")
                }
            #expect(words.count == 6, "\(words)")
            let rights = text.firstMatch(of: /add: \[([A-Z_, ]+)\]/)
                .map { match in
                    match.1.split(separator: ", ").map { ",+\($0.lowercased())" }.joined()
                }
            try await Lab.served(.tcp("toa"), .udp("uoa")) { lab, _, _ in
                let slice = "\(lab.name)-pods.slice"
                let pod = "kubepods-besteffort-pod\(uid.replacing("-", with: "_")).slice"
                try await ControlGroup.run(slice) { _ in
                    try await ControlGroup.run("\(slice)/\(pod)") { _ in
                        try await ControlGroup.run("\(slice)/\(pod)/web") { web in
                            let name = ["--name", lab.name]
                            let command = Receiver.command(
                                in: lab,
                                ["setpriv", "--no-new-privs", "--bounding-set=-all\(rights ?? "")"]
                                    + [Program.realIP] + words + name
                            )
                            _ = try await Subprocess.run(
                                .name(command[0]),
                                arguments: Arguments(Array(command.dropFirst())),
                                input: .none,
                                output: .discarded,
                                error: .discarded
                            ) { process in
                                try await eventually("the sidecar answers") {
                                    try await Program.run([Program.realIP, "status"] + name).status
                                        == 0
                                }
                                try await lab.serve(in: web, "asyncio", "10.0.1.2", 8080) {
                                    try await lab.expect("5", "get", "10.0.0.100", 80, 5)
                                }
                                try await lab.serve(in: web, "udp", "10.0.1.2", 53) {
                                    try await lab.expect("8", "datagrams", "10.0.0.100", 53, 2, 4)
                                }
                                try process.send(signal: .terminate)
                            }
                        }
                    }
                }
            }
        }

        private static func askThree(_ lab: Lab, _ groups: [ControlGroup]) async throws {
            try await lab.serve(in: groups[0], "udp", "10.0.1.2", 53) {
                try await lab.serve(in: groups[1], "udp", "10.0.1.3", 54) {
                    try await lab.serve(in: groups[2], "udp", "10.0.1.4", 55) {
                        try await lab.expect("8", "datagrams", "10.0.0.100", 53, 2, 4)
                        try await lab.expect("8", "datagrams", "10.0.0.100", 54, 2, 4)
                        let told = try await lab.ask("datagrams", "10.0.0.100", 55, 1, 4)
                        #expect(told.hasPrefix("0 4x[told '10.0.1.200 "), "\(told)")
                    }
                }
            }
        }
    }
}

extension Lab {
    /// Mounts a BPF file system for pins around `body`.
    func withBPFFileSystem(_ body: (String) async throws -> Void) async throws {
        let path = "\(directory)/bpf"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: false
        )
        try await Program.demand(["mount", "-t", "bpf", "-o", "mode=0700", "bpf", path])
        do {
            try await body(path)
        } catch {
            _ = try? await Program.run(["umount", "-l", path])
            throw error
        }
        try await Program.demand(["umount", "-l", path])
    }
}
