// SPDX-License-Identifier: Apache-2.0

/// Turns a burst of events into one action: when it has been quiet, but not later than a limit.
///
/// A value without clocks: whoever holds it asks when the action is due.
package struct Debouncer: Equatable, Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// Silence that ends a burst.
    package var quiet: Duration
    /// From the first event of a burst.
    package var longest: Duration
    private var first: Instant?
    private var last: Instant?

    package init(quiet: Duration = .milliseconds(200), longest: Duration = .seconds(2)) {
        self.quiet = quiet
        self.longest = longest
    }

    /// When the action is due if nothing more comes; nil: nothing waits.
    package var due: Instant? {
        guard let first, let last else { return nil }
        return min(last + quiet, first + longest)
    }

    package mutating func received(at now: Instant) {
        first = first ?? now
        last = now
    }

    /// Whether to act now; if so, the next event begins a new burst.
    package mutating func due(at now: Instant) -> Bool {
        guard let due, now >= due else { return false }
        (first, last) = (nil, nil)
        return true
    }
}
