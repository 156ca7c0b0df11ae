// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the workers, ports, services and drops of a running dpvs."
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try await instance.client.get("/v1/status", as: Status.self)
        try output.write(status, \.text)
    }
}
