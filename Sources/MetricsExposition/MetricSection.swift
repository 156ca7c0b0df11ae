// SPDX-License-Identifier: Apache-2.0

/// A thing with metrics of its own: its label names, and the values of one of them.
protocol MetricRow: Sendable {
    static var labels: [String] { get }
    var labelValues: [String] { get }
}

/// Metrics with the same labels, and where their values are.
protocol MetricSection: Sendable {
    var metrics: [Metric] { get }
    func write(_ statistics: DataplaneStatistics, after common: [UInt8], to text: inout Exposition)
}

/// The metrics of all rows of one kind: each entry describes one and reads its value.
struct MetricTable<Row: MetricRow>: MetricSection {
    struct Entry: Sendable {
        var metric: Metric
        /// nil: nothing is known, and no sample is shown.
        var value: @Sendable (Row) -> MetricValue?
    }

    var rows: @Sendable (DataplaneStatistics) -> [Row]
    var entries: [Entry]

    init(
        of rows: @escaping @Sendable (DataplaneStatistics) -> [Row],
        _ entries: [Entry]
    ) {
        self.rows = rows
        self.entries = entries
    }

    var metrics: [Metric] { entries.map(\.metric) }

    func write(_ statistics: DataplaneStatistics, after common: [UInt8], to text: inout Exposition)
    {
        let rows = rows(statistics)
        if rows.isEmpty { return }
        let names = Row.labels.map { Array($0.utf8) }
        var labels = LabelSets(rows: rows.count)
        for row in rows { labels.append(names: names, values: row.labelValues, after: common) }
        for entry in entries {
            text.begin(entry.metric)
            let name = Array(entry.metric.name.utf8)
            for (index, row) in rows.enumerated() {
                guard let value = entry.value(row) else { continue }
                text.sample(name, labels: labels[index], value)
            }
        }
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
