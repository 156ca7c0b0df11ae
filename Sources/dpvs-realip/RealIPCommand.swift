// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Foundation
import NIOCore
import RealIP

@main
struct RealIPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dpvs-realip",
        abstract: "Tells unmodified programs on a backend the client's address, by eBPF.",
        discussion: "doc/client-address.md has the whole.",
        subcommands: [
            AttachCommand.self, RunCommand.self, StatusCommand.self, CheckCommand.self,
            MetricsCommand.self, DetachCommand.self, EnterCommand.self,
        ]
    )

    static func main() async {
        // Each thread of the network library takes three descriptors; two threads are enough.
        NIOSingletons.groupLoopCountSuggestion = 2
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error)
        }
    }

    /// With the exit codes of `dpvs`: 1 a problem, 2 the command line, 3 nobody answers.
    private static func end(with error: any Error) -> Never {
        let code = exitCode(for: error)
        let isOurs = !(error is ExitCode) && code == .failure
        let message = isOurs ? "Error: \(error)" : fullMessage(for: error)
        if code == .success {
            print(message)
        } else if !message.isEmpty {
            try? FileHandle.standardError.write(contentsOf: Data((message + "\n").utf8))
        }
        if let error = error as? ControlError { Foundation.exit(error.exitCode.rawValue) }
        Foundation.exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
    }
}
