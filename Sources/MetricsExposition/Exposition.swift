// SPDX-License-Identifier: Apache-2.0

/// The text of one scrape, written front to back into one buffer.
///
/// Label sets are rendered once per row and copied for every metric of the row: ten thousand
/// services cost memory copies, not string formatting.
struct Exposition {
    let format: ExpositionFormat
    private(set) var bytes: [UInt8] = []

    init(format: ExpositionFormat) {
        self.format = format
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

    mutating func sample(_ name: [UInt8], labels: ArraySlice<UInt8>, _ value: MetricValue) {
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: labels)
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

/// The rendered label sets of a section's rows: `{dpvs_instance="default",worker="1"}`.
struct LabelSets {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    init(rows count: Int) {
        ends.reserveCapacity(count)
    }

    mutating func append(names: [[UInt8]], values: [String], after common: [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        bytes.append(contentsOf: common)
        for (name, value) in zip(names, values) {
            bytes.append(UInt8(ascii: ","))
            bytes.append(contentsOf: name)
            bytes.appendQuoted(value)
        }
        bytes.append(UInt8(ascii: "}"))
        ends.append(bytes.count)
    }

    subscript(row: Int) -> ArraySlice<UInt8> {
        bytes[(row == 0 ? 0 : ends[row - 1])..<ends[row]]
    }
}

extension [UInt8] {
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
