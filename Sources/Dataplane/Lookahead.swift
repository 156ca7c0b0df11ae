// SPDX-License-Identifier: Apache-2.0
import Balancing
import CPacket
import Packet

/// What the first passes over a burst learn of one packet.
struct Lookahead: BitwiseCopyable {
    /// Of the tuple, keyed; meaningful when `isPlain`.
    var hash: UInt64
    /// A connection that probably fits.
    var candidate: UInt32
    /// Octets of the IP packet.
    var totalLength: UInt16
    var protocolNumber: UInt8
    /// Whether the frame is of the common kind: see `readPlain`.
    var isPlain: Bool

    /// Where the headers of a plain frame are.
    static let networkOffset = 14
    static let transportOffset = 34

    static let notPlain = Lookahead(
        hash: 0,
        candidate: ConnectionTable.none,
        totalLength: 0,
        protocolNumber: 0,
        isPlain: false
    )

    /// Reads a frame of the common kind in one straight line, or answers that it is not one.
    ///
    /// Plain is: for our MAC address, untagged, IPv4 without options, whole (not a fragment), TCP or
    /// UDP, every length in order, header checksum right, a source that a host may have. Whatever
    /// else arrives takes the careful way (`ParsedFrame`), which also finds the reason to drop it.
    @inline(__always)
    static func readPlain(_ buffer: PacketBuffer, ownAddress: UInt64) -> Lookahead {
        let count = unsafe Int(buffer.pointee.data_len)
        guard count >= transportOffset + 8 else { return notPlain }
        let frame = unsafe UnsafeRawPointer(buffer.pointee.buf_addr)
            .advanced(by: Int(buffer.pointee.data_off))
        let destination = unsafe frame.loadUnaligned(as: UInt64.self) & 0xFFFF_FFFF_FFFF
        // EtherType, version with header length, and type of service.
        let type = unsafe frame.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        let totalLength = unsafe UInt16(
            bigEndian: frame.loadUnaligned(fromByteOffset: 16, as: UInt16.self)
        )
        let fragment = unsafe frame.loadUnaligned(fromByteOffset: 20, as: UInt16.self)
        let number = unsafe frame.load(fromByteOffset: 23, as: UInt8.self)
        let isTCP = number == TransportPacket.tcp
        let transportLength = Int(totalLength) &- 20
        guard
            destination == ownAddress,
            type & 0x00FF_FFFF == 0x0045_0008,
            fragment & UInt16(0x3FFF).bigEndian == 0,
            isTCP || number == TransportPacket.udp,
            transportLength >= (isTCP ? 20 : 8),
            Int(totalLength) <= count &- networkOffset,
            unsafe buffer.pointee.ol_flags & unusualFlags == 0,
            unsafe hasValidHeader(frame + networkOffset),
            unsafe hasValidTransport(frame + transportOffset, transportLength, isTCP)
        else { return notPlain }
        return Lookahead(
            hash: 0,
            candidate: ConnectionTable.none,
            totalLength: totalLength,
            protocolNumber: number,
            isPlain: true
        )
    }

    /// A tag that the port took out, or a header that the port found wrong.
    private static let unusualFlags: UInt64 =
        1 << UInt64(CPacket_rx_vlan_stripped_bit)
        | 1 << UInt64(CPacket_rx_ip_checksum_bad_bit)

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
