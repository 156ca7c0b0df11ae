// SPDX-License-Identifier: Apache-2.0

/// One entry of the catalogue: what is exposed under one name, whatever the values.
package struct Metric: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case counter, gauge
        /// Always 1; its labels are the message.
        case info
    }

    package enum Stability: String, Sendable {
        /// Name, labels and meaning stay until the next major version.
        case stable
        /// May change with any version.
        case experimental
    }

    /// As it stands in front of a sample, with `_total` or `_info`.
    package var name: String
    package var kind: Kind
    /// The base unit, which the name ends with before `_total`; nil: a plain number.
    package var unit: String?
    /// One sentence without quotes, backslashes and line breaks, so that no format escapes it.
    package var help: String
    package var labels: [String]
    package var stability: Stability

    /// The name that OpenMetrics gives to the family: without the suffix that its type implies.
    var familyName: Substring {
        switch kind {
        case .counter: name.dropLast("_total".count)
        case .gauge: name[...]
        case .info: name.dropLast("_info".count)
        }
    }
}

/// A number as it is exposed.
package enum MetricValue: Equatable, Sendable {
    case integer(UInt64)
    case number(Double)

    static func flag(_ isSet: Bool) -> MetricValue { .integer(isSet ? 1 : 0) }
    static func count(_ value: Int) -> MetricValue { .integer(UInt64(max(0, value))) }
}
