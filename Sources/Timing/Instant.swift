// SPDX-License-Identifier: Apache-2.0

/// A point on the monotonic clock; workers read it once per turn and pass it down.
public struct Instant: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Since an arbitrary start, the same for all threads of the process.
    public var nanoseconds: UInt64

    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// As far as the clock reaches.
    public func advanced(by duration: Duration) -> Instant {
        let (sum, isTooFar) = nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return Instant(nanoseconds: isTooFar ? .max : sum)
    }

    /// The tick that this instant falls into.
    public var tick: Tick { Tick(rawValue: UInt32(truncatingIfNeeded: nanoseconds >> Tick.shift)) }
}

/// A coarse instant, 2^27 ns (134 ms) long: what a packet writes into its connection.
///
/// 32 bits last 18 years; comparisons survive the wrap.
public struct Tick: Hashable, Sendable, BitwiseCopyable {
    public static let shift: UInt64 = 27

    public var rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Ticks from `other` to this one; negative when this one is earlier.
    public func distance(from other: Tick) -> Int32 {
        Int32(bitPattern: rawValue &- other.rawValue)
    }

    public static func + (tick: Tick, count: UInt32) -> Tick {
        Tick(rawValue: tick.rawValue &+ count)
    }

    /// The fewest ticks that last at least `duration`, with one more for the tick already begun;
    /// at most as many as `distance` can tell, 9 years.
    public static func count(covering duration: Duration) -> UInt32 {
        let nanoseconds = duration.wholeNanoseconds
        let isBegun = nanoseconds & (1 << shift - 1) != 0
        return UInt32(min(nanoseconds >> shift + (isBegun ? 2 : 1), UInt64(Int32.max)))
    }
}

extension Duration {
    /// Nanoseconds; 0 when negative, and at most what the type holds: 584 years.
    public var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, isTooLong) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isOver) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return isTooLong || isOver ? .max : sum
    }
}
