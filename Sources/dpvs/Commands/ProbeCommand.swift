// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control

struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Ask a running dpvs whether it is alive or ready, for supervisors.",
        discussion: "Exits 1 when it is not, 3 when nobody answers."
    )

    enum Question: String, CaseIterable, ExpressibleByArgument {
        case live, ready
    }

    @Argument(help: "live: restart it when not. ready: send traffic only then.")
    var question = Question.ready

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = question == .live ? "/livez" : "/readyz"
        let probe = try await instance.client.probe(path)
        try output.write(probe, \.text)
        try (probe.isPassing ? ExitStatus.success : .problem).end()
    }
}
