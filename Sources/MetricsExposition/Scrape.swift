// SPDX-License-Identifier: Apache-2.0

/// The text of one scrape, in pieces that are made when they are asked for: what is in memory does not
/// grow with the text.
package struct Scrape: Sequence, Sendable {
    /// What is shown of the statistics; everything unless it is said.
    package struct Selection: Sendable {
        /// `dpvs_service_...` and `dpvs_backend_...` alone, because some services were asked for.
        package var isOfServicesOnly: Bool
        /// `dpvs_backend_...`, whose number grows with services times backends.
        package var hasBackends: Bool

        package init(isOfServicesOnly: Bool = false, hasBackends: Bool = true) {
            self.isOfServicesOnly = isOfServicesOnly
            self.hasBackends = hasBackends
        }

        fileprivate var sections: [any MetricSection] {
            let all = isOfServicesOnly ? Catalogue.servicesOnly : Catalogue.sections
            return hasBackends
                ? all
                : all.filter { !($0 is MetricTable<BackendRow> || $0 is MetricTable<CheckRow>) }
        }
    }

    /// Octets of a piece, but for the last line of each and for the last piece.
    static let pieceSize = 64 << 10

    private let statistics: DataplaneStatistics
    private let format: ExpositionFormat
    private let selection: Selection

    package init(
        of statistics: DataplaneStatistics,
        as format: ExpositionFormat,
        _ selection: Selection = Selection()
    ) {
        self.statistics = statistics
        self.format = format
        self.selection = selection
    }

    package func makeIterator() -> Iterator {
        Iterator(statistics, format, selection.sections)
    }

    package struct Iterator: IteratorProtocol {
        private let statistics: DataplaneStatistics
        private var sections: ArraySlice<any MetricSection>
        /// Of the first section, once that has begun.
        private var lines: (any MetricLines)?
        private var text: Exposition
        private var isOver = false

        fileprivate init(
            _ statistics: DataplaneStatistics,
            _ format: ExpositionFormat,
            _ sections: [any MetricSection]
        ) {
            self.statistics = statistics
            self.sections = sections[...]
            text = Exposition(format: format, instance: statistics.process.instance)
        }

        package mutating func next() -> [UInt8]? {
            while let section = sections.first {
                var current = lines ?? section.lines(of: statistics)
                lines = nil
                if current.write(to: &text, until: Scrape.pieceSize) {
                    lines = current
                    return text.take()
                }
                sections = sections.dropFirst()
            }
            guard !isOver else { return nil }
            isOver = true
            text.end()
            return text.bytes.isEmpty ? nil : text.take()
        }
    }
}
