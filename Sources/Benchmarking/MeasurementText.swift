// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Measurements as people and programs read them.
package enum MeasurementText {
    // MARK: - A table

    package static let header = row(
        ["run", "cycles", "bare", "ratio", "spread", "ns", "Mpps", ""]
    )

    package static func row(of result: Measurement) -> String {
        row([
            result.name,
            text(result.cyclesPerPacket),
            text(result.bareCyclesPerPacket),
            text(result.cyclesPerPacket / result.bareCyclesPerPacket, 2),
            text(result.spread, 2),
            result.nanosecondsPerPacket.map { text($0, 1) } ?? "",
            result.megapacketsPerSecond.map { text($0, 1) } ?? "",
            remark(on: result),
        ])
    }

    /// What is worth saying about this kind of run.
    private static func remark(on result: Measurement) -> String {
        var remarks: [String] = []
        if let cycles = result.cyclesPerConnection {
            remarks.append("\(text(cycles)) cycles a connection")
        }
        if let cycles = result.cyclesPerRedirectedPacket, let direct = result.directCyclesPerPacket
        {
            remarks.append("redirected \(text(cycles)), direct \(text(direct))")
        }
        if let packets = result.packetsPerMegacycle {
            remarks.append("\(text(packets)) packets a megacycle")
        }
        if remarks.isEmpty, let bytes = result.bytesPerConnection {
            remarks.append("\(text(bytes)) octets a connection")
        }
        if let drops = result.drops, !drops.isEmpty {
            let reasons = drops.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            remarks.append("DROPS: \(reasons.joined(separator: ", "))")
        }
        return remarks.joined(separator: "; ")
    }

    /// Columns of numbers are right-aligned; the first and the last are words.
    package static func row(_ columns: [String], first: Int = 14) -> String {
        let cells = columns.enumerated()
            .map { index, text in
                if index == columns.count - 1 { return text }
                let width = index == 0 ? first : 7
                let padding = String(repeating: " ", count: max(0, width - text.count))
                return index == 0 ? text + padding : padding + text
            }
        let line = cells.joined(separator: "  ")
        return String(line.reversed().drop { $0 == " " }.reversed())
    }

    package static func text(_ value: Double, _ digits: Int = 0) -> String {
        value.formatted(.number.precision(.fractionLength(digits)).grouping(.never))
    }

    // MARK: - CSV (RFC 4180, with line feeds)

    package static func csv(_ results: [Measurement]) -> String {
        let header =
            "name,family,flows,cycles_per_packet,bare_cycles_per_packet,ratio,fastest,slowest,"
            + "nanoseconds_per_packet,mpps,cycles_per_connection,bytes_per_connection,drops\n"
        return header + results.map { cells(of: $0).joined(separator: ",") + "\n" }.joined()
    }

    private static func cells(of result: Measurement) -> [String] {
        func number(_ value: Double?, _ digits: Int) -> String {
            value.map { text($0, digits) } ?? ""
        }
        let ratio = result.cyclesPerPacket / result.bareCyclesPerPacket
        let drops = (result.drops ?? [:]).values.reduce(0, +)
        var cells = [result.name, result.family ?? "", result.flows.map(String.init) ?? ""]
        cells += [number(result.cyclesPerPacket, 1), number(result.bareCyclesPerPacket, 1)]
        cells += [number(ratio, 2), number(result.fastest, 1), number(result.slowest, 1)]
        cells += [number(result.nanosecondsPerPacket, 2), number(result.megapacketsPerSecond, 2)]
        cells += [number(result.cyclesPerConnection, 0), number(result.bytesPerConnection, 1)]
        return cells + [String(drops)]
    }

    // MARK: - JSON

    package static func json(_ results: [Measurement]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(results), as: UTF8.self)
    }

    package static func parse(json bytes: [UInt8]) throws -> [Measurement] {
        try JSONDecoder().decode([Measurement].self, from: Data(bytes))
    }
}
