// SPDX-License-Identifier: Apache-2.0
public import Containers
public import Timing

/// Lets so much through in a second, over all workers: the generic cell rate algorithm (ITU-T I.371
/// annex A), which is a token bucket in one word.
///
/// The word holds the instant at which all that was let through would be paid for at the given
/// rate. It may lie `burst` ahead of now, and whatever comes then is refused. Workers compete for
/// the word by compare and exchange, so the rate is exact whoever gets the packets; a refusal only
/// reads.
public struct RateLimiter: BitwiseCopyable, Sendable, Equatable {
    /// Words a service slot: see `Word`.
    public static let stride = 4

    /// What a word of a service slot is for.
    enum Word: Int {
        case connections, packets, bits

        func index(slot: UInt32) -> Int { Int(slot) &* RateLimiter.stride &+ rawValue }
    }

    /// What may pass at once, as time at the given rate.
    static let burst: UInt64 = 100_000_000
    private static let shift: UInt64 = 20

    /// Nanoseconds that one unit costs, in parts of 2^20; 0: no limit.
    private let price: UInt64

    /// No limit.
    public init() { price = 0 }

    /// `perSecond` units a second.
    public init(perSecond: UInt64) {
        price = perSecond == 0 ? 0 : max(1, (1_000_000_000 << Self.shift) / perSecond)
    }

    public var isUnlimited: Bool { price == 0 }

    /// Whether `units` may pass; then they are paid for in the word at `index`.
    public func admit(_ units: UInt64, at index: Int, of words: CounterBlock, now: Instant) -> Bool
    {
        let cost = units &* price >> Self.shift
        while true {
            let before = words[index]
            let start = max(before, now.nanoseconds)
            guard start &- now.nanoseconds <= Self.burst else { return false }
            if words.exchange(before, for: start &+ cost, at: index) { return true }
        }
    }
}
