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
        discussion: "Nothing is started or changed. Ends with 1 when something is missing."
    )

    @OptionGroup var files: FileOptions
    @OptionGroup var output: OutputOptions

    @Option(help: .hidden)
    var root: String?

    func run() async throws {
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
}
