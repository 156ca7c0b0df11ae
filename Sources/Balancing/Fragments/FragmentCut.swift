// SPDX-License-Identifier: Apache-2.0
import Addressing
public import CPacket
public import Packet

/// An IP packet on its way to become fragments, first one first.
///
///     | Ethernet, IP header | part | part | last part |      the packet
///     | Ethernet, IP header | part |                         each fragment but the last: a copy
///                    | Ethernet, IP header | last part |     the last one: what is left of the packet
///
/// IPv4 is cut as in the example of RFC 791 section 3.2; what is a fragment already becomes smaller
/// ones. IPv6 only who sends a packet may cut (RFC 8200 section 4.5), so only headers of our making
/// are: those without extensions, and those with a fragment header alone, which translation leaves.
public struct FragmentCut: BitwiseCopyable {
    private enum Field {
        static let moreFragments: UInt16 = 0x2000
        static let dontFragment: UInt16 = 0x4000
        /// RFC 791 section 3.1: "copied flag", 1 in the options that every fragment has.
        static let copied: UInt8 = 0x80
        static let noOperation: UInt8 = 1
        static let ipv6Length = 40
        static let extensionLength = 8
    }

    private let isIPv6: Bool
    private let network: Int
    /// Octets of the header that the packet has, and of that which fragments get.
    private let headerLength: Int
    private let newHeaderLength: Int
    /// Where the packet ends; padding may follow.
    private let end: Int
    /// Octets of payload in each fragment but the last, and in that at most.
    private let share: Int
    private let longestLast: Int
    /// Of the packet itself: octets of its datagram before it, and whether some follow.
    private let offset: UInt16
    private let hasMore: Bool
    private let identification: UInt32
    /// Octets of payload in the fragments so far.
    private var position = 0

    /// Prepares to cut the packet at `networkOffset` of `bytes` into fragments of at most `limit`
    /// octets; nil when it must stay whole or `limit` leaves no room.
    ///
    /// `identification` is for IPv6 without a fragment header; it should differ from packet to packet.
    public init?(
        _ bytes: FrameBytes,
        networkOffset: Int,
        limit: UInt16,
        identification: UInt32
    ) {
        guard let first = bytes.octet(networkOffset), let length = bytes.word(networkOffset + 2),
            let field = bytes.word(networkOffset + 6)
        else { return nil }
        network = networkOffset
        isIPv6 = first >> 4 == 6
        if isIPv6 {
            guard let payload = bytes.word(networkOffset + 4),
                let next = bytes.octet(networkOffset + 6)
            else { return nil }
            newHeaderLength = Field.ipv6Length + Field.extensionLength
            end = networkOffset + Field.ipv6Length + Int(payload)
            switch IPProtocol(rawValue: next) {
            case .hopByHopOptions, .routing, .destinationOptions: return nil
            case .fragment:
                guard let place = bytes.word(networkOffset + Field.ipv6Length + 2),
                    let number = bytes.long(networkOffset + Field.ipv6Length + 4)
                else { return nil }
                headerLength = newHeaderLength
                (offset, hasMore) = (place & ~7, place & 1 != 0)
                self.identification = number
            default:
                headerLength = Field.ipv6Length
                (offset, hasMore) = (0, false)
                self.identification = identification
            }
        } else {
            self.identification = identification
            headerLength = Int(first & 0xF) * 4
            newHeaderLength = headerLength
            end = networkOffset + Int(length)
            (offset, hasMore) = (field << 3, field & Field.moreFragments != 0)
            guard headerLength >= 20, field & Field.dontFragment == 0 else { return nil }
        }
        longestLast = Int(limit) - newHeaderLength
        share = longestLast & ~7
        guard share >= 8, end <= bytes.count, network + headerLength < end else { return nil }
    }

    /// Whether what is left of the packet fits one fragment.
    public var isAtLast: Bool { left <= longestLast }

    private var left: Int { end - network - headerLength - position }

    /// Lays the next fragment out in the empty buffer `fresh`; false when it has no room.
    @unsafe
    public mutating func write(
        into fresh: UnsafeMutablePointer<CPacket_buffer>,
        from packet: FrameBytes
    ) -> Bool {
        let count = network + newHeaderLength + share
        guard unsafe Int(fresh.pointee.data_off) + count <= Int(fresh.pointee.buf_len) else {
            return false
        }
        unsafe fresh.pointee.data_len = UInt16(truncatingIfNeeded: count)
        unsafe fresh.pointee.pkt_len = UInt32(truncatingIfNeeded: count)
        let bytes = unsafe EditableFrame(fresh).bytes
        bytes.copy(network + headerLength, from: packet, at: 0, to: 0)
        let payload = network + headerLength + position
        bytes.copy(share, from: packet, at: payload, to: network + newHeaderLength)
        finish(bytes, share, isLast: false)
        position += share
        return true
    }

    /// Makes what is left of the packet in `buffer` the last fragment.
    @unsafe
    public func shorten(_ buffer: UnsafeMutablePointer<CPacket_buffer>) {
        let frame = unsafe EditableFrame(buffer)
        // Grows by less than the eight octets that were sent before it.
        let start = position - (newHeaderLength - headerLength)
        let old = frame.bytes
        old.copy(network + headerLength, from: old, at: 0, to: start)
        guard let bytes = frame.move(start: start, end: end) else { return }
        finish(bytes, left, isLast: true)
    }

    // MARK: - Headers

    /// Turns the copy of the packet's header into that of a fragment with `length` octets.
    private func finish(_ bytes: FrameBytes, _ length: Int, isLast: Bool) {
        let start = offset &+ UInt16(truncatingIfNeeded: position)
        let isFollowed = !isLast || hasMore
        if isIPv6 {
            let header = network + Field.ipv6Length
            if headerLength == Field.ipv6Length {
                bytes.set(bytes.octet(network + 6) ?? 0, at: header)
                bytes.set(UInt8(0), at: header + 1)
                bytes.set(IPProtocol.fragment.rawValue, at: network + 6)
            }
            bytes.set(start | (isFollowed ? 1 : 0), at: header + 2)
            bytes.set(identification, at: header + 4)
            let payload = UInt16(truncatingIfNeeded: length + Field.extensionLength)
            bytes.set(payload, at: network + 4)
        } else {
            if start != 0 { emptyOptions(bytes) }
            let total = UInt16(truncatingIfNeeded: headerLength + length)
            bytes.set(total, at: network + 2)
            bytes.set(start >> 3 | (isFollowed ? Field.moreFragments : 0), at: network + 6)
            bytes.set(UInt16(0), at: network + 10)
            bytes.set(bytes.checksum(network, headerLength), at: network + 10)
        }
    }

    /// Replaces the options that only the first fragment has, so that the header keeps its length.
    private func emptyOptions(_ bytes: FrameBytes) {
        var place = network + 20
        while place < network + headerLength, let kind = bytes.octet(place), kind != 0 {
            var length = 1
            if kind != Field.noOperation { length = Int(bytes.octet(place + 1) ?? 0) }
            guard length > 0 else { return }
            let optionEnd = min(place + length, network + headerLength)
            if kind & Field.copied == 0 {
                for octet in place..<optionEnd { bytes.set(Field.noOperation, at: octet) }
            }
            place = optionEnd
        }
    }
}
