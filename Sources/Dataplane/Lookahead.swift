// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Packet

/// What the first passes over a burst learn of one packet.
struct Lookahead: BitwiseCopyable {
    /// Of the tuple, keyed; meaningful when the frame is plain.
    var hash: UInt64
    /// A connection that probably fits.
    var candidate: UInt32
    /// Octets of the IP packet.
    var totalLength: UInt16
    var `protocol`: FlowProtocol
    var kind: Kind

    enum Kind: UInt8 {
        case unusual, plainIPv4, plainIPv6
    }

    /// Where the headers of a plain frame are.
    static let networkOffset = 14
    @inline(__always)
    static func transportOffset<Tuple: FlowTuple>(_ tuple: Tuple.Type) -> Int {
        Tuple.isIPv6 ? 54 : 34
    }

    static let notPlain = Lookahead(.unusual, 0, .udp)

    @inline(__always)
    private init(_ kind: Kind, _ totalLength: UInt16, _ protocol: FlowProtocol) {
        hash = 0
        candidate = ConnectionTable.none
        self.totalLength = totalLength
        self.protocol = `protocol`
        self.kind = kind
    }

    /// Reads a frame of the common kind in one straight line, or answers that it is not one.
    ///
    /// Plain is: for our MAC address, untagged, IP without options or extension headers, whole (not a
    /// fragment), TCP or UDP, every length in order, header checksum right, a source that a host may
    /// have. Whatever else arrives takes the careful way (`ParsedFrame`), which also finds the reason
    /// to drop it.
    @inline(__always)
    static func readPlain(_ buffer: PacketBuffer, ownAddress: UInt64) -> Lookahead {
        let count = unsafe Int(buffer.pointee.data_len)
        guard count >= 34 + 8 else { return notPlain }
        let frame = unsafe UnsafeRawPointer(buffer.pointee.buf_addr)
            .advanced(by: Int(buffer.pointee.data_off))
        let destination = unsafe frame.loadUnaligned(as: UInt64.self) & 0xFFFF_FFFF_FFFF
        // EtherType, version with header length, and type of service.
        let type = unsafe frame.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        guard destination == ownAddress, unsafe buffer.pointee.ol_flags & unusualFlags == 0
        else { return notPlain }
        if type & 0x00FF_FFFF == 0x0045_0008 { return unsafe readIPv4(frame, count) }
        if type & 0x00F0_FFFF == 0x0060_DD86 { return unsafe readIPv6(frame, count) }
        return notPlain
    }

    @inline(__always)
    private static func readIPv4(_ frame: UnsafeRawPointer, _ count: Int) -> Lookahead {
        let totalLength = unsafe UInt16(
            bigEndian: frame.loadUnaligned(fromByteOffset: 16, as: UInt16.self)
        )
        let fragment = unsafe frame.loadUnaligned(fromByteOffset: 20, as: UInt16.self)
        let number = unsafe frame.load(fromByteOffset: 23, as: UInt8.self)
        let isTCP = number == FlowProtocol.tcp.number(isIPv6: false)
        let transportLength = Int(totalLength) &- 20
        guard
            fragment & UInt16(0x3FFF).bigEndian == 0,
            isTCP || number == FlowProtocol.udp.number(isIPv6: false),
            transportLength >= (isTCP ? 20 : 8),
            Int(totalLength) <= count &- networkOffset,
            unsafe hasValidHeader(frame + networkOffset),
            unsafe hasValidTransport(frame + 34, transportLength, isTCP)
        else { return notPlain }
        return Lookahead(.plainIPv4, totalLength, isTCP ? .tcp : .udp)
    }

    /// RFC 8200: next header and payload length; the source is unicast and not mapped IPv4.
    private static func readIPv6(_ frame: UnsafeRawPointer, _ count: Int) -> Lookahead {
        guard count >= 54 + 8 else { return notPlain }
        let payload = unsafe Int(
            UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: 18, as: UInt16.self))
        )
        let number = unsafe frame.load(fromByteOffset: 20, as: UInt8.self)
        let isTCP = number == FlowProtocol.tcp.number(isIPv6: false)
        let tuple = unsafe IPv6Tuple(
            addressesAt: frame + networkOffset + IPv6Tuple.addressOffset,
            ports: 0
        )
        guard
            isTCP || number == FlowProtocol.udp.number(isIPv6: false),
            payload >= (isTCP ? 20 : 8),
            payload <= count &- 54,
            tuple.source.first & 0xFF != 0xFF, tuple.source.first != 0,
            tuple.destination.first & 0xFF != 0xFF, tuple.destination.first != 0,
            unsafe hasValidTransport(frame + 54, payload, isTCP)
        else { return notPlain }
        return Lookahead(.plainIPv6, UInt16(truncatingIfNeeded: payload &+ 40), isTCP ? .tcp : .udp)
    }

    /// A tag that the port took out, or a transport checksum that it found wrong or unfinished; the
    /// header checksum is computed here.
    private static let unusualFlags: UInt64 =
        1 << UInt64(CPacket_rx_vlan_stripped_bit) | ChecksumVerdict.transportNeedsCare

    /// RFC 1071 over the 20 octets, and a source address of RFC 1122 section 3.2.1.3.
    @inline(__always)
    private static func hasValidHeader(_ header: UnsafeRawPointer) -> Bool {
        let first = unsafe header.loadUnaligned(as: UInt64.self)
        let second = unsafe header.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        let third = unsafe header.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
        var sum = (first & 0xFFFF_FFFF) &+ first >> 32 &+ (second & 0xFFFF_FFFF) &+ second >> 32
        sum = sum &+ UInt64(third)
        sum = (sum & 0xFFFF) &+ (sum >> 16 & 0xFFFF) &+ sum >> 32
        sum = (sum & 0xFFFF) &+ sum >> 16
        let firstOctet = UInt8(truncatingIfNeeded: second >> 32)
        return sum == 0xFFFF && firstOctet &- 1 < 223 && firstOctet != 127
    }

    /// The data offset of TCP (RFC 9293 section 3.1) or the length of UDP (RFC 768).
    @inline(__always)
    private static func hasValidTransport(
        _ header: UnsafeRawPointer,
        _ length: Int,
        _ isTCP: Bool
    ) -> Bool {
        if isTCP {
            let octets = unsafe Int(header.load(fromByteOffset: 12, as: UInt8.self) >> 4) &* 4
            return octets >= 20 && octets <= length
        }
        let octets = unsafe Int(
            UInt16(bigEndian: header.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        )
        return octets >= 8 && octets <= length
    }
}
