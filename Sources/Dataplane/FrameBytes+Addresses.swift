// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

extension FrameBytes {
    func macAddress(_ offset: Int) -> MACAddress? {
        address(offset).map(MACAddress.init(rawValue:))
    }

    /// The source of the IP packet at `offset`, of either version.
    func source(ofPacketAt offset: Int) -> IPAddress? {
        switch octet(offset).map({ $0 >> 4 }) {
        case 4: ipv4Address(offset &+ 12).map(IPAddress.v4)
        case 6: ipv6Address(offset &+ 8).map(IPAddress.v6)
        default: nil
        }
    }

    /// The destination of the IP packet at `offset`, of either version.
    func destination(ofPacketAt offset: Int) -> IPAddress? {
        switch octet(offset).map({ $0 >> 4 }) {
        case 4: ipv4Address(offset &+ 16).map(IPAddress.v4)
        case 6: ipv6Address(offset &+ 24).map(IPAddress.v6)
        default: nil
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
