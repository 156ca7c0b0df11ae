// SPDX-License-Identifier: Apache-2.0
import CPacket

/// The checksum of SCTP (RFC 9260 Appendix A): reflected, begun with ones and inverted at the end.
@safe
public enum CRC32c {
    /// What a register begins with.
    static let start = UInt32.max

    /// Advances the register over `length` octets at `octets`, which the caller vouches for.
    @unsafe
    static func advance(_ register: UInt32, over octets: UnsafeRawPointer, _ length: Int) -> UInt32
    {
        unsafe CPacket_crc32c(register, octets, length)
    }

    /// The checksum of `octets`.
    public static func of(_ octets: [UInt8]) -> UInt32 {
        unsafe octets.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return ~start }
            return unsafe ~advance(start, over: base, bytes.count)
        }
    }
}

/// How a CRC32c changes when the first four octets of what it covers do.
///
/// The CRC is linear: for messages of `L` octets that differ by `d` in the first four,
///
///     crc(new) ^ crc(old) = d(x) * x^(8 L) mod P(x)
///
/// because everything after the difference is the same, and so are the ones at both ends. Two
/// tables hold x^(8 i) and x^(8 * 256 i), so the product takes two multiplications whatever the
/// length. The cost matters less than this: an error of the packet stays one. Whoever
/// computes a checksum anew, without verifying the old, vouches for octets he never looked at.
///
/// In memory of its own: a stored `InlineArray` is taken apart into variables.
@safe
public struct CRC32cShift: ~Copyable, @unchecked Sendable {
    /// x^0, whose coefficient is the highest bit in the reflected form.
    private static let one: UInt32 = 1 << 31

    /// x^(8 i), then x^(8 * 256 i), for 256 values each.
    private let powers: UnsafeMutablePointer<UInt32>

    public init() {
        unsafe powers = .allocate(capacity: 512)
        var octet = Self.one
        for _ in 0..<8 { octet = Self.timesX(octet) }
        var page = Self.one
        for index in 0..<256 {
            unsafe (powers + index).initialize(to: page)
            page = Self.multiply(page, octet)
        }
        // `page` is now x^(8 * 256).
        var power = Self.one
        for index in 256..<512 {
            unsafe (powers + index).initialize(to: power)
            power = Self.multiply(power, page)
        }
    }

    deinit { unsafe powers.deallocate() }

    /// What the checksum of `length` octets changes by (exclusive or) when the first four, read as a
    /// little-endian number, change by `difference`.
    public func change(from difference: UInt32, length: UInt16) -> UInt32 {
        let low = unsafe powers[Int(length & 0xFF)]
        let high = unsafe powers[256 &+ Int(length >> 8)]
        return Self.multiply(Self.multiply(difference, low), high)
    }

    private static func timesX(_ value: UInt32) -> UInt32 {
        value >> 1 ^ (0x82F6_3B78 & (0 &- value & 1))
    }

    /// The product of two polynomials modulo P, without a branch.
    private static func multiply(_ left: UInt32, _ right: UInt32) -> UInt32 {
        var result: UInt32 = 0
        var left = left
        var right = right
        for _ in 0..<32 {
            // The highest bit is the coefficient of x^0.
            result ^= right & (0 &- left >> 31)
            left <<= 1
            right = timesX(right)
        }
        return result
    }
}
