// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigurationFiles
import Control
import Foundation
import Linux
import Model

struct EditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Change objects of a running dpvs, without touching files.",
        discussion: """
            Fields are those of service files, and values are YAML:

              dpvs edit set service name=web scheduler=wlc rateLimit.packets=1000
              dpvs edit add backend service=web address=10.0.1.3 port=8080 weight=5
              dpvs edit set backend service=web address=10.0.1.2 weight=0
              dpvs edit remove service name=web

            KEY= without a value brings the default back. --file applies a batch of edits as one \
            change, all or none.

            An edit of what a file has counts until that file says something new about the same \
            field: see `dpvs config drift`, `revert` and `export`. Exits 1 when nothing was applied.
            """
    )

    @Argument(help: "add (it is not there), set (it is there), put (either) or remove.")
    var verb: String?

    @Argument(help: "service, backend, interface, address, route, neighbour, set or deny.")
    var kind: String?

    @Argument(help: "KEY=VALUE: which object, and what it is to be.")
    var fields: [String] = []

    @Option(help: "Apply the edits of a file in place of one; - is standard input.")
    var file: String?

    @Flag(help: "Say only what would change.")
    var dryRun = false

    @Option(help: "Do nothing unless this generation runs.")
    var generation: UInt64?

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard file == nil else {
            if verb != nil { throw ValidationError("--file takes the place of an edit") }
            return
        }
        guard let verb, let kind else { throw ValidationError("name a verb and a kind, or --file") }
        do throws(EditBatch.WordError) {
            _ = try EditBatch.text(verb: verb, kind: kind, fields: fields)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() async throws {
        var request = EditRequest(batch: try batch(), generation: generation, isDryRun: dryRun)
        if let file { request.name = file == "-" ? "standard input" : file }
        var report = try await instance.client.edit(request)
        if file == nil { report.problems = report.problems.map(inWords) }
        try output.write(report, \.text)
        try (report.isSuccess ? ExitStatus.success : .problem).end()
    }

    /// A problem of words on a command line, which have no place in a file.
    private func inWords(_ problem: Problem) -> Problem {
        guard problem.location?.hasPrefix(EditRequest.defaultName + ":") == true else {
            return problem
        }
        var problem = problem
        problem.location = nil
        let path = "edits[0].\(verb ?? "")."
        if problem.message.hasPrefix(path) { problem.message.removeFirst(path.count) }
        return problem
    }

    private func batch() throws -> [UInt8] {
        guard let file else {
            return Array(
                try EditBatch.text(verb: verb ?? "", kind: kind ?? "", fields: fields).utf8
            )
        }
        if file == "-" { return Array(try FileHandle.standardInput.readToEnd() ?? Data()) }
        do throws(LinuxError) {
            return try Files.read(file, limit: EditRequest.largestBatch)
        } catch {
            CommandExit.complain("Error: \(file): \(error.reason)\n")
            throw ExitCode(ExitStatus.problem.rawValue)
        }
    }
}
