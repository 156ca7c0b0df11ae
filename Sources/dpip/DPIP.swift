// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import NIOCore
import NetworkCommands

/// `dpip` of DPVS, as a client of the control socket.
@main
enum DPIP {
    static func main() async {
        // Each thread of the network library takes three descriptors; one thread is enough.
        NIOSingletons.groupLoopCountSuggestion = 1
        do {
            try await run(Array(CommandLine.arguments.dropFirst()))
            exit(ExitStatus.success.rawValue)
        } catch {
            for line in "\(error)".split(separator: "\n", omittingEmptySubsequences: false) {
                complain(String(line))
            }
            let help = (error as? CommandFailure)?.help ?? ""
            try? FileHandle.standardError.write(contentsOf: Data(help.utf8))
            // The old program ended with 1 for whatever was wrong.
            let isUnreachable = (error as? ControlError)?.exitCode == .unreachable
            exit((isUnreachable ? ExitStatus.unreachable : .problem).rawValue)
        }
    }

    private static func run(_ arguments: [String]) async throws {
        let invocation = try Invocation(arguments)
        let options = invocation.options
        guard invocation.command != .version else {
            try write("dpip of dpvs \(ProgramVersion.number)\n")
            return
        }
        let socket = SocketPath.chosen(
            instance: options.instance,
            socket: options.socket,
            environment: ProcessInfo.processInfo.environment
        )
        guard let socket else {
            throw UsageError(
                "'\(options.instance ?? "DPVS_INSTANCE")' is not the name of an instance"
            )
        }
        let session = Session(
            client: ControlClient(socket: socket),
            options: options,
            write: write,
            note: complain
        )
        try await session.run(invocation.command)
    }

    @Sendable private static func write(_ text: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }

    @Sendable private static func complain(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data("dpip: \(line)\n".utf8))
    }
}
