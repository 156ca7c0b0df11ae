// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Subprocess
import Testing

/// A running `dpvs`, its files and its socket.
struct Balancer: Sendable {
    let lab: Lab
    let instance: String
    let home: Lab.Place
    let confPath: String
    let servicesPath: String
    let launcher: [String]
    let options: [String]
    var pid: pid_t = 0

    init(_ setup: Setup, in lab: Lab) {
        self.lab = lab
        instance = "\(lab.name)\(setup.instance)"
        home = setup.home
        let directory = "\(lab.directory)/\(setup.instance)"
        confPath = setup.place?.conf ?? "\(directory)/dpvs.conf"
        servicesPath = setup.place?.services ?? "\(directory)/services.d"
        launcher = setup.launcher
        options = setup.options
    }

    var runDirectory: String { "/run/dpvs/\(instance)" }
    var client: ControlClient { ControlClient(socket: "\(runDirectory)/control.sock") }

    /// The command line that starts it.
    var commandLine: [String] {
        let words = ["--conf", confPath, "--services", servicesPath, "--instance", instance]
        return lab.command(in: home, launcher + [Program.dpvs] + words + options)
    }

    // MARK: - Files

    /// Writes a file the way editors do: beside it, then by rename.
    func save(_ text: String, to name: String = "services.d/web.yaml") throws {
        let folder = URL(filePath: confPath).deletingLastPathComponent()
        try Data(text.utf8).write(to: folder.appending(path: name), options: .atomic)
    }

    /// Saves a service file and returns what came of the reload.
    func apply(_ services: ServiceFile) async throws -> ReloadReport {
        try await reportAfter { try save(services.yaml) }
    }

    /// The report of the reload that `action` brings about.
    func reportAfter(_ action: () async throws -> Void) async throws -> ReloadReport {
        let before = try await configuration().reports
        try await action()
        try await eventually("there is another report") {
            try await configuration().reports > before
        }
        return try #require(try await configuration().lastReload)
    }

    // MARK: - Questions

    func status() async throws -> Status { try await client.get("/v1/status") }

    func configuration() async throws -> ConfigStatus { try await client.get("/v1/config/status") }

    func scrape() async throws -> Scrape { Scrape(try await client.text("/metrics")) }

    /// Runs `dpvs WORDS --instance ...`.
    func command(_ words: String...) async throws -> Program.Outcome {
        try await Program.run([Program.dpvs] + words + ["--instance", instance])
    }

    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    var logPath: String { "\(lab.directory)/\(instance).log" }

    // MARK: - Life

    func send(_ signal: Int32) { kill(pid, signal) }

    /// Whether the process has not ended; its first thread may be a zombie before others are.
    var isRunning: Bool {
        let facts = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        guard let fields = facts.split(separator: ")").last?.split(separator: " "),
            let state = fields.first
        else { return false }
        // proc(5): the state is field 3, the number of threads field 20.
        return state != "Z" || fields[17] != "1"
    }
}

extension Lab {
    /// How a `dpvs` has ended.
    struct Ending: Sendable {
        var status: Int32
        var log: String
        var runDirectory: String
    }

    /// A lab with a running `dpvs` around `body`.
    static func balance(
        _ setup: Setup = Setup(),
        _ body: (Lab, Balancer) async throws -> Void
    ) async throws {
        try await run { lab in
            try await lab.balance(setup) { try await body(lab, $0) }
        }
    }

    /// Runs `dpvs` while `body` works with it; SIGTERM follows when it has not ended by then.
    @discardableResult
    func balance(
        _ setup: Setup = Setup(),
        _ body: (Balancer) async throws -> Void
    ) async throws -> Ending {
        var balancer = Balancer(setup, in: self)
        if setup.place == nil { try prepare(balancer, setup) }
        defer { balancer.removeTraces() }
        let words = balancer.commandLine
        let variables = setup.environment.map { "\($0)=\($1)" }
        let result = try await Subprocess.run(
            .name("sh"),
            // Standard error is a file, so that it can be read while it grows.
            arguments: Arguments(
                ["-c", #"exec env "$@" >"$0" 2>&1"#, balancer.logPath] + variables + words
            ),
            input: .none,
            output: .discarded,
            error: .discarded
        ) { process in
            balancer.pid = process.processIdentifier.value
            do {
                try await balancer.becomesReady()
                try await body(balancer)
                if balancer.isRunning { balancer.send(SIGTERM) }
                try await eventually("dpvs has ended") { !balancer.isRunning }
            } catch {
                print("\(balancer.instance) said:\n\(balancer.log)")
                throw error
            }
        }
        return Ending(
            status: result.terminationStatus.number,
            log: balancer.log,
            runDirectory: balancer.runDirectory
        )
    }

    /// Runs a `dpvs` that cannot start, to its end.
    func refuse(_ setup: Setup) async throws -> Program.Outcome {
        let balancer = Balancer(setup, in: self)
        try prepare(balancer, setup)
        defer { balancer.removeTracesOfDPDK() }
        return try await Program.run(balancer.commandLine)
    }

    private func prepare(_ balancer: Balancer, _ setup: Setup) throws {
        try FileManager.default
            .createDirectory(atPath: balancer.servicesPath, withIntermediateDirectories: true)
        try balancer.save(setup.conf, to: "dpvs.conf")
        try balancer.save(setup.services.yaml)
        for (path, text) in setup.files {
            let place = URL(filePath: balancer.confPath).deletingLastPathComponent()
                .appending(path: path)
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try balancer.save(text, to: path)
        }
    }
}

extension Balancer {
    fileprivate func becomesReady() async throws {
        try await eventually("dpvs is ready", within: .seconds(30)) {
            guard isRunning else { throw Timeout(description: "dpvs has ended") }
            return (try? await client.text("/readyz")) != nil
        }
    }

    /// What a killed dpvs leaves.
    fileprivate func removeTraces() {
        try? FileManager.default.removeItem(atPath: runDirectory)
        removeTracesOfDPDK()
    }

    /// DPDK makes a directory and never removes it.
    fileprivate func removeTracesOfDPDK() {
        try? FileManager.default.removeItem(atPath: "/var/run/dpdk/dpvs-\(instance)")
    }
}
