// SPDX-License-Identifier: Apache-2.0

/// The hash by which network cards spread packets over receive queues.
///
/// Defined in Microsoft's "RSS Hashing Functions": every bit of the input that is 1 adds, by
/// exclusive or, the 32 bits of the key that begin at its place. The hash is therefore linear, so
/// the parts of a tuple are hashed one by one and combined.
///
///     input over IPv4:  source (4)   destination (4)   source port (2)  destination port (2)
///     input over IPv6:  source (16)  destination (16)  source port (2)  destination port (2)
public struct Toeplitz: Equatable, Sendable {
    /// Where the parts of a tuple stand in the input, in octets.
    public struct Places: Sendable {
        public let source = 0
        public let destination: Int
        public var sourcePort: Int { destination * 2 }
        public var destinationPort: Int { destination * 2 + 2 }

        public static let ipv4 = Places(destination: 4)
        public static let ipv6 = Places(destination: 16)
    }

    public let key: [UInt8]

    /// `key` has at least 16 octets, what an IPv4 tuple needs; devices have 40 or more.
    public init?(key: [UInt8]) {
        guard key.count >= 16 else { return nil }
        self.key = key
    }

    /// The hash of `octets`, which stand at `offset` in an input that is otherwise 0.
    public func hash(_ octets: [UInt8], at offset: Int) -> UInt32 {
        var result: UInt32 = 0
        for (index, octet) in octets.enumerated() {
            for bit in 0..<8 where octet & (0x80 >> UInt8(bit)) != 0 {
                result ^= window(at: (offset + index) * 8 + bit)
            }
        }
        return result
    }

    /// 32 bits of the key from bit `position` on; beyond its end the key is 0.
    private func window(at position: Int) -> UInt32 {
        var bits: UInt64 = 0
        for index in 0..<5 {
            let octet = position / 8 + index
            bits = bits << 8 | UInt64(octet < key.count ? key[octet] : 0)
        }
        return UInt32(truncatingIfNeeded: bits >> UInt64(8 - position % 8))
    }
}
