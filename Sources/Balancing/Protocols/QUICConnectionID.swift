// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Packet

/// A QUIC connection id of up to 20 octets (RFC 9000 section 17.2), as a row of bits.
///
/// Bit 0 is the highest of the first octet. Octets after the last are zero.
public struct QUICConnectionID: Hashable, Sendable, BitwiseCopyable {
    /// What versions 1 and 2 allow; RFC 8999 allows 255.
    public static let longest = 20

    private var first: UInt64 = 0
    private var second: UInt64 = 0
    /// Its lower half is zero.
    private var third: UInt64 = 0
    /// Octets.
    public let count: Int

    /// `count` zeros.
    init(zeros count: Int) {
        assert((0...Self.longest).contains(count))
        self.count = count
    }

    /// Nil when there are too many.
    public init?(_ octets: [UInt8]) {
        guard octets.count <= Self.longest else { return nil }
        self.init(zeros: octets.count)
        for (place, octet) in octets.enumerated() { put(octet, at: place) }
    }

    /// The `count` octets of `bytes` at `offset`; nil when there are not that many or too many.
    init?(_ bytes: FrameBytes, at offset: Int, count: Int) {
        guard (0...Self.longest).contains(count) else { return nil }
        self.init(zeros: count)
        for place in 0..<count {
            guard let octet = bytes.octet(offset &+ place) else { return nil }
            put(octet, at: place)
        }
    }

    private mutating func put(_ octet: UInt8, at place: Int) {
        set(UInt64(octet), at: place &* 8, 8)
    }

    public var octets: [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: bits(at: $0 * 8, 8)) }
    }

    // MARK: - Bits

    private func word(_ number: Int) -> UInt64 {
        switch number {
        case 0: first
        case 1: second
        case 2: third
        default: 0
        }
    }

    /// The number in `length` bits, 1 to 64 of them, from `offset` on; zeros follow the last octet.
    func bits(at offset: Int, _ length: Int) -> UInt64 {
        let number = offset >> 6
        let shift = offset & 63
        let bits = word(number) << shift | word(number &+ 1) >> (64 &- shift)
        return bits >> (64 &- length)
    }

    /// Puts `value` into `length` bits, 1 to 64 of them, from `offset` on; all are of this id.
    mutating func set(_ value: UInt64, at offset: Int, _ length: Int) {
        assert(offset >= 0 && offset + length <= count * 8)
        let value = value << (64 &- length)
        let mask = UInt64.max << (64 &- length)
        let shift = offset & 63
        put(value >> shift, mask >> shift, offset >> 6)
        put(value << (64 &- shift), mask << (64 &- shift), offset >> 6 &+ 1)
    }

    private mutating func put(_ value: UInt64, _ mask: UInt64, _ number: Int) {
        switch number {
        case 0: first = first & ~mask | value
        case 1: second = second & ~mask | value
        case 2: third = third & ~mask | value
        default: break
        }
    }

    /// The first `length` bits of a block, 0 to 128, from `offset` on; the rest is zero.
    func block(at offset: Int, _ length: Int) -> AESBlock {
        AESBlock(high: bits(at: offset, 64), low: bits(at: offset &+ 64, 64))
            & AESBlock(leadingOnes: length)
    }

    /// Puts the first `length` bits of `block`, 1 to 128, to `offset`.
    mutating func set(_ block: AESBlock, at offset: Int, _ length: Int) {
        let head = min(length, 64)
        set(block.high >> (64 &- head), at: offset, head)
        if length > 64 { set(block.low >> (128 &- length), at: offset &+ 64, length &- 64) }
    }

    /// An id that no balancer can route by, so that its packets go by address and port.
    ///
    /// It has the codepoint 0b111 of draft-ietf-quic-load-balancers-21 and its length in the
    /// first octet, as the draft wants. Nil below 8 octets, which leave too little to chance.
    public static func unroutable(
        count: Int,
        using random: inout some RandomNumberGenerator
    ) -> QUICConnectionID? {
        guard (8...longest).contains(count) else { return nil }
        var id = QUICConnectionID(zeros: count)
        id.fill(from: 8, using: &random)
        id.set(0b111 << 5 | UInt64(count - 1), at: 0, 8)
        return id
    }

    /// Makes all bits from `offset` on random.
    mutating func fill(from offset: Int, using random: inout some RandomNumberGenerator) {
        var offset = offset
        while offset < count &* 8 {
            let length = min(64, count &* 8 &- offset)
            set(random.next() >> (64 &- length), at: offset, length)
            offset &+= length
        }
    }
}
