// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Foundation
import NIOCore

/// Runs a command line to its end, with the exit codes of `ExitStatus`.
enum CommandExit {
    /// The body of `main`: parses, runs, prints errors on standard error and ends the process.
    static func run<Root: AsyncParsableCommand>(_ root: Root.Type) async -> Never {
        // Each thread of the network library takes three descriptors; two threads are enough.
        NIOSingletons.groupLoopCountSuggestion = 2
        do {
            var command = try root.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            exit(ExitStatus.success.rawValue)
        } catch let error as OutputError {
            complain("Error: \(error)\n")
            exit(ExitStatus.problem.rawValue)
        } catch let error as ControlError {
            complain("Error: \(error)\n")
            exit(error.exitCode.rawValue)
        } catch {
            let code = root.exitCode(for: error)
            let message = root.fullMessage(for: error)
            if code == .success {
                print(message)
            } else if !message.isEmpty {
                complain(message + "\n")
            }
            exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
        }
    }

    static func complain(_ text: String) {
        // Where nobody listens there is nobody to be told.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

extension ExitStatus {
    /// Ends the command after everything was printed; success goes on.
    func end() throws {
        if self != .success { throw ExitCode(rawValue) }
    }
}
