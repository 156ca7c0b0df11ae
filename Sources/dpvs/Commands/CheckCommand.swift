// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Model
import Reload

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read configuration files and say everything that is wrong with them.",
        discussion: "No running dpvs is asked. Ends with 1 when there are errors."
    )

    @Flag(name: .customLong("digest"), help: "Print the digest of good files, and nothing else.")
    var printsDigest = false

    @OptionGroup var files: FileOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let loaded = FileSource(files.loader).load()
        let report = CheckReport(
            files: loaded.files.keys.sorted(),
            digest: loaded.digest,
            problems: loaded.problems
        )
        if printsDigest, !report.hasErrors {
            print(report.digest)
        } else if printsDigest {
            CommandExit.complain(report.text)
        } else {
            try output.write(report, \.text)
        }
        try (report.hasErrors ? ExitStatus.problem : .success).end()
    }
}
