// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Model
import Reload

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what applying the files to a running dpvs would change.",
        discussion: "Nothing is changed. Ends with 1 when the files have errors."
    )

    @OptionGroup var files: FileOptions
    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let loaded = FileSource(files.loader).load()
        // What the kernel has is no matter of files.
        let running = try await instance.client.get("/v1/config/running", as: DesiredState.self)
            .withoutKernel
        var report = PlanReport(changes: [], restartRequired: [], problems: loaded.problems)
        if !loaded.hasErrors {
            let edits = try await instance.client.get(
                "/v1/config/runtime",
                as: RuntimeLayer.self
            )
            let composition = edits.laid(over: loaded.state)
            report.problems += composition.overruled.map { Problem(.warning, $0) }
            var target = composition.state
            report.restartRequired = running.settings.restartRequired(toBecome: target.settings)
            target.settings = running.settings.takingLive(from: target.settings)
            report.changes = running.changes(to: target).map(\.description)
        }
        try output.write(report, \.text)
        try (report.hasErrors ? ExitStatus.problem : .success).end()
    }
}
