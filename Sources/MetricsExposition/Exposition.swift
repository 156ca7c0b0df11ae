// SPDX-License-Identifier: Apache-2.0

/// The text of a scrape as far as it is written and not taken.
struct Exposition {
    let format: ExpositionFormat
    /// What every label set begins with, without the bracket.
    let common: [UInt8]
    private(set) var bytes: [UInt8] = []

    /// `instance` names the daemon; `instance` as a label is the scraper's own.
    init(format: ExpositionFormat, instance: String) {
        self.format = format
        var common = Array("dpvs_instance".utf8)
        common.appendQuoted(instance)
        self.common = common
    }

    /// What has been written; the next text begins anew, with room for as much.
    mutating func take() -> [UInt8] {
        defer {
            bytes = []
            bytes.reserveCapacity(Scrape.pieceSize * 5 / 4)
        }
        return bytes
    }

    mutating func append(_ text: some StringProtocol) { bytes.append(contentsOf: text.utf8) }

    /// The `HELP`, `TYPE` and, in OpenMetrics, `UNIT` lines.
    mutating func begin(_ metric: Metric) {
        let name = format == .text ? metric.name[...] : metric.familyName
        let isPlainInfo = metric.kind == .info && format == .text
        append("# HELP \(name) \(metric.help)\n")
        append("# TYPE \(name) \(isPlainInfo ? "gauge" : metric.kind.rawValue)\n")
        if format == .openMetrics, let unit = metric.unit { append("# UNIT \(name) \(unit)\n") }
    }

    mutating func sample(_ name: [UInt8], _ row: some MetricRow, _ value: MetricValue) {
        bytes.append(contentsOf: name)
        bytes.append(UInt8(ascii: "{"))
        bytes.append(contentsOf: common)
        row.appendLabels(to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        bytes.append(UInt8(ascii: " "))
        switch value {
        case .integer(let number): bytes.appendDecimal(number)
        case .number(let number): append(Self.text(of: number))
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    mutating func end() {
        if format == .openMetrics { append("# EOF\n") }
    }

    /// Not `description`: it writes `nan` and `inf`, which OpenMetrics does not know.
    private static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
        return number.description
    }
}

extension [UInt8] {
    /// `,name="value"`.
    mutating func appendLabel(_ name: String, _ value: String) {
        append(UInt8(ascii: ","))
        append(contentsOf: name.utf8)
        appendQuoted(value)
    }

    mutating func appendDecimal(_ number: UInt64) {
        let start = count
        var rest = number
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }

    /// `="value"`, with backslash, quote and line feed escaped: the same in both formats.
    mutating func appendQuoted(_ value: String) {
        append(UInt8(ascii: "="))
        append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""):
                append(UInt8(ascii: "\\"))
                append(byte)
            case UInt8(ascii: "\n"):
                append(UInt8(ascii: "\\"))
                append(UInt8(ascii: "n"))
            default:
                append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
