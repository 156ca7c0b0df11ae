// SPDX-License-Identifier: Apache-2.0
import Control

/// Titles and numbers in columns of one width, as scripts read them.
enum Columns {
    /// Two lines: titles and values.
    static func text(
        _ columns: [(title: String, value: String)],
        width: Int,
        colour: Bool = false
    ) -> String {
        let titles = columns.map { pad($0.title, width) }.joined()
        let values = columns.map { column in
            let text = pad(column.value, width)
            // Green, where something moved.
            return colour && column.value != "0" ? "\u{1B}[32m\(text)\u{1B}[0m" : text
        }
        return "    \(titles)\n    \(values.joined())\n"
    }

    /// At least one blank stays between two columns.
    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}

extension LinkStatus.Counters {
    /// Width of columns of counters and of rates.
    static let widths = (counters: 20, rates: 16)

    /// What `dpip link show -s` prints of an interface.
    var columns: String {
        let width = Self.widths.counters
        return Columns.text(
            [
                ("ipackets", "\(receivedPackets)"), ("opackets", "\(transmittedPackets)"),
                ("ibytes", "\(receivedBytes)"), ("obytes", "\(transmittedBytes)"),
            ],
            width: width
        )
            + Columns.text(
                [
                    ("ierrors", "\(receiveErrors)"), ("oerrors", "\(transmitErrors)"),
                    ("imissed", "\(missed)"), ("rx_nombuf", "\(withoutBuffer)"),
                ],
                width: width
            )
    }

    /// The same a second, since `earlier`.
    func rates(since earlier: LinkStatus.Counters, seconds: Double, isColoured: Bool) -> String {
        func rate(_ path: KeyPath<LinkStatus.Counters, UInt64>) -> String {
            Rate.text(earlier[keyPath: path], self[keyPath: path], seconds)
        }
        let width = Self.widths.rates
        return Columns.text(
            [
                ("ipackets/pps", rate(\.receivedPackets)),
                ("opackets/pps", rate(\.transmittedPackets)),
                ("ibytes/Bps", rate(\.receivedBytes)), ("obytes/Bps", rate(\.transmittedBytes)),
            ],
            width: width,
            colour: isColoured
        )
            + Columns.text(
                [
                    ("ierrors/pps", rate(\.receiveErrors)), ("oerrors/pps", rate(\.transmitErrors)),
                    ("imissed/pps", rate(\.missed)), ("rx_nombuf/pps", rate(\.withoutBuffer)),
                ],
                width: width,
                colour: isColoured
            )
    }
}

extension LcoreStatus.Counters {
    /// What `dpip link show cpu -s` prints of a worker.
    var columns: String {
        let width = LinkStatus.Counters.widths.counters
        return Columns.text(
            [
                ("lcore_loop", "\(turns)"), ("pktburst", "\(turns)"), ("zpktburst", "\(idleTurns)"),
                ("dropped", "\(droppedPackets)"),
            ],
            width: width
        )
            + Columns.text(
                [
                    ("ipackets", "\(receivedPackets)"), ("opackets", "\(transmittedPackets)"),
                    ("redirected_in", "\(redirectedIn)"), ("redirected_out", "\(redirectedOut)"),
                ],
                width: width
            )
    }

    func rates(since earlier: LcoreStatus.Counters, seconds: Double, isColoured: Bool) -> String {
        func rate(_ path: KeyPath<LcoreStatus.Counters, UInt64>) -> String {
            Rate.text(earlier[keyPath: path], self[keyPath: path], seconds)
        }
        let width = LinkStatus.Counters.widths.counters
        return Columns.text(
            [
                ("lcore_loop/s", rate(\.turns)), ("pktburst/s", rate(\.turns)),
                ("zpktburst/s", rate(\.idleTurns)), ("dropped/pps", rate(\.droppedPackets)),
            ],
            width: width,
            colour: isColoured
        )
            + Columns.text(
                [
                    ("ipackets/pps", rate(\.receivedPackets)),
                    ("opackets/pps", rate(\.transmittedPackets)),
                    ("redirected_in/pps", rate(\.redirectedIn)),
                    ("redirected_out/pps", rate(\.redirectedOut)),
                ],
                width: width,
                colour: isColoured
            )
    }
}

enum Rate {
    /// How much a counter grew a second; one that is smaller than before was begun anew.
    static func text(_ before: UInt64, _ after: UInt64, _ seconds: Double) -> String {
        let grown = after >= before ? after - before : after
        return String(UInt64((Double(grown) / max(seconds, 0.001)).rounded()))
    }
}
