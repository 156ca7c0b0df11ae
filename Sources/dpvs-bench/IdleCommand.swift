// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Benchmarking

struct IdleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract: "Measure how long a frame waits at an idle worker, with and without back-off."
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
        print(Self.row(["back-off", "median", "99 %", "longest"]) + "   microseconds")
        for backsOff in [true, false] {
            let delay: IdleDelay
            do {
                delay = try IdleDelay.measure(frames: frames, backsOff: backsOff, conditions)
            } catch {
                throw ValidationError("\(error)")
            }
            let figures = [delay.median, delay.percentile99, delay.longest]
            print(Self.row([backsOff ? "on" : "off"] + figures.map { MeasurementText.text($0, 1) }))
        }
    }

    private static func row(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }.joined()
    }
}
