// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Model

struct ConfigWaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until a running dpvs uses a configuration.",
        discussion: """
            A dpvs that cannot be asked is waited for as well. Exits 1 when the files of that digest \
            were rejected or time is up, 3 when nobody answers by then.
            """
    )

    @Option(help: "The digest of its files: dpvs check --digest. Its first 12 digits do.")
    var digest: String?

    @Option(help: "Its generation, or a later one.")
    var generation: UInt64?

    @Option(help: "Seconds to wait at most.")
    var timeout = 120

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    /// Between two questions.
    private static let interval = Duration.milliseconds(200)

    func validate() throws {
        guard (digest == nil) != (generation == nil) else {
            throw ValidationError("one of --digest and --generation is needed")
        }
        if let digest, ConfigurationGoal(digest: digest) == nil {
            let digits = "\(ConfigurationGoal.fewestDigits) to 64 hexadecimal digits"
            throw ValidationError("'\(digest)' is not a digest; accepted: \(digits)")
        }
        guard timeout >= 0 else {
            throw ValidationError("'\(timeout)' is not a time; accepted: seconds, 0 or more")
        }
    }

    func run() async throws {
        let goal = digest.flatMap(ConfigurationGoal.init(digest:)) ?? .generation(generation ?? 0)
        let deadline = ContinuousClock.now + .seconds(timeout)
        while true {
            let isLast = ContinuousClock.now >= deadline
            if let status = try await status(orThrow: isLast) {
                let progress = goal.progress(status)
                if isLast || progress != .waiting { return try end(status, progress) }
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// nil when nobody answers, unless it `isLast` that is asked.
    private func status(orThrow isLast: Bool) async throws -> ConfigStatus? {
        do throws(ControlError) {
            return try await instance.client.get("/v1/config/status")
        } catch {
            guard error.exitCode == .unreachable, !isLast else { throw error }
            return nil
        }
    }

    private func end(_ status: ConfigStatus, _ progress: ConfigurationGoal.Progress) throws {
        try output.write(status, \.text)
        switch progress {
        case .reached: return
        case .rejected: CommandExit.complain("Error: these files have errors and do not run\n")
        case .waiting: CommandExit.complain("Error: after \(timeout) s something else runs\n")
        }
        try ExitStatus.problem.end()
    }
}
