// SPDX-License-Identifier: Apache-2.0
import Addressing
public import CPacket
import Packet

extension Translator {
    /// Cuts the end off the IPv6 packet with a fragment header that `toIPv6` left in `buffer`, so that
    /// at most `limit` octets stay, and lays out the fragment that it makes in the empty buffer
    /// `rest`.
    ///
    /// RFC 8200 section 4.5: "the lengths of the fragments must be chosen such that the resulting
    /// fragment packets fit within the MTU", and those of all but the last are multiples of eight.
    ///
    /// False when `rest` or `limit` has no room, or there is nothing to cut; then nothing changed.
    public static func cut(
        _ buffer: UnsafeMutablePointer<CPacket_buffer>,
        into rest: UnsafeMutablePointer<CPacket_buffer>,
        limit: UInt16
    ) -> Bool {
        let network = EditableFrame.linkHeaderLength
        let header = network &+ HeaderFields.ipv6Length
        let data = header &+ HeaderFields.fragmentLength
        let kept = (Int(limit) &- (data &- network)) & ~7
        let bytes = unsafe EditableFrame(buffer).bytes
        let left = bytes.count &- data &- kept
        guard kept >= 8, left > 0, let place = bytes.word(header &+ 2),
            bytes.octet(network &+ 6) == IPProtocol.fragment.rawValue,
            unsafe Int(rest.pointee.data_off) &+ data &+ left <= Int(rest.pointee.buf_len)
        else { return false }
        unsafe setLength(of: rest, data &+ left)
        let end = unsafe EditableFrame(rest).bytes
        end.copy(data, from: bytes, at: 0, to: 0)
        end.copy(left, from: bytes, at: data &+ kept, to: data)
        end.set(UInt16(truncatingIfNeeded: 8 &+ left), at: network &+ 4)
        end.set(place &+ UInt16(truncatingIfNeeded: kept), at: header &+ 2)
        bytes.set(UInt16(truncatingIfNeeded: 8 &+ kept), at: network &+ 4)
        bytes.set(place | 1, at: header &+ 2)
        unsafe setLength(of: buffer, data &+ kept)
        return true
    }

    private static func setLength(of buffer: UnsafeMutablePointer<CPacket_buffer>, _ count: Int) {
        unsafe buffer.pointee.data_len = UInt16(truncatingIfNeeded: count)
        unsafe buffer.pointee.pkt_len = UInt32(truncatingIfNeeded: count)
    }
}
