// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

extension FrameBytes {
    func ipv4Address(_ offset: Int) -> IPv4Address? {
        long(offset).map(IPv4Address.init(rawValue:))
    }

    func ipv6Address(_ offset: Int) -> IPv6Address? {
        guard
            let first = long(offset), let second = long(offset &+ 4),
            let third = long(offset &+ 8), let fourth = long(offset &+ 12)
        else { return nil }
        return IPv6Address(
            high: UInt64(first) << 32 | UInt64(second),
            low: UInt64(third) << 32 | UInt64(fourth)
        )
    }

    func macAddress(_ offset: Int) -> MACAddress? {
        address(offset).map(MACAddress.init(rawValue:))
    }

    /// The destination of the IP packet at `offset`, of either version.
    func destination(ofPacketAt offset: Int) -> IPAddress? {
        switch octet(offset).map({ $0 >> 4 }) {
        case 4: ipv4Address(offset &+ 16).map(IPAddress.v4)
        case 6: ipv6Address(offset &+ 24).map(IPAddress.v6)
        default: nil
        }
    }

    func set(_ address: IPAddress, at offset: Int) {
        switch address {
        case .v4(let address): set(address.rawValue, at: offset)
        case .v6(let address):
            set(UInt32(truncatingIfNeeded: address.high >> 32), at: offset)
            set(UInt32(truncatingIfNeeded: address.high), at: offset &+ 4)
            set(UInt32(truncatingIfNeeded: address.low >> 32), at: offset &+ 8)
            set(UInt32(truncatingIfNeeded: address.low), at: offset &+ 12)
        }
    }
}

extension IPAddress {
    /// What the address adds to a checksum.
    private var checksumWords: UInt32 {
        let halves: [UInt64] =
            switch self {
            case .v4(let address): [UInt64(address.rawValue)]
            case .v6(let address): [address.high, address.low]
            }
        return halves.reduce(0) { sum, half in
            sum + UInt32(half >> 48) + UInt32(half >> 32 & 0xFFFF) + UInt32(half >> 16 & 0xFFFF)
                + UInt32(half & 0xFFFF)
        }
    }

    /// The pseudo-header's part of a transport checksum: RFC 9293 section 3.1 and, with the same
    /// words in wider fields, RFC 8200 section 8.1.
    static func pseudoHeader(
        _ source: IPAddress,
        _ destination: IPAddress,
        _ number: IPProtocol,
        length: Int
    ) -> UInt32 {
        source.checksumWords + destination.checksumWords + UInt32(number.rawValue)
            + UInt32(clamping: length & 0xFFFF)
    }
}
