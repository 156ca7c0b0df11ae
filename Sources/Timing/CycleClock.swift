// SPDX-License-Identifier: Apache-2.0

/// Turns the processor's cycle counter into instants with one multiplication.
public struct CycleClock: Sendable, BitwiseCopyable {
    /// Nanoseconds per cycle as a fraction of 2^32.
    private let scale: UInt64
    private let base: UInt64
    private let start: UInt64

    /// - Parameters:
    ///   - frequency: cycles per second, as measured or told by the platform.
    ///   - cycles: the counter now.
    ///   - instant: the monotonic clock now.
    public init(frequency: UInt64, cycles: UInt64, instant: Instant) {
        precondition(frequency > 0)
        scale = (1_000_000_000 << 32) / frequency
        base = cycles
        start = instant.nanoseconds
    }

    /// The instant at which the counter read `cycles`.
    public func instant(at cycles: UInt64) -> Instant {
        let product = (cycles &- base).multipliedFullWidth(by: scale)
        return Instant(nanoseconds: start &+ (product.high << 32 | product.low >> 32))
    }
}
