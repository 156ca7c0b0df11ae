// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Model

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show and change which configuration a running dpvs uses.",
        subcommands: [
            ConfigStatusCommand.self, ConfigHistoryCommand.self, ConfigDriftCommand.self,
            ConfigRevertCommand.self, ConfigExportCommand.self, ConfigReloadCommand.self,
            ConfigRollbackCommand.self, ConfigWaitCommand.self,
        ]
    )
}

struct ConfigStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the generation that runs, its files and the last reload.",
        discussion: "Exits 1 when the last reload was not applied."
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try await instance.client.get("/v1/config/status", as: ConfigStatus.self)
        try output.write(status, \.text)
        let isGood = status.lastReload?.isSuccess ?? true
        try (isGood ? ExitStatus.success : .problem).end()
    }
}

struct ConfigHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List the generations that rollback can return to."
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let history = try await instance.client.get("/v1/config/history", as: [HistoryEntry].self)
        try output.write(history, \.text)
    }
}

struct ConfigDriftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract: "Show where what runs differs from what the files say.",
        discussion: "Exits 1 when something differs."
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let drift = try await instance.client.get("/v1/config/drift", as: [DriftEntry].self)
        try output.write(drift, \.text)
        try (drift.isEmpty ? ExitStatus.success : .problem).end()
    }
}

struct ConfigRevertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert",
        abstract: "Drop edits, so that what the files say counts again.",
        discussion: """
            Without --all, names the objects: by what `dpvs config drift` calls them, or services by \
            their names.
            """
    )

    @Argument(help: "Objects whose edits are dropped.")
    var objects: [String] = []
    @Flag(help: "Drop all edits.")
    var all = false
    @Flag(help: "Say only what would change.")
    var dryRun = false
    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard objects.isEmpty == all else {
            throw ValidationError("name the objects to revert, or --all")
        }
    }

    func run() async throws {
        let report = try await instance.client.revert(all ? nil : objects, isDryRun: dryRun)
        try output.write(report, \.text)
        try (report.isSuccess ? ExitStatus.success : .problem).end()
    }
}

struct ConfigExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print what edits made, as YAML to be put into a service file.",
        discussion: "Keys of QUIC-LB are not shown: (secret) stands in their place."
    )

    @Flag(help: "Print all objects that run, not only those that edits made or changed.")
    var all = false
    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let path = "/v1/config/export" + (all ? "?all=on" : "")
        try StandardOutput.write(try await instance.client.text(path))
    }
}

struct ConfigReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Read the files and apply them now.",
        discussion: "Exits 1 when they were not applied; then everything runs on as before."
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = try await instance.client.reload()
        try output.write(report, \.text)
        try (report.isSuccess ? ExitStatus.success : .problem).end()
    }
}

struct ConfigRollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Apply a generation of the history again.",
        discussion: "The files stay as they are; the next reload reads them again."
    )

    @Argument(help: "The generation to return to.")
    var generation: UInt64
    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = try await instance.client.rollback(to: generation)
        try output.write(report, \.text)
        try (report.isSuccess ? ExitStatus.success : .problem).end()
    }
}
