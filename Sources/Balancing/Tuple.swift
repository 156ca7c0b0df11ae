// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The addresses and ports of an IPv4 packet exactly as they lie in it, loaded without swapping.
///
///     addresses: source (4), destination (4)      ports: source (2), destination (2)
public struct IPv4Tuple: Hashable, Sendable, BitwiseCopyable {
    public var addresses: UInt64
    public var ports: UInt32

    public init(addresses: UInt64, ports: UInt32) {
        self.addresses = addresses
        self.ports = ports
    }

    public init(
        source: IPv4Address,
        sourcePort: UInt16,
        destination: IPv4Address,
        destinationPort: UInt16
    ) {
        addresses =
            UInt64(source.rawValue.bigEndian) | UInt64(destination.rawValue.bigEndian) << 32
        ports = UInt32(sourcePort.bigEndian) | UInt32(destinationPort.bigEndian) << 16
    }

    /// The tuple of a packet that goes the other way.
    public var reversed: IPv4Tuple {
        IPv4Tuple(
            addresses: addresses << 32 | addresses >> 32,
            ports: ports << 16 | ports >> 16
        )
    }

    public var source: IPv4Address {
        IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses).byteSwapped)
    }
    public var destination: IPv4Address {
        IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses >> 32).byteSwapped)
    }
    public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: ports).byteSwapped }
    public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: ports >> 16).byteSwapped }

    /// A keyed hash of two folded multiplications: without `key`, nobody can choose tuples that
    /// collide.
    public func hash(_ protocolNumber: UInt8, key: HashKey) -> UInt64 {
        let tail = UInt64(ports) | UInt64(protocolNumber) << 32
        let first = (addresses ^ key.first).multipliedFullWidth(by: tail ^ key.second)
        let second = (first.high ^ first.low ^ key.first).multipliedFullWidth(by: key.third)
        return second.high ^ second.low
    }

    /// The ones'-complement sum of the addresses (RFC 1071), at most 0xFFFF, in wire order.
    var addressSum: UInt32 {
        let sum = (addresses & 0xFFFF_FFFF) &+ addresses >> 32
        return foldChecksum(sum)
    }

    /// The same for addresses and ports.
    var tupleSum: UInt32 { foldChecksum(UInt64(addressSum) &+ UInt64(ports)) }
}

/// Three words derived from one secret; the last is odd.
public struct HashKey: Sendable, BitwiseCopyable {
    let first: UInt64
    let second: UInt64
    let third: UInt64

    /// SplitMix64 spreads even a poor seed over all bits.
    public init(seed: UInt64) {
        var state = seed
        func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }
        first = next()
        second = next()
        third = next() | 1
    }
}

/// Adds the 16-bit halves of `sum` until one is left.
func foldChecksum(_ sum: UInt64) -> UInt32 {
    var sum = (sum & 0xFFFF_FFFF) &+ sum >> 32
    sum = (sum & 0xFFFF) &+ (sum >> 16 & 0xFFFF) &+ sum >> 32
    sum = (sum & 0xFFFF) &+ sum >> 16
    sum = (sum & 0xFFFF) &+ sum >> 16
    return UInt32(truncatingIfNeeded: sum)
}
