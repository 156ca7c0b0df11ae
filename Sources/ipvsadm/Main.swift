// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import IPVS
import NIOCore

@main
enum Main {
    static func main() async {
        // Each thread of the network library takes three descriptors; one is enough for one question.
        NIOSingletons.groupLoopCountSuggestion = 1
        do {
            let request = try Request(words)
            let answer = try await Session(request, try client(request)).run(input: standardInput)
            complain(request.remarks + answer.remarks)
            try FileHandle.standardOutput.write(contentsOf: Data(answer.text.utf8))
            exit(answer.status.rawValue)
        } catch let error as Complaint {
            complain([error.description] + (error.status == .usage ? [HelpText.hint] : []))
            exit(error.status.rawValue)
        } catch let error as ControlError {
            complain([error.description])
            exit(error.exitCode.rawValue)
        } catch {
            complain(["the answer cannot be written: \((error as NSError).localizedDescription)"])
            exit(ExitStatus.problem.rawValue)
        }
    }

    /// `ipvsadm-save` and `ipvsadm-restore` are links to the same program.
    private static var words: [String] {
        let words = Array(CommandLine.arguments.dropFirst())
        let name = CommandLine.arguments.first?.split(separator: "/").last ?? ""
        if name.hasSuffix("-save") { return ["-S"] + words }
        if name.hasSuffix("-restore") { return ["-R"] + words }
        return words
    }

    private static func client(_ request: Request) throws -> ControlClient {
        let socket = SocketPath.chosen(
            instance: request.instance,
            socket: request.socket,
            environment: ProcessInfo.processInfo.environment
        )
        guard let socket else {
            throw Complaint("there is no instance of that name; it is a word without slashes")
        }
        return ControlClient(socket: socket)
    }

    private static func standardInput() -> String {
        String(decoding: (try? FileHandle.standardInput.readToEnd()) ?? Data(), as: UTF8.self)
    }

    private static func complain(_ sentences: [String]) {
        let text = sentences.map { $0 + "\n" }.joined()
        // Where nobody listens there is nobody to be told.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
