// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// What an IP header says, in terms that both families share: read from one, written as the other.
struct HeaderFields: BitwiseCopyable {
    /// TOS or traffic class, ECN included.
    var trafficClass: UInt8 = 0
    /// Time to live or hop limit.
    var timeToLive: UInt8 = 64
    /// In the numbers of the family that is written.
    var `protocol`: IPProtocol
    /// Octets after the headers, fragment header included.
    var payloadLength: Int
    /// What an IPv6 fragment header says, or IPv4 says in its place.
    var fragment: Fragment?
    /// For IPv4 headers of unfragmented packets.
    var identification: UInt16 = 0
    var dontFragment = false

    /// The place of a fragment in its packet.
    struct Fragment: BitwiseCopyable {
        var identification: UInt32
        /// In units of eight octets.
        var offset: UInt16
        var hasMore: Bool
    }

    static let ipv4Length = 20, ipv6Length = 40, fragmentLength = 8

    /// Octets of the IPv6 headers that `writeIPv6` writes.
    var ipv6HeaderLength: Int {
        Self.ipv6Length + (fragment == nil ? 0 : Self.fragmentLength)
    }

    /// An IPv4 header of 20 octets.
    func writeIPv4(
        _ bytes: FrameBytes,
        at base: Int,
        from source: IPv4Address,
        to destination: IPv4Address
    ) {
        bytes.set(UInt16(0x4500) | UInt16(trafficClass), at: base)
        bytes.set(UInt16(truncatingIfNeeded: Self.ipv4Length &+ payloadLength), at: base &+ 2)
        if let fragment {
            bytes.set(UInt16(truncatingIfNeeded: fragment.identification), at: base &+ 4)
            bytes.set(fragment.offset & 0x1FFF | (fragment.hasMore ? 0x2000 : 0), at: base &+ 6)
        } else {
            bytes.set(identification, at: base &+ 4)
            bytes.set(UInt16(dontFragment ? 0x4000 : 0), at: base &+ 6)
        }
        bytes.set(timeToLive, at: base &+ 8)
        bytes.set(`protocol`.rawValue, at: base &+ 9)
        bytes.set(UInt16(0), at: base &+ 10)
        bytes.set(source.rawValue, at: base &+ 12)
        bytes.set(destination.rawValue, at: base &+ 16)
        bytes.set(bytes.checksum(base, Self.ipv4Length), at: base &+ 10)
    }

    /// An IPv6 header, and a fragment header behind it when there is a `fragment`.
    func writeIPv6(
        _ bytes: FrameBytes,
        at base: Int,
        from source: IPv6Address,
        to destination: IPv6Address
    ) {
        let length = payloadLength &+ (fragment == nil ? 0 : Self.fragmentLength)
        bytes.set(UInt32(0x6000_0000) | UInt32(trafficClass) << 20, at: base)
        bytes.set(UInt16(truncatingIfNeeded: length), at: base &+ 4)
        bytes.set(
            fragment == nil ? `protocol`.rawValue : IPProtocol.fragment.rawValue,
            at: base &+ 6
        )
        bytes.set(timeToLive, at: base &+ 7)
        bytes.set(source, at: base &+ 8)
        bytes.set(destination, at: base &+ 24)
        guard let fragment else { return }
        bytes.set(UInt16(`protocol`.rawValue) << 8, at: base &+ 40)
        bytes.set(fragment.offset << 3 | (fragment.hasMore ? 1 : 0), at: base &+ 42)
        bytes.set(fragment.identification, at: base &+ 44)
    }

    /// The fragment header at `offset`; nil when there is none.
    static func fragment(_ bytes: FrameBytes, at offset: Int?) -> Fragment? {
        guard
            let offset, let field = bytes.word(offset &+ 2),
            let identification = bytes.long(offset &+ 4)
        else { return nil }
        return Fragment(
            identification: identification,
            offset: field >> 3,
            hasMore: field & 1 != 0
        )
    }

    /// What the IPv4 header at `base` says about fragments; nil when the packet is whole.
    static func ipv4Fragment(_ bytes: FrameBytes, at base: Int) -> Fragment? {
        guard
            let identification = bytes.word(base &+ 4), let field = bytes.word(base &+ 6),
            field & 0x3FFF != 0
        else { return nil }
        return Fragment(
            identification: UInt32(identification),
            offset: field & 0x1FFF,
            hasMore: field & 0x2000 != 0
        )
    }
}
