// SPDX-License-Identifier: Apache-2.0
import Foundation
import Subprocess
import Testing

/// A running `dpvs-realip` in the backends' namespace, and the control group that it serves.
struct Receiver: Sendable {
    let lab: Lab
    let name: String
    let group: ControlGroup
    let process: Int32
    let logPath: String

    /// Whether it has ended, and nobody has asked yet how.
    var isDead: Bool {
        let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.split(separator: " ").first == "Z"
    }

    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// The numbers that it counted, by their names in `status --json`.
    func counters() async throws -> [String: UInt64] {
        try await statusField("counters", as: [String: UInt64].self)
    }

    func believed() async throws -> [String] {
        try await statusField("believed", as: [String].self)
    }

    private func statusField<Field>(_ key: String, as type: Field.Type) async throws -> Field {
        let text = try await Program.demand(
            [Program.realIP, "status", "--name", name, "--json"]
        )
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        return try #require(object?[key] as? Field, "\(text)")
    }

    func metrics() async throws -> Scrape {
        Scrape(try await Program.demand([Program.realIP, "metrics", "--name", name]))
    }

    /// Words of a command line in the namespace, which keep sight of the control groups: `ip netns exec` would
    /// hide them.
    static func command(in lab: Lab, _ words: [String]) -> [String] {
        ["taskset", "ffffffff", "nsenter", "--net=/run/netns/\(lab.name)-backends"] + words
    }

    /// Why the tests cannot run here; nil: they can.
    static let refusal: String? = {
        let check = Process()
        check.executableURL = URL(filePath: Program.realIP)
        check.arguments = ["check"]
        check.standardOutput = FileHandle.nullDevice
        check.standardError = FileHandle.nullDevice
        guard (try? check.run()) != nil else { return "there is no \(Program.realIP)" }
        check.waitUntilExit()
        if check.terminationStatus != 0 {
            return "this kernel cannot do it for this user: see dpvs-realip check"
        }
        return ControlGroup.root == nil ? "control groups cannot be made here" : nil
    }()
}

extension Program {
    static let realIP = URL(filePath: dpvs).deletingLastPathComponent().path + "/dpvs-realip"
    static let realIPServers = "\(repository)/Tests/SystemTests/realip.py"
}

/// A control group of a test's own.
struct ControlGroup: Sendable {
    let path: String

    /// Where groups can be made; nil: nowhere.
    static let root: String? = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .first { FileManager.default.isWritableFile(atPath: "\($0)/cgroup.procs") }

    /// Makes a group around `body`; whoever is in it afterwards is ended.
    static func run(
        _ name: String,
        _ body: (ControlGroup) async throws -> Void
    ) async throws {
        let group = ControlGroup(path: "\(try #require(root))/\(name)")
        try FileManager.default
            .createDirectory(atPath: group.path, withIntermediateDirectories: false)
        do {
            try await body(group)
        } catch {
            try? await group.remove()
            throw error
        }
        try await group.remove()
    }

    private func remove() async throws {
        for process in processes { kill(process, SIGKILL) }
        try await eventually("the group \(path) is empty") { processes.isEmpty }
        try await eventually("the group \(path) is gone") { unsafe rmdir(path) == 0 }
    }

    private var processes: [Int32] {
        let text = (try? String(contentsOfFile: "\(path)/cgroup.procs", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { Int32($0) }
    }

    /// The command line that runs `words` in the group.
    func command(_ words: [String]) -> [String] {
        ["sh", "-c", #"ulimit -n 8192; echo $$ >"$0/cgroup.procs"; exec "$@""#, path] + words
    }
}

extension Lab {
    /// Runs `dpvs-realip attach` for `group` while `body` works with it.
    func receive(
        for group: ControlGroup,
        _ words: [String],
        name: String? = nil,
        pins: String = "none",
        launcher: [String] = [],
        _ body: (Receiver) async throws -> Void
    ) async throws {
        let receiver = name ?? "\(self.name)\(words.hashValue & 0xFFF)"
        let log = "\(directory)/\(receiver).log"
        let own = ["attach", "--name", receiver, "--cgroup", group.path, "--pins", pins] + words
        let command = Receiver.command(in: self, launcher + [Program.realIP] + own)
        _ = try await Subprocess.run(
            .name("sh"),
            arguments: Arguments(["-c", #"exec "$@" >"$0" 2>&1"#, log] + command),
            input: .none,
            output: .discarded,
            error: .discarded
        ) { process in
            let running = Receiver(
                lab: self,
                name: receiver,
                group: group,
                process: process.processIdentifier.value,
                logPath: log
            )
            do {
                try await eventually("the receiver answers") {
                    try await Program.run([Program.realIP, "status", "--name", receiver]).status
                        == 0
                }
                try await body(running)
                try? process.send(signal: .terminate)
                try await eventually("the receiver has ended") {
                    kill(running.process, 0) != 0 || running.isDead
                }
            } catch {
                print("\(receiver) said:\n\(running.log)")
                throw error
            }
        }
    }

    /// Runs a server of realip.py in a group while `body` works with it.
    func serve(
        in group: ControlGroup,
        _ kind: String,
        _ address: String,
        _ port: Int,
        _ more: String...,
        body: () async throws -> Void
    ) async throws {
        let server = ["python3", Program.realIPServers, kind, address, "\(port)"] + more
        try await serve(in: group, server, body: body)
    }

    /// The same of any program.
    func serve(
        in group: ControlGroup,
        _ words: [String],
        body: () async throws -> Void
    ) async throws {
        let command = group.command(command(in: .backends, words))
        _ = try await Subprocess.run(
            .name(command[0]),
            arguments: Arguments(Array(command.dropFirst())),
            input: .none,
            output: .discarded,
            error: .discarded
        ) { server in
            // They are quick to listen, and clients come at once.
            try await Task.sleep(for: .milliseconds(700))
            try await body()
            try? server.send(signal: .terminate)
        }
    }

    /// Expects `count` answers of so many questions to be right: see `ask`.
    func expect(
        _ count: String,
        _ kind: String,
        _ address: String,
        _ port: Int,
        _ more: Int...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let told = try await answer(kind, address, port, more)
        #expect(told == count, sourceLocation: sourceLocation)
    }

    /// What a client of realip.py prints.
    func ask(_ kind: String, _ address: String, _ port: Int, _ more: Int...) async throws -> String
    {
        try await answer(kind, address, port, more)
    }

    private func answer(
        _ kind: String,
        _ address: String,
        _ port: Int,
        _ more: [Int]
    ) async throws -> String {
        let words = ["python3", Program.realIPServers, kind, address, "\(port)"]
        let numbers = more.map(String.init)
        let outcome = try await Program.run(
            command(in: .client, words + numbers),
            timeout: .seconds(90)
        )
        try #require(outcome.status == 0, "\(outcome.errors)")
        return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
