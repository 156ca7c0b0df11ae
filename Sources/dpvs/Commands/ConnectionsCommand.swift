// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control
import Foundation
import NIOCore

struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "List, count and end the connections of a running dpvs.",
        discussion: """
            Workers go on with their packets meanwhile, so each connection is shown as it was at a \
            moment of its own.
            """,
        subcommands: [List.self, Count.self, End.self],
        defaultSubcommand: Count.self
    )

    /// Which connections are meant.
    struct Filter: ParsableArguments {
        @OptionGroup var services: ServiceOptions

        @Option(help: "The backend: ADDRESS or ADDRESS:PORT.")
        var backend: String?

        @Option(help: "Clients: ADDRESS, NETWORK/LENGTH or ADDRESS:PORT.")
        var client: String?

        @Option(help: "What clients ask: ADDRESS, NETWORK/LENGTH or ADDRESS:PORT.")
        var virtual: String?

        @Option(name: .customLong("proto"), help: "tcp, udp, sctp or icmp.")
        var transportProtocol: String?

        @Option(help: "The state, such as established or syn_recv. May be repeated.")
        var state: [String] = []

        func query(_ path: String) -> QueryText {
            var query = QueryText(path)
            services.append(to: &query)
            for name in state { query.append("state", name) }
            let others = [
                ("backend", backend), ("client", client), ("virtual", virtual),
                ("protocol", transportProtocol),
            ]
            for case (let name, let value?) in others { query.append(name, value) }
            return query
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List connections.")

        @OptionGroup var filter: Filter
        @Option(help: "List so many at most.")
        var limit: Int?
        @Option(help: "Go on where a list with a limit ended: what its JSON has as next.")
        var after: String?
        @Flag(help: "Print comma-separated values.")
        var csv = false
        @OptionGroup var instance: InstanceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var query = filter.query("/v1/connections")
            if let limit { query.append("limit", "\(limit)") }
            if let after { query.append("after", after) }
            let format = output.json ? "application/json" : "text/csv"
            var lines = ConnectionLines(isCSV: csv)
            // However long the reader of a million takes.
            try await instance.client.pieces(of: query.text, accept: format, isEndless: true) {
                let octets = Data($0.readableBytesView)
                try StandardOutput.write(output.json ? octets : lines.text(of: octets))
                return true
            }
        }
    }

    struct Count: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Count connections.")

        @OptionGroup var filter: Filter
        @Option(help: "By what: state, service, backend or client.")
        var by = ConnectionGrouping.state
        @Option(help: "Show so many groups at most, the largest. (default: 1000)")
        var limit: Int?
        @OptionGroup var instance: InstanceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var query = filter.query("/v1/connections/count")
            query.append("by", by.rawValue)
            if let limit { query.append("limit", "\(limit)") }
            try output.write(
                try await instance.client.get(query.text, as: ConnectionCounts.self),
                \.text
            )
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End connections, and tell both ends of those of TCP."
        )

        @OptionGroup var filter: Filter
        @Flag(help: "End all connections.")
        var all = false
        @OptionGroup var instance: InstanceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var query = filter.query("/v1/connections")
            if all { query.append("all", "on") }
            let ended: EndedConnections = try await instance.client.delete(query.text)
            try output.write(ended) { "\($0.ended) connections ended\n" }
        }
    }
}

extension ConnectionGrouping: ExpressibleByArgument {}
