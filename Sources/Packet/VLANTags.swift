// SPDX-License-Identifier: Apache-2.0
import CPacket

/// The VLANs that a frame is in: none, one (IEEE 802.1Q), or a customer's within a provider's
/// (IEEE 802.1ad, "QinQ"); or the tunnel that a packet came by.
///
///     0             6        12              16              20
///     +-------------+--------+---------------+---------------+------+----
///     | destination | source | 88A8 | outer  | 8100 | inner  | type | ...
///     +-------------+--------+---------------+---------------+------+----
///
/// A frame with one tag has no inner VLAN, and 8100 before the only one. What came by a tunnel has
/// the mark `EtherType.tunnel` and the number of its interface in the place of one tag; the mark
/// never leaves the process, and a frame that arrives with it is dropped.
public struct VLANTags: Hashable, BitwiseCopyable, Sendable {
    /// Identifiers that a VLAN may have: 0 is none, and 4095 is reserved.
    public static let identifiers = 1...4094

    public var outer: UInt16
    /// 0 when there is one tag only.
    public var inner: UInt16
    /// The interface that is a tunnel, and then there is no VLAN; 0: none is.
    public var tunnel: UInt16

    public init(outer: UInt16 = 0, inner: UInt16 = 0, tunnel: UInt16 = 0) {
        self.outer = outer
        self.inner = inner
        self.tunnel = tunnel
    }

    public var isEmpty: Bool { outer | inner | tunnel == 0 }

    /// Octets on the wire.
    public var length: Int { isEmpty ? 0 : inner == 0 ? 4 : 8 }

    /// As they stand in a frame.
    public var octets: [UInt8] {
        func octets(_ type: EtherType, _ tag: UInt16) -> [UInt8] {
            [type.rawValue, tag].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        }
        if isEmpty { return [] }
        if tunnel != 0 { return octets(.tunnel, tunnel) }
        if inner == 0 { return octets(.vlan, outer) }
        return octets(.providerVLAN, outer) + octets(.vlan, inner)
    }

    /// Puts the tags behind the addresses of the untagged frame of `packet`; false when the buffer
    /// has no room in front.
    public func insert(into packet: borrowing Packet) -> Bool {
        if isEmpty { return true }
        let buffer = unsafe packet.buffer
        let length = UInt16(length)
        guard unsafe buffer.pointee.data_off >= length, packet.count >= 14 else { return false }
        let old = unsafe packet.frame
        unsafe buffer.pointee.data_off -= length
        unsafe buffer.pointee.data_len += length
        unsafe buffer.pointee.pkt_len += UInt32(length)
        unsafe packet.frame.copyMemory(from: old, byteCount: 12)
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard tunnel == 0 else {
            bytes.set(EtherType.tunnel.rawValue, at: 12)
            bytes.set(tunnel, at: 14)
            return true
        }
        bytes.set((inner == 0 ? EtherType.vlan : .providerVLAN).rawValue, at: 12)
        bytes.set(outer, at: 14)
        guard inner != 0 else { return true }
        bytes.set(EtherType.vlan.rawValue, at: 16)
        bytes.set(inner, at: 18)
        return true
    }
}

/// Where the link layer of a frame ends, and what it says.
public struct LinkHeader: BitwiseCopyable, Sendable {
    public var tags: VLANTags
    public var type: EtherType
    /// Octets before the network header.
    public var length: Int

    /// Reads the frame of `packet`; nil when it is too short.
    ///
    /// A tag that the device took out of it counts.
    public init?(_ packet: borrowing Packet) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard let first = bytes.word(12) else { return nil }
        tags = VLANTags()
        type = EtherType(rawValue: first)
        length = 14
        if type == .tunnel {
            guard let number = bytes.word(14), let inner = bytes.word(16) else { return nil }
            tags.tunnel = number
            type = EtherType(rawValue: inner)
            length = 18
            return
        }
        let buffer = unsafe packet.buffer
        if unsafe buffer.pointee.ol_flags & (1 << UInt64(CPacket_rx_vlan_stripped_bit)) != 0 {
            tags.outer = unsafe buffer.pointee.vlan_tci & 0xFFF
        }
        // Some switches have 8100 before the outer tag, too; and AF_PACKET forgets what it was.
        let isProvider =
            (type == .providerVLAN || type == .vlan) && bytes.word(16) == EtherType.vlan.rawValue
        if isProvider {
            guard let outer = bytes.word(14), bytes.word(18) != nil else { return nil }
            tags.outer = outer & 0xFFF
            length = 18
        } else if type != .vlan {
            return
        }
        guard let tag = bytes.word(length), let inner = bytes.word(length + 2) else { return nil }
        // The device may have taken the outer one of two.
        if isProvider || !tags.isEmpty {
            tags.inner = tag & 0xFFF
        } else {
            tags.outer = tag & 0xFFF
        }
        type = EtherType(rawValue: inner)
        length += 4
    }

    /// Takes the tags out of `packet`, whose link layer this is; a device's note of one, too.
    public func removeTags(from packet: borrowing Packet) {
        let buffer = unsafe packet.buffer
        unsafe buffer.pointee.ol_flags &= ~(1 << UInt64(CPacket_rx_vlan_stripped_bit))
        let surplus = UInt16(truncatingIfNeeded: length &- 14)
        guard surplus > 0 else { return }
        let old = unsafe packet.frame
        unsafe buffer.pointee.data_off &+= surplus
        unsafe buffer.pointee.data_len &-= surplus
        unsafe buffer.pointee.pkt_len &-= UInt32(surplus)
        unsafe packet.frame.copyMemory(from: old, byteCount: 12)
    }
}
