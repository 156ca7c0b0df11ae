// SPDX-License-Identifier: Apache-2.0
import Model

/// Rows of text in aligned columns, for terminals.
package struct TextTable {
    package enum Alignment: Sendable {
        case left, right
    }

    package struct Column: Sendable {
        package var title: String
        package var alignment: Alignment

        package static func left(_ title: String) -> Column {
            Column(title: title, alignment: .left)
        }
        package static func right(_ title: String) -> Column {
            Column(title: title, alignment: .right)
        }
    }

    /// Characters in a line of every command's output.
    package static let lineWidth = 100
    private static let gap = "  "
    private static let narrowest = 8

    private let columns: [Column]
    private var rows: [[String]] = []

    package init(_ columns: Column...) {
        self.columns = columns
    }

    package var isEmpty: Bool { rows.isEmpty }

    /// `cells` has one text for each column.
    package mutating func append(_ cells: String...) {
        precondition(cells.count == columns.count, "one cell for each column")
        rows.append(cells.map(\.printable))
    }

    /// The title line and the rows; cells of the widest columns are cut where a line would be
    /// longer than `width`.
    package func text(width: Int = lineWidth) -> String {
        let widths = widths(within: width)
        let lines = [columns.map(\.title)] + rows
        return lines.map { line($0, widths) + "\n" }.joined()
    }

    private func widths(within limit: Int) -> [Int] {
        var widths = columns.indices.map { index in
            rows.reduce(columns[index].title.count) { max($0, $1[index].count) }
        }
        let gaps = Self.gap.count * (columns.count - 1)
        while widths.reduce(gaps, +) > limit, let widest = widths.max(), widest > Self.narrowest,
            let index = widths.firstIndex(of: widest)
        {
            widths[index] -= 1
        }
        return widths
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let text = cell.count > widths[index] ? cell.prefix(widths[index] - 1) + "…" : cell[...]
            let padding = String(repeating: " ", count: widths[index] - text.count)
            if index > 0 { line += Self.gap }
            line += columns[index].alignment == .left ? text + padding : padding + text
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}
