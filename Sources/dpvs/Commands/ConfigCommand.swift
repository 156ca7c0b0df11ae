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
            ConfigReloadCommand.self, ConfigRollbackCommand.self, ConfigWaitCommand.self,
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
