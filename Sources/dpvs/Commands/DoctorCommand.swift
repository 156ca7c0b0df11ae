// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Discovery
import Foundation
import Model
import Reload

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is here, what a start would use, and how to get what is missing.",
        discussion: """
            Nothing is started or changed. Ends with 1 when something is missing.

            With --live it asks a running instance whether packets get through: are all queues polled
            that devices fill, do replies reach their owners, do frames leave, are they whole? Ends
            with 1 when there is a fault, and as other commands do when nobody answers.
            """
    )

    @Flag(help: "Look at a running instance instead.")
    var live = false

    @Option(help: "For how long to look, in seconds; with --live.")
    var seconds = 1.0

    @OptionGroup var instance: InstanceOptions

    @OptionGroup var files: FileOptions
    @OptionGroup var output: OutputOptions

    @Option(help: .hidden)
    var root: String?

    func validate() throws {
        guard LiveReport.accepted.contains(seconds) else {
            throw ValidationError("--seconds takes 0.1 to 50")
        }
    }

    func run() async throws {
        if live { return try await look() }
        let environment = ProcessInfo.processInfo.environment
        let surroundings =
            root.map { Surroundings(root: $0, environment: environment) }
            ?? Surroundings(environment: environment)
        let loaded = FileSource(files.loader).load()
        let report = DoctorReport(
            loaded.state.settings,
            surroundings,
            problems: loaded.problems.filter { $0.severity == .error }.map(\.description)
        )
        try output.write(report, \.text)
        try (report.isGood ? ExitStatus.success : .problem).end()
    }

    private func look() async throws {
        let report = try await instance.client
            .get("/v1/doctor?seconds=\(seconds)", as: LiveReport.self)
        try output.write(report, \.text)
        try (report.isGood ? ExitStatus.success : .problem).end()
    }
}
