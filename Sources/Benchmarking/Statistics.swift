// SPDX-License-Identifier: Apache-2.0

/// What several repetitions of one measurement say together.
package struct Statistics: Equatable, Sendable {
    package let fastest: Double
    package let median: Double
    package let slowest: Double

    /// Nil when there are no values.
    package init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        fastest = first
        slowest = last
        let middle = sorted.count / 2
        median =
            sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The slowest over the fastest.
    package var spread: Double { slowest / fastest }
}
