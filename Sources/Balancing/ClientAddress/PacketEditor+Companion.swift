// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Packet

extension PacketEditor {
    /// Lays out in the empty buffer `fresh` a packet with this one's Ethernet and IP header,
    /// options and extension headers left out, and `count` octets of transport that the caller
    /// fills in; nil when it has no room.
    @unsafe
    func companion(
        in fresh: UnsafeMutablePointer<CPacket_buffer>,
        transport count: Int
    ) -> PacketEditor? {
        let fixed = isIPv6 ? IPv6Offset.fixedLength : IPv4Offset.fixedLength
        let front = networkOffset &+ fixed
        let total = front &+ count
        guard unsafe Int(fresh.pointee.data_off) &+ total <= Int(fresh.pointee.buf_len),
            unsafe fresh.pointee.nb_segs <= 1
        else { return nil }
        unsafe fresh.pointee.data_len = UInt16(truncatingIfNeeded: total)
        unsafe fresh.pointee.pkt_len = UInt32(truncatingIfNeeded: total)
        let target = unsafe FrameBytes(
            fresh.pointee.buf_addr + Int(fresh.pointee.data_off),
            count: total
        )
        target.copy(front, from: bytes, at: 0, to: 0)
        for offset in front..<total { target.set(0 as UInt8, at: offset) }
        let number = isUDP ? IPProtocol.udp : .tcp
        let base = networkOffset
        if isIPv6 {
            target.set(
                UInt16(truncatingIfNeeded: count),
                at: base &+ IPv6Offset.payloadLength
            )
            target.set(number.rawValue, at: base &+ IPv6Offset.nextHeader)
        } else {
            target.set(0x45 as UInt8, at: base)
            target.set(
                UInt16(truncatingIfNeeded: fixed &+ count),
                at: base &+ IPv4Offset.totalLength
            )
            // Never fragmented, so it needs no identification (RFC 6864 section 4.1).
            target.set(0 as UInt16, at: base &+ IPv4Offset.identification)
            target.set(0x4000 as UInt16, at: base &+ IPv4Offset.fragment)
            target.set(number.rawValue, at: base &+ IPv4Offset.protocol)
            target.set(0 as UInt16, at: base &+ IPv4Offset.checksum)
            target.set(target.checksum(base, fixed), at: base &+ IPv4Offset.checksum)
        }
        return unsafe PacketEditor(
            fresh,
            networkOffset: base,
            transportOffset: front,
            family: isIPv6 ? .ipv6 : .ipv4,
            protocol: number
        )
    }

    /// Computes the TCP or UDP checksum of a packet of our own making.
    func computeTransportChecksum() {
        let field = transportOffset &+ (isUDP ? UDPAddress.udpChecksum : TCPOffset.checksum)
        let length = transportLength
        bytes.set(0 as UInt16, at: field)
        let number = isUDP ? IPProtocol.udp : .tcp
        var seed = UInt32(number.rawValue) &+ UInt32(truncatingIfNeeded: length)
        // Source and destination stand side by side, last in either fixed header.
        seed &+= UInt32(isIPv6 ? sum(networkOffset &+ 8, 32) : sum(networkOffset &+ 12, 8))
        let value = bytes.checksum(transportOffset, length, adding: seed)
        bytes.set(isUDP && value == 0 ? 0xFFFF : value, at: field)
    }
}
