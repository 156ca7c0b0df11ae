// SPDX-License-Identifier: Apache-2.0

/// A thing with metrics of its own: its label names, and the values of one of them.
protocol MetricRow: Sendable {
    static var labels: [String] { get }
    var labelValues: [String] { get }

    /// Appends `,name="value"` for each label.
    func appendLabels(to text: inout [UInt8])
}

extension MetricRow {
    func appendLabels(to text: inout [UInt8]) {
        for (name, value) in zip(Self.labels, labelValues) { text.appendLabel(name, value) }
    }
}

/// Metrics with the same labels, and where their values are.
protocol MetricSection: Sendable {
    var metrics: [Metric] { get }
    /// What a scrape shows of them.
    func lines(of statistics: DataplaneStatistics) -> any MetricLines
}

/// The lines of a section, which are written piece by piece.
protocol MetricLines {
    /// Appends lines until `text` has `size` octets or there are no more lines.
    ///
    /// - Returns: whether there may be more.
    mutating func write(to text: inout Exposition, until size: Int) -> Bool
}

/// The metrics of all rows of one kind: each entry describes one and reads its value.
struct MetricTable<Row: MetricRow>: MetricSection {
    struct Entry: Sendable {
        var metric: Metric
        /// nil: nothing is known, and no sample is shown.
        var value: @Sendable (Row) -> MetricValue?
    }

    /// Read once for each entry: rows that are many are made one after another.
    var rows: @Sendable (DataplaneStatistics) -> AnySequence<Row>
    var entries: [Entry]

    init<Rows: Sequence & SendableMetatype>(
        of rows: @escaping @Sendable (DataplaneStatistics) -> Rows,
        _ entries: [Entry]
    ) where Rows.Element == Row {
        self.rows = { AnySequence(rows($0)) }
        self.entries = entries
    }

    var metrics: [Metric] { entries.map(\.metric) }

    func lines(of statistics: DataplaneStatistics) -> any MetricLines {
        TableLines(rows: rows(statistics), entries: entries[...])
    }
}

/// A table from its first entry to its last, and from the first row to the last in each.
private struct TableLines<Row: MetricRow>: MetricLines {
    let rows: AnySequence<Row>
    /// The first is the one that is written.
    var entries: ArraySlice<MetricTable<Row>.Entry>
    /// What follows in the first entry; nil: it has not begun.
    private var rest: AnySequence<Row>.Iterator?
    private var name: [UInt8] = []

    init(rows: AnySequence<Row>, entries: ArraySlice<MetricTable<Row>.Entry>) {
        self.rows = rows
        self.entries = entries
    }

    mutating func write(to text: inout Exposition, until size: Int) -> Bool {
        while let entry = entries.first {
            let isNew = rest == nil
            let iterator = rest ?? rows.makeIterator()
            rest = iterator
            if isNew { name = [] }
            while let row = iterator.next() {
                guard let value = entry.value(row) else { continue }
                if name.isEmpty {
                    name = Array(entry.metric.name.utf8)
                    text.begin(entry.metric)
                }
                text.sample(name, row, value)
                if text.bytes.count >= size { return true }
            }
            rest = nil
            entries = entries.dropFirst()
        }
        return false
    }
}

extension MetricTable.Entry {
    /// A number that only grows; `unit` is what the name ends with before `_total`.
    static func counter(
        _ name: String,
        unit: String? = nil,
        _ help: String,
        _ stability: Metric.Stability = .stable,
        value: @escaping @Sendable (Row) -> UInt64
    ) -> Self {
        let metric = Metric(
            name: name,
            kind: .counter,
            unit: unit,
            help: help,
            labels: Row.labels,
            stability: stability
        )
        return Self(metric: metric) { .integer(value($0)) }
    }

    /// The same of what not every row knows; a row that does not is left out.
    static func counter(
        _ name: String,
        _ help: String,
        whereKnown value: @escaping @Sendable (Row) -> UInt64?
    ) -> Self {
        let metric = Metric(
            name: name,
            kind: .counter,
            unit: nil,
            help: help,
            labels: Row.labels,
            stability: .stable
        )
        return Self(metric: metric) { row in value(row).map { .integer($0) } }
    }

    static func gauge(
        _ name: String,
        unit: String? = nil,
        _ help: String,
        _ stability: Metric.Stability = .stable,
        value: @escaping @Sendable (Row) -> MetricValue?
    ) -> Self {
        let metric = Metric(
            name: name,
            kind: .gauge,
            unit: unit,
            help: help,
            labels: Row.labels,
            stability: stability
        )
        return Self(metric: metric, value: value)
    }

    static func info(
        _ name: String,
        _ help: String,
        _ stability: Metric.Stability = .stable
    ) -> Self {
        let metric = Metric(
            name: name,
            kind: .info,
            unit: nil,
            help: help,
            labels: Row.labels,
            stability: stability
        )
        return Self(metric: metric) { _ in .integer(1) }
    }
}
