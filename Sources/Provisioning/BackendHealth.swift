// SPDX-License-Identifier: Apache-2.0
import Model
import Timing

/// What becomes of one backend under a `DestCheck`: a value without clock.
///
///                failures reach downNotice
///     serving ------------------------------> inhibited
///        ^                                        |
///        +----------------------------------------+
///              the exclusion is over; never, without `inhibit`
///
/// An exclusion is twice as long as the one before; successes halve it again.
struct BackendHealth: Equatable {
    enum Event: Equatable {
        /// Out until then; nil: for good.
        case inhibited(Duration?)
        case serving
    }

    private var end: Instant?
    private(set) var isInhibited = false
    private var exclusion: Duration?
    private var failures = 0
    private var windowEnd: Instant?
    private var successes = 0

    /// Takes note of what was seen since the last time.
    ///
    /// Failures beside a success do not count: a backend that answers some is not down. Without
    /// `mayInhibit` it stays whatever happens.
    mutating func observed(
        failures newFailures: UInt64,
        successes newSuccesses: UInt64,
        _ check: DestCheck,
        mayInhibit: Bool,
        at now: Instant
    ) -> Event? {
        if isInhibited { return rest(check, now) }
        if newSuccesses > 0 {
            forgetFailures()
            succeed(Int(clamping: newSuccesses), check)
            return nil
        }
        guard newFailures > 0 else { return nil }
        if windowEnd.map({ now > $0 }) ?? true {
            failures = 0
            windowEnd = now.advanced(by: check.downWait)
        }
        failures = failures &+ Int(clamping: min(newFailures, 1 << 32))
        guard failures >= check.downNotice, mayInhibit else { return nil }
        return inhibit(check, now)
    }

    private mutating func inhibit(_ check: DestCheck, _ now: Instant) -> Event {
        forgetFailures()
        successes = 0
        isInhibited = true
        guard let bounds = check.inhibit else {
            end = nil
            return .inhibited(nil)
        }
        let length = bounds.clamp(exclusion ?? bounds.lowerBound)
        end = now.advanced(by: length)
        exclusion = bounds.clamp(length * 2)
        return .inhibited(length)
    }

    private mutating func rest(_ check: DestCheck, _ now: Instant) -> Event? {
        guard check.inhibit != nil, end.map({ $0 <= now }) ?? true else { return nil }
        isInhibited = false
        return .serving
    }

    private mutating func succeed(_ count: Int, _ check: DestCheck) {
        guard let bounds = check.inhibit, let current = exclusion else { return }
        successes = successes &+ min(count, check.upNotice)
        guard successes >= check.upNotice else { return }
        successes = 0
        exclusion = bounds.clamp(current / 2)
    }

    private mutating func forgetFailures() {
        failures = 0
        windowEnd = nil
    }
}

extension ClosedRange<Duration> {
    fileprivate func clamp(_ duration: Duration) -> Duration {
        Swift.min(Swift.max(duration, lowerBound), upperBound)
    }
}
