// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Control

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the workers, ports, services and drops of a running dpvs.",
        discussion: """
            Lists the first \(usualLimit) services and counts all; with --json it lists all. With \
            --problems it exits 1 when some service has one.
            """
    )

    /// Services that fit on a few pages of a terminal.
    private static let usualLimit = 20

    @OptionGroup var services: ServiceOptions

    @Flag(help: "Only services that have a problem, and their backends that do not serve.")
    var problems = false

    @Option(help: "List so many services. (default: \(usualLimit); with --json all)")
    var limit: Int?

    @Option(help: "Pass over so many services first.")
    var skip = 0

    @Flag(help: "List all services.")
    var all = false

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard skip >= 0, (limit ?? 0) >= 0 else {
            throw ValidationError("services are counted from 0")
        }
        guard !all || limit == nil else { throw ValidationError("--all and --limit differ") }
    }

    func run() async throws {
        var query = QueryText("/v1/status")
        services.append(to: &query)
        if problems { query.append("problems", "on") }
        if skip > 0 { query.append("skip", "\(skip)") }
        if let limit = limit ?? (all || output.json ? nil : Self.usualLimit) {
            query.append("limit", "\(limit)")
        }
        let status = try await instance.client.get(query.text, as: Status.self)
        try output.write(status, \.text)
        let isBad = problems && status.serviceTotals.problems > 0
        try (isBad ? ExitStatus.problem : .success).end()
    }
}
