// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// Measures what a packet costs, in cycles, on memory ports with one worker.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dpvs-bench",
        abstract: "Cycles per packet on memory ports, beside a bare loop in the same run."
    )

    @Flag(help: "Print an array of objects instead of a table.")
    var json = false

    @Flag(help: "Print the names of the runs and run none.")
    var list = false

    @Option(help: "Repetitions of each run; the median counts.")
    var repetitions = 5

    @Option(help: "Packets of a repetition.")
    var packets = 4_000_000

    @Argument(help: "Names of runs, or parts of names; all when there are none.")
    var names: [String] = []

    func validate() throws {
        guard repetitions > 0, packets > 0 else {
            throw ValidationError("repetitions and packets count from 1")
        }
        for name in names where !Run.all.contains(where: { $0.name.contains(name) }) {
            let known = Run.all.map(\.name).joined(separator: ", ")
            throw ValidationError("no run is called '\(name)'; there are \(known)")
        }
    }

    /// A run whose whole name is given counts alone: "fnat-udp-1" is a part of others, too.
    private var runs: [Run] {
        guard !names.isEmpty else { return Run.all }
        return Run.all.filter { run in
            names.contains { name in
                Run.all.contains { $0.name == name } ? run.name == name : run.name.contains(name)
            }
        }
    }

    func run() throws {
        if list {
            for run in runs { print(run.name) }
            return
        }
        var results: [Measurement] = []
        if !json { print(Self.row("run", "cycles", "bare", "ratio", "spread", "per connection")) }
        for run in runs {
            guard let result = run.measure(repetitions: repetitions, packets: packets) else {
                throw ValidationError("not enough memory for \(run.name)")
            }
            results.append(result)
            if !json { print(Self.row(of: result)) }
        }
        guard json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(results), as: UTF8.self))
    }

    private static func row(of result: Measurement) -> String {
        func text(_ value: Double, _ digits: Int = 0) -> String {
            value.formatted(.number.precision(.fractionLength(digits)).grouping(.never))
        }
        return row(
            result.name,
            text(result.cyclesPerPacket),
            text(result.bareCyclesPerPacket),
            text(result.cyclesPerPacket / result.bareCyclesPerPacket, 2),
            text(result.spread, 2),
            result.cyclesPerConnection.map { text($0) + " cycles" }
                ?? text(result.bytesPerConnection) + " octets"
        ) + (result.drops.isEmpty ? "" : "  drops: \(result.drops)")
    }

    private static func row(_ columns: String...) -> String {
        columns.enumerated()
            .map { index, text in
                let padding = String(
                    repeating: " ",
                    count: max(0, (index == 0 ? 16 : 9) - text.count)
                )
                return index == 0 || index == columns.count - 1 ? text + padding : padding + text
            }
            .joined(separator: "  ")
    }
}
