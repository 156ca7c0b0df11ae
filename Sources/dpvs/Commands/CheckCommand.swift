// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigurationFiles
import Control
import Linux
import Model
import Reload

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read configuration files and say everything that is wrong with them.",
        discussion: """
            With FILES, those and no others are read: dpvs.conf by any name, service files that end \
            with .yaml or .yml, directories of service files, and directories as /etc/dpvs is one, \
            with dpvs.conf and services.d in it. Without, what --conf and --services name.

            No running dpvs is asked. Ends with 1 when there are errors.
            """
    )

    @Argument(help: ArgumentHelp("Files and directories to check.", valueName: "files"))
    var paths: [String] = []

    @Flag(name: .customLong("digest"), help: "Print the digest of good files, and nothing else.")
    var printsDigest = false

    @OptionGroup var files: FileOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !paths.isEmpty else { return }
        if printsDigest || files.services != nil {
            let option = printsDigest ? "--digest" : "--services"
            throw ValidationError("\(option) does not go together with files")
        }
        if confPaths.count > 1 {
            let names = confPaths.joined(separator: ", ")
            throw ValidationError(
                "one dpvs.conf at a time: \(names); service files end with .yaml or .yml"
            )
        }
    }

    func run() async throws {
        let loaded = FileSource(try loader()).load()
        let report = CheckReport(
            files: loaded.files.keys.sorted(),
            digest: loaded.digest,
            problems: loaded.problems
        )
        if printsDigest, !report.hasErrors {
            try StandardOutput.write(report.digest + "\n")
        } else if printsDigest {
            CommandExit.complain(report.text)
        } else {
            try output.write(report, \.text)
        }
        try (report.hasErrors ? ExitStatus.problem : .success).end()
    }

    // MARK: - Which files

    private static func isService(_ path: String) -> Bool {
        path.hasSuffix(".yaml") || path.hasSuffix(".yml")
    }

    /// Files among the arguments that are no service files, and what --conf names.
    private var confPaths: [String] {
        (files.conf.map { [$0] } ?? [])
            + paths.compactMap { path in
                if Self.isService(path) { return nil }
                return Files.isDirectory(path) ? Self.conf(in: path) : path
            }
    }

    /// The configuration of a directory that has one.
    private static func conf(in directory: String) -> String? {
        let names = (try? Files.list(directory)) ?? []
        return names.contains("dpvs.conf") ? "\(directory)/dpvs.conf" : nil
    }

    private func loader() throws -> ConfigurationLoader {
        guard !paths.isEmpty else { return files.loader }
        var services: [String] = []
        for path in paths {
            if Files.isDirectory(path) {
                let hasConf = Self.conf(in: path) != nil
                let directory = hasConf ? "\(path)/services.d" : path
                let listed =
                    try hasConf && !Files.isDirectory(directory) ? [] : Files.list(directory)
                let names = listed.filter { Self.isService($0) && !$0.hasPrefix(".") }
                guard hasConf || !names.isEmpty else {
                    throw ValidationError("\(path) has neither dpvs.conf nor service files in it")
                }
                services += names.map { "\(directory)/\($0)" }
            } else if Self.isService(path) {
                services.append(path)
            }
        }
        var loader = ConfigurationLoader(conf: confPaths.first ?? "", services: .files(services))
        loader.allowsMissingConf = confPaths.isEmpty
        return loader
    }
}
