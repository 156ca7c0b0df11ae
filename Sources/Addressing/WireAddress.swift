// SPDX-License-Identifier: Apache-2.0

/// An address of either family in 16 octets as they lie in a packet, loaded without swapping.
///
/// IPv4 is mapped (RFC 4291 section 2.5.5.2): ten octets 0, two octets 0xFF, the address. Mapped
/// addresses never stand in IPv6 packets that are let in, so the families do not mix. The prefix
/// adds 0 to a ones'-complement sum, so checksums need not tell the families apart either.
public struct WireAddress: Hashable, Sendable, BitwiseCopyable {
    public var first: UInt64
    public var second: UInt64

    @inline(__always)
    public init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    /// An IPv4 address in wire order.
    @inline(__always)
    public init(ipv4 address: UInt32) {
        first = 0
        second = UInt64(address) << 32 | Self.mappedPrefix
    }

    public init(_ address: IPAddress) {
        switch address {
        case .v4(let address): self.init(ipv4: address.rawValue.bigEndian)
        case .v6(let address):
            self.init(first: address.high.bigEndian, second: address.low.bigEndian)
        }
    }

    public static let zero = WireAddress(first: 0, second: 0)

    /// Octets 8...11 of a mapped address, as the low half of a word.
    private static var mappedPrefix: UInt64 { 0xFFFF_0000 }

    @inline(__always)
    public var isIPv6: Bool { first != 0 || second & 0xFFFF_FFFF != Self.mappedPrefix }

    /// The IPv4 address in wire order, of a mapped one.
    @inline(__always)
    public var ipv4: UInt32 { UInt32(truncatingIfNeeded: second >> 32) }

    public var address: IPAddress {
        isIPv6
            ? .v6(IPv6Address(high: first.bigEndian, low: second.bigEndian))
            : .v4(IPv4Address(rawValue: ipv4.bigEndian))
    }

    /// The number of the mapped or plain IPv6 address: what masks and prefixes apply to.
    public var number: UInt128 {
        UInt128(first.bigEndian) << 64 | UInt128(second.bigEndian)
    }

    /// The ones'-complement sum of the 16-bit words (RFC 1071), at most 0xFFFF, in wire order.
    @inline(__always)
    public var checksum: UInt32 {
        let sum =
            (first & 0xFFFF_FFFF) &+ first >> 32 &+ (second & 0xFFFF_FFFF) &+ second >> 32
        let half = (sum & 0xFFFF) &+ (sum >> 16 & 0xFFFF) &+ sum >> 32
        let folded = (half & 0xFFFF) &+ half >> 16
        return UInt32(truncatingIfNeeded: (folded & 0xFFFF) &+ folded >> 16)
    }

    /// Spreads over all bits; not keyed, so only for tables that no packet fills.
    @inline(__always)
    public var mixed: UInt64 {
        let product = (first ^ 0x9E37_79B9_7F4A_7C15)
            .multipliedFullWidth(by: second ^ 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }
}
