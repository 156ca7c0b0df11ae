// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Benchmarking

struct IdleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract:
            "Measure how long a frame waits at a worker that sleeps until a signal, naps, or polls."
    )

    @Option(help: "Frames, sent one by one.")
    var frames = 2000

    @Option(help: "The CPU of the worker. (default: the last usable)")
    var cpu: Int?

    func validate() throws {
        guard frames > 0 else { throw ValidationError("frames count from 1") }
    }

    func run() throws {
        let conditions = try Bench.conditions(cpu: cpu)
        print(Self.row(["worker", "median", "99 %", "longest"]) + "   microseconds")
        for way in IdleDelay.Way.allCases {
            let delay: IdleDelay
            do {
                delay = try IdleDelay.measure(frames: frames, way: way, conditions)
            } catch {
                throw ValidationError("\(error)")
            }
            let figures = [delay.median, delay.percentile99, delay.longest]
            print(Self.row([way.name] + figures.map { MeasurementText.text($0, 1) }))
        }
    }

    private static func row(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }.joined()
    }
}
