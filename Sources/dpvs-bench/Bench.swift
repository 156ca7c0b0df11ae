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
        subcommands: [MeasureCommand.self, CaptureCommand.self],
        defaultSubcommand: MeasureCommand.self
    )

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
