// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Benchmarking
import Dispatch

struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control",
        abstract:
            "Measure what changes of the configuration cost, from the file to the idle worker.",
        discussion: """
            Files are written to a directory of their own and removed at the end. Times are \
            milliseconds of all threads on CPUs and, in brackets, on the clock. Editing is one \
            weight in one file, and changing is one weight in the running state.
            """
    )

    @Option(parsing: .upToNextOption, help: "Numbers of services, one row each.")
    var services = [10_000]

    @Option(help: "Backends of each service.")
    var backends = 10

    @Option(help: "Files that hold the services.")
    var files = 100

    @Option(help: "Edits of each kind; the median counts.")
    var repetitions = 20

    @Option(help: "An empty or missing directory to write the files in.")
    var directory = "/tmp/dpvs-bench-control"

    func validate() throws {
        guard services.allSatisfy({ (1...65_000).contains($0) }) else {
            throw ValidationError("services count from 1 to 65000")
        }
        guard (1...50).contains(backends), (1...10_000).contains(files), repetitions > 0 else {
            throw ValidationError(
                "there are 1 to 50 backends, 1 to 10000 files and at least one repetition"
            )
        }
    }

    /// Ends the process when all is measured: reloads are tasks, while the packet path is measured on
    /// the main thread of a program that has none (and valgrind bears no other).
    func run() throws {
        let (services, backends, files) = (services, backends, files)
        let (repetitions, directory) = (repetitions, directory)
        Task {
            do {
                try await Self.measure(services, backends, files, repetitions, directory)
                Self.exit()
            } catch {
                Self.exit(withError: error)
            }
        }
        dispatchMain()
    }

    private static func measure(
        _ services: [Int],
        _ backends: Int,
        _ files: Int,
        _ repetitions: Int,
        _ directory: String
    ) async throws {
        let titles = [
            "services", "files", "MB", "check", "start", "edit", "change", "resident", "a reload",
            "scrape", "MB", "gzip", "MB", "memory",
        ]
        print(row(titles))
        for count in services {
            let cost: ControlCost
            do {
                cost = try await ControlCost.measure(
                    services: count,
                    backends: backends,
                    files: min(files, count),
                    repetitions: repetitions,
                    in: directory
                )
            } catch {
                throw ValidationError("\(error)")
            }
            print(row(of: cost))
        }
    }

    private static func row(of cost: ControlCost) -> String {
        let spans = [cost.check, cost.start, cost.edit, cost.change].map(text)
        return row(
            ["\(cost.services)", "\(cost.files)", megabytes(cost.octets)] + spans
                + [Memory.text(cost.resident), "\(cost.growth >> 10) KiB", text(cost.scrape)]
                + [megabytes(cost.scrapeOctets), text(cost.compressedScrape)]
                + [megabytes(cost.compressedOctets), Memory.text(cost.scrapeMemory)]
        )
    }

    private static func text(_ span: ControlCost.Span) -> String {
        MeasurementText.text(span.processor, 1) + " (" + MeasurementText.text(span.clock, 1) + ")"
    }

    private static func megabytes(_ octets: Int) -> String {
        MeasurementText.text(Double(octets) / 1e6, 1)
    }

    private static func row(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(1, 17 - $0.count)) + $0 }.joined()
    }
}
