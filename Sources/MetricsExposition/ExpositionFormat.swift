// SPDX-License-Identifier: Apache-2.0

/// How metrics are written down.
package enum ExpositionFormat: Sendable, CaseIterable {
    /// Prometheus text format 0.0.4.
    case text
    /// OpenMetrics 1.0.0.
    case openMetrics

    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// What a scraper prefers by its `Accept` header: OpenMetrics wherever it is named with a
    /// quality above 0, as Prometheus does, else text.
    package init(accept: String?) {
        let ranges = (accept ?? "").lowercased().split(separator: ",")
        let isWanted = ranges.contains { range in
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
            return parts.first == "application/openmetrics-text"
                && !parts.contains { $0.hasPrefix("q=0") && Double($0.dropFirst(2)) == 0 }
        }
        self = isWanted ? .openMetrics : .text
    }
}
