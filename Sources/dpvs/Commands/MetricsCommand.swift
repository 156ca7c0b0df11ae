// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import NIOCore

struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print what Prometheus would scrape."
    )

    @OptionGroup var services: ServiceOptions

    @Flag(help: "Without the metrics of each backend.")
    var noBackends = false

    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        var query = QueryText("/metrics")
        services.append(to: &query)
        if noBackends { query.append("backends", "off") }
        try await instance.client.pieces(of: query.text) { piece in
            try StandardOutput.write(piece.readableBytesView)
            return true
        }
    }
}
