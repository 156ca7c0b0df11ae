// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Benchmarking

struct AllocationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocations",
        abstract: "Count how often packets ask for memory; exit status 1 when they do."
    )

    @Option(help: "Packets of each run.")
    var packets = 1_000_000

    @Argument(help: "Names of runs, or parts of names; all when there are none.")
    var names: [String] = []

    func validate() throws {
        guard packets > 0 else { throw ValidationError("packets count from 1") }
    }

    func run() throws {
        var isClean = true
        for run in Run.named(names) where run.canCountAllocations {
            let count: UInt64
            do {
                count = try run.allocations(packets: packets)
            } catch {
                throw ValidationError("\(error)")
            }
            print("\(run.name): \(count) allocations in \(packets) packets")
            if count > 0 { isClean = false }
        }
        guard isClean else { throw ExitCode.failure }
    }
}
