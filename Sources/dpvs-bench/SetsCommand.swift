// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Benchmarking

struct SetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sets",
        abstract: "Measure what a lookup in a set of networks costs.",
        discussion: """
            Networks are random, /24 of IPv4 and /48 of IPv6, and half of the addresses that are looked \
            up are in one of them. Cycles are per lookup, milliseconds from the entries to the memory \
            that workers read.
            """
    )

    @Option(parsing: .upToNextOption, help: "Numbers of networks, two rows each.")
    var entries = [10, 1_000, 100_000, 1_000_000]

    @Option(help: "The CPU to run on. (default: the last usable one)")
    var cpu: Int?

    func validate() throws {
        guard entries.allSatisfy({ (1...16_000_000).contains($0) }) else {
            throw ValidationError("entries count from 1 to 16000000")
        }
    }

    func run() throws {
        _ = try Bench.conditions(cpu: cpu)
        print(row(["family", "entries", "cycles", "octets an entry", "build ms", "found"]))
        for count in entries {
            for isIPv6 in [false, true] {
                let cost = SetCost.measure(entries: count, isIPv6: isIPv6)
                print(
                    row([
                        isIPv6 ? "IPv6" : "IPv4", "\(count)", MeasurementText.text(cost.cycles, 1),
                        MeasurementText.text(cost.memory, 1),
                        MeasurementText.text(cost.milliseconds, 2),
                        MeasurementText.text(cost.found, 2),
                    ])
                )
            }
        }
    }

    private func row(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(1, 16 - $0.count)) + $0 }.joined()
    }
}
