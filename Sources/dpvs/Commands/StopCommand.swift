// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "End a running dpvs, and wait until it has ended.",
        discussion: """
            drain: refuse new connections and wait for the others, up to drain_timeout.
            warm: at once; the process that starts next goes on with the connections.
            now: at once; connections are lost.
            """
    )

    @OptionGroup var instance: InstanceOptions

    @Option(help: "drain, warm or now. (default: warm with warm_restart on, else drain)")
    var mode: StopMode?

    func run() async throws {
        let client = instance.client
        try await client.stop(mode)
        while await client.isListening() { try await Task.sleep(for: .milliseconds(20)) }
    }
}

extension StopMode: ExpressibleByArgument {}
