// SPDX-License-Identifier: Apache-2.0

/// What all fragments of one datagram have in common, and no fragment of another.
///
/// RFC 791 section 3.2: source, destination, protocol and identification;
/// RFC 8200 section 4.5: source, destination and identification, so the protocol is 0 there.
public struct FragmentKey: Hashable, Sendable, BitwiseCopyable {
    /// The source and destination of IPv4 in `first`, or four halves of IPv6 addresses.
    var first: UInt64
    var second: UInt64
    var third: UInt64
    var fourth: UInt64
    var identification: UInt32
    var protocolNumber: UInt8
    var isIPv6: Bool

    /// Of an IPv4 datagram; addresses in host order.
    public init(
        source: UInt32,
        destination: UInt32,
        identification: UInt16,
        protocolNumber: UInt8
    ) {
        first = UInt64(source) << 32 | UInt64(destination)
        second = 0
        third = 0
        fourth = 0
        self.identification = UInt32(identification)
        self.protocolNumber = protocolNumber
        isIPv6 = false
    }

    /// Of an IPv6 packet; halves of addresses in host order.
    public init(
        source: (high: UInt64, low: UInt64),
        destination: (high: UInt64, low: UInt64),
        identification: UInt32
    ) {
        first = source.high
        second = source.low
        third = destination.high
        fourth = destination.low
        self.identification = identification
        protocolNumber = 0
        isIPv6 = true
    }

    /// A keyed hash by folded multiplications, like that of tuples.
    public func hash(_ key: HashKey) -> UInt64 {
        let tail = UInt64(identification) << 16 | UInt64(protocolNumber) << 1 | (isIPv6 ? 1 : 0)
        var hash = Self.fold(first ^ key.first, second ^ key.second)
        if isIPv6 { hash = Self.fold(third ^ hash ^ key.second, fourth ^ key.first) }
        return Self.fold(hash ^ tail ^ key.first, key.third)
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// The worker that knows where the fragments under `hash` go, the same for all of them.
    ///
    /// Devices spread the fragments of one datagram over workers as they like; `Worker` brings them
    /// together there. All workers use one secret for `hash`.
    public static func keeper(of hash: UInt64, workers: Int) -> Int {
        // Bits that neither the bucket (low) nor the tag (high) of a `TagIndex` is made of.
        let bits = UInt64(UInt32(truncatingIfNeeded: hash >> 16))
        return Int(truncatingIfNeeded: (bits &* UInt64(truncatingIfNeeded: workers)) >> 32)
    }
}
