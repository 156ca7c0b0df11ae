// SPDX-License-Identifier: Apache-2.0
public import Containers
public import Timing

/// Lets so much through in a second, over all workers: the generic cell rate algorithm (ITU-T I.371
/// annex A), which is a token bucket in one word.
///
/// The word holds the instant at which all that was let through would be paid for at the given
/// rate. It may lie `burst` ahead of now, and whatever comes then is refused. Workers compete for
/// the word by compare and exchange, so the rate is exact whoever gets the packets; a refusal
/// reads, and writes only where a rate was raised.
public struct RateLimiter: BitwiseCopyable, Sendable, Equatable {
    /// Words a service slot: see `Word`.
    public static let stride = 4

    /// What a word of a service slot is for.
    enum Word: Int {
        case connections, packets, bits

        func index(slot: UInt32) -> Int { Int(slot) &* RateLimiter.stride &+ rawValue }
    }

    /// What may pass at once, as time at the given rate, in nanoseconds.
    static let burst: UInt64 = 100_000_000
    /// Words count in parts of a nanosecond, 2^5 of them, because at high rates a unit costs little
    /// more than one; a word so lasts for 18 years after the machine's start.
    private static let fraction: UInt64 = 5
    private static let shift: UInt64 = 20
    private static let longestCost: UInt64 = 86_400_000_000_000 << fraction

    /// Nanoseconds that one unit costs, in parts of 2^20; 0: no limit.
    private let price: UInt64

    /// No limit.
    public init() { price = 0 }

    /// `perSecond` units a second.
    public init(perSecond: UInt64) {
        price = perSecond == 0 ? 0 : max(1, (1_000_000_000 << Self.shift) / perSecond)
    }

    public var isUnlimited: Bool { price == 0 }

    /// What `units` cost as words count; at most a day, so that no sum with it wraps.
    ///
    /// The product needs more than 64 bits: 96 000 bits at one bit a second cost 2^20 * 10^14.
    private func cost(of units: UInt64) -> UInt64 {
        let drop = Self.shift &- Self.fraction
        let (high, low) = units.multipliedFullWidth(by: price)
        guard high >> drop == 0 else { return Self.longestCost }
        // The last bit that goes rounds.
        let whole = (high << (64 &- drop) | low >> drop) &+ (low >> (drop &- 1) & 1)
        return min(whole, Self.longestCost)
    }

    /// Whether `units` may pass; then they are paid for in the word at `index`.
    ///
    /// `largest` are the most units that pass at once. A debt beyond what those leave at this rate
    /// is of a lower rate that was raised meanwhile; it is cut to that, so that the new rate holds
    /// from the next packet on.
    public func admit(
        _ units: UInt64,
        largest: UInt64 = 1,
        at index: Int,
        of words: CounterBlock,
        now: Instant
    ) -> Bool {
        let cost = cost(of: units)
        let now = now.nanoseconds << Self.fraction
        while true {
            let before = words[index]
            let start = max(before, now)
            guard start &- now <= Self.burst << Self.fraction else {
                let most = now &+ Self.burst << Self.fraction &+ self.cost(of: max(units, largest))
                if start > most { _ = words.exchange(start, for: most, at: index) }
                return false
            }
            if words.exchange(before, for: start &+ cost, at: index) { return true }
        }
    }
}
