// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Benchmarking
import Linux

struct MeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Measure runs (the default), or work with results of earlier ones."
    )

    @Flag(help: "Print an array of objects instead of a table.")
    var json = false

    @Flag(help: "Print comma-separated values instead of a table.")
    var csv = false

    @Option(help: "Write a plot of cycles against flows, an SVG file.")
    var plot: String?

    @Option(help: "Take the results from a file that --json wrote instead of measuring.")
    var from: String?

    @Option(
        parsing: .upToNextOption,
        help: "Compare two files that --json wrote; exit status 1 when a run got slower."
    )
    var compare: [String] = []

    @Option(help: "How much slower a run may be, in percent.")
    var tolerance = 10.0

    @Flag(help: "Make connection tables of several sizes and print what they take.")
    var memory = false

    @Flag(help: "Print the names of the runs and run none.")
    var list = false

    @Option(help: "Repetitions of each run; the median counts.")
    var repetitions = 5

    @Option(help: "Packets of a repetition.")
    var packets = 4_000_000

    @Option(help: "The CPU to run on. (default: the last usable)")
    var cpu: Int?

    @Argument(help: "Names of runs, or parts of names; all when there are none.")
    var names: [String] = []

    func validate() throws {
        guard repetitions > 0, packets > 0 else {
            throw ValidationError("repetitions and packets count from 1")
        }
        guard compare.isEmpty || compare.count == 2 else {
            throw ValidationError("--compare takes two files")
        }
        guard tolerance >= 0 else { throw ValidationError("the tolerance is at least 0") }
        guard !(json && csv) else { throw ValidationError("either --json or --csv") }
        for name in names where !Run.all.contains(where: { $0.name.contains(name) }) {
            let known = Run.all.map(\.name).joined(separator: ", ")
            throw ValidationError("no run is called '\(name)'; there are \(known)")
        }
    }

    func run() throws {
        if list {
            for run in Run.named(names) { print(run.name) }
        } else if memory {
            printMemory()
        } else if !compare.isEmpty {
            try printComparison()
        } else {
            try printResults()
        }
    }

    // MARK: - Results

    private func printResults() throws {
        let isTable = !json && !csv
        let results: [Measurement]
        if let from {
            let chosen = Set(Run.named(names).map(\.name))
            results = try Bench.read(from).filter { names.isEmpty || chosen.contains($0.name) }
            if isTable { print(MeasurementText.header) }
            if isTable { for result in results { print(MeasurementText.row(of: result)) } }
        } else {
            let conditions = try conditions()
            if isTable { print(MeasurementText.header) }
            results = try measure(conditions) {
                if isTable { print(MeasurementText.row(of: $0)) }
            }
        }
        if json { print(try MeasurementText.json(results)) }
        if csv { print(MeasurementText.csv(results), terminator: "") }
        guard let plot else { return }
        guard let drawing = Plot(results) else {
            throw ValidationError("nothing to plot: no run has a number of flows")
        }
        try Bench.write(drawing.svg, to: plot)
    }

    private func conditions() throws -> Conditions {
        try Bench.conditions(cpu: cpu, repetitions: repetitions, packets: packets)
    }

    /// Runs that do not fit this machine are left out with a word; none at all is a failure.
    private func measure(
        _ conditions: Conditions,
        _ report: (Measurement) -> Void
    ) throws -> [Measurement] {
        var results: [Measurement] = []
        for run in Run.named(names) {
            do {
                let result = try run.measure(conditions)
                results.append(result)
                report(result)
            } catch {
                Bench.complain("left out \(error)")
            }
        }
        guard !results.isEmpty else { throw ExitCode.failure }
        return results
    }

    private func printComparison() throws {
        let comparison = Comparison(
            from: try Bench.read(compare[0]),
            to: try Bench.read(compare[1]),
            tolerance: tolerance
        )
        guard !comparison.rows.isEmpty else {
            throw ValidationError("\(compare[0]) and \(compare[1]) have no run in common")
        }
        print(comparison.text)
        if comparison.hasRegression { throw ExitCode.failure }
    }

    private func printMemory() {
        print(MeasurementText.row(["connections", "octets", "table", "resident", ""]))
        for capacity in [1 << 14, 1 << 20, 10_000_000, 1 << 24] {
            guard Memory.estimate(capacity: capacity) < Memory.available ?? .max,
                let table = Memory.table(capacity: capacity)
            else {
                Bench.complain("left out \(capacity) connections: not enough memory")
                continue
            }
            print(
                MeasurementText.row([
                    String(capacity),
                    MeasurementText.text(table.bytesPerConnection, 1),
                    Memory.text(table.computed),
                    Memory.text(table.resident),
                    "",
                ])
            )
        }
    }
}
