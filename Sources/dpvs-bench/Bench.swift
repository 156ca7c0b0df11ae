// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Benchmarking
import Linux

import struct Foundation.Data
import class Foundation.FileHandle

/// Measures what a packet costs, in cycles, on memory ports.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dpvs-bench",
        abstract: "Cycles per packet on memory ports, beside a bare loop in the same run.",
        subcommands: [
            MeasureCommand.self, AllocationsCommand.self, IdleCommand.self, CaptureCommand.self,
            ControlCommand.self, SetsCommand.self,
        ],
        defaultSubcommand: MeasureCommand.self
    )

    /// `cpu` is the CPU to run on, nil for the last usable; the others follow, from the last.
    static func conditions(
        cpu: Int?,
        repetitions: Int = 1,
        packets: Int = 1
    ) throws -> Conditions {
        let usable = Host.usableCPUs()
        guard let first = cpu ?? usable.last, usable.contains(first) else {
            let known = usable.map(String.init).joined(separator: ", ")
            throw ValidationError("this process may run on CPUs \(known) only")
        }
        let cpus = [first] + usable.reversed().filter { $0 != first }
        do {
            return try Conditions(repetitions: repetitions, packets: packets, cpus: cpus)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    static func read(_ path: String) throws -> [Measurement] {
        let bytes: [UInt8]
        do {
            bytes = try Files.read(path, limit: 64 << 20)
        } catch {
            throw ValidationError("\(error)")
        }
        do {
            return try MeasurementText.parse(json: bytes)
        } catch {
            throw ValidationError("\(path) is not what dpvs-bench --json prints")
        }
    }

    static func write(_ text: String, to path: String) throws {
        do {
            try Files.write(Array(text.utf8), to: path)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    static func complain(_ text: String) {
        FileHandle.standardError.write(Data("dpvs-bench: \(text)\n".utf8))
    }
}
