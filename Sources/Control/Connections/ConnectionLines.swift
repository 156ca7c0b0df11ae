// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// Makes columns for people of comma-separated connections, while they come.
package struct ConnectionLines {
    /// Whether they stay as they are.
    private let isCSV: Bool
    private var rest = Data()

    /// By the columns of `ConnectionReading.columns`; longer values push the others to the right.
    private static let widths = [6, 8, 14, 6, 21, 21, 21, 21, 0, 7]

    package init(isCSV: Bool) { self.isCSV = isCSV }

    package mutating func text(of octets: Data) -> Data {
        if isCSV { return octets }
        rest += octets
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return Data() }
        let lines = String(decoding: rest[...end], as: UTF8.self)
        rest = Data(rest[rest.index(after: end)...])
        return Data(lines.split(whereSeparator: \.isNewline).map(Self.columns).joined().utf8)
    }

    private static func columns(_ line: Substring) -> String {
        // A match of a service has commas, and stands in quotes.
        let quoted = line.split(separator: "\"", omittingEmptySubsequences: false)
        var cells = quoted[0].split(separator: ",", omittingEmptySubsequences: false)
            .map(String.init)
        if quoted.count == 3 {
            cells[cells.count - 1] = String(quoted[1])
            cells += quoted[2].dropFirst().split(separator: ",").map(String.init)
        }
        guard cells.count == widths.count else { return line + "\n" }
        // The service stands last: it is as long as it likes.
        let service = cells.remove(at: 8)
        let padded = zip(cells, widths.filter { $0 > 0 })
            .map { cell, width in
                cell.count < width ? cell + String(repeating: " ", count: width - cell.count) : cell
            }
        return padded.joined(separator: " ") + " " + service + "\n"
    }
}

extension ConnectionCounts {
    package var text: String {
        let width = max(5, groups.map(\.name.count).max() ?? 0)
        func line(_ name: String, _ count: Int) -> String {
            name + String(repeating: " ", count: width - name.count) + "  \(count)\n"
        }
        return groups.map { line($0.name, $0.connections) }.joined()
            + (omitted > 0 ? "... and \(omitted) more\n" : "") + line("total", total)
    }
}
