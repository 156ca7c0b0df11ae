// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import CPacket
public import Packet

/// A packet that grows or shrinks in place: a window onto its buffer that knows where the headers
/// are and keeps the lengths of the buffer and of the IP header right.
///
///         headroom          front            rear          tailroom
///     +--------------+----------------+---------------+--------------+
///     |              | Ethernet IP TCP| data  padding |              |
///     +--------------+----------------+---------------+--------------+
///     buf_addr       data_off         offset          data_off + data_len
///
/// Octets are inserted by moving the front, which is short, into the headroom; when there is too
/// little, the rear moves into the tailroom. Ethernet padding stays where it is: behind the packet.
///
/// Offsets count from the start of the frame; every access is checked, so that any octets may be
/// in the frame. The buffer has one segment and outlives this value.
@safe
public struct PacketEditor: BitwiseCopyable {
    enum IPv4Offset {
        static let totalLength = 2, identification = 4, fragment = 6, `protocol` = 9, checksum = 10
        static let fixedLength = 20
    }
    enum IPv6Offset {
        static let payloadLength = 4, nextHeader = 6
        static let fixedLength = 40
    }

    public let buffer: UnsafeMutablePointer<CPacket_buffer>
    public let networkOffset: Int
    public private(set) var transportOffset: Int
    public let isIPv6: Bool
    let isUDP: Bool

    /// Views the packet whose IP header is at `networkOffset` and whose TCP or UDP header is at
    /// `transportOffset`; nil when the frame cannot hold what the IP header promises, or the
    /// protocol is another.
    @unsafe
    public init?(
        _ buffer: UnsafeMutablePointer<CPacket_buffer>,
        networkOffset: Int,
        transportOffset: Int,
        family: AddressFamily,
        protocol: IPProtocol
    ) {
        unsafe self.buffer = unsafe buffer
        self.networkOffset = networkOffset
        self.transportOffset = transportOffset
        switch family {
        case .ipv4: isIPv6 = false
        case .ipv6: isIPv6 = true
        }
        isUDP = `protocol` == .udp
        let fixed = isIPv6 ? IPv6Offset.fixedLength : IPv4Offset.fixedLength
        guard isUDP || `protocol` == .tcp, networkOffset >= 14, networkOffset <= Int(UInt16.max),
            transportOffset <= Int(UInt16.max), transportOffset >= networkOffset &+ fixed,
            transportOffset <= networkOffset &+ packetLength,
            networkOffset &+ packetLength <= bytes.count
        else { return nil }
    }

    /// The frame.
    public var bytes: FrameBytes {
        unsafe FrameBytes(frame, count: Int(buffer.pointee.data_len))
    }

    private var frame: UnsafeMutableRawPointer {
        unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
    }

    // MARK: - Lengths

    /// Octets of the IP packet.
    public var packetLength: Int {
        isIPv6
            ? Int(word(networkOffset &+ IPv6Offset.payloadLength)) &+ IPv6Offset.fixedLength
            : Int(word(networkOffset &+ IPv4Offset.totalLength))
    }

    /// Where the IP packet ends; the frame may go on with padding.
    public var packetEnd: Int { networkOffset &+ packetLength }

    /// Octets of the transport header and what follows it.
    var transportLength: Int { packetEnd &- transportOffset }

    /// Whether this is a part of a larger packet (IPv4): what follows it counts on its length.
    var isFragment: Bool {
        !isIPv6 && word(networkOffset &+ IPv4Offset.fragment) & 0x3FFF != 0
    }

    private var headroom: Int { unsafe Int(buffer.pointee.data_off) }

    private var tailroom: Int {
        unsafe Int(buffer.pointee.buf_len) &- Int(buffer.pointee.data_off)
            &- Int(buffer.pointee.data_len)
    }

    /// Whether `insert` of so many octets would succeed; a buffer is never longer than an IP length
    /// can say.
    public func hasRoom(for count: Int) -> Bool {
        guard count >= 0, headroom >= count || tailroom >= count else { return false }
        return unsafe buffer.pointee.nb_segs <= 1
    }

    // MARK: - Growing and shrinking

    /// Makes room for `count` octets at `offset`, behind the fixed IP header; false when neither
    /// side of the frame has room, and then nothing has changed.
    ///
    /// The new octets are whatever was there; the caller writes all of them, and corrects the
    /// transport checksum. Room at or before the transport header moves that header.
    public mutating func insert(_ count: Int, at offset: Int) -> Bool {
        guard isInside(offset), hasRoom(for: count) else { return false }
        let start = unsafe frame
        if headroom >= count {
            unsafe (start - count).copyMemory(from: start, byteCount: offset)
            unsafe buffer.pointee.data_off &-= UInt16(count)
        } else {
            let rear = bytes.count &- offset
            unsafe (start + offset + count).copyMemory(from: start + offset, byteCount: rear)
        }
        resize(by: count)
        if offset <= transportOffset { transportOffset &+= count }
        return true
    }

    /// Takes `count` octets at `offset` out of the packet; false when they are not all between the
    /// fixed IP header and the end of the packet.
    public mutating func remove(_ count: Int, at offset: Int) -> Bool {
        guard count >= 0, isInside(offset), offset &+ count <= packetEnd else { return false }
        let start = unsafe frame
        unsafe (start + count).copyMemory(from: start, byteCount: offset)
        unsafe buffer.pointee.data_off &+= UInt16(count)
        resize(by: 0 &- count)
        if offset < transportOffset { transportOffset &-= min(count, transportOffset &- offset) }
        return true
    }

    private func isInside(_ offset: Int) -> Bool {
        let fixed = isIPv6 ? IPv6Offset.fixedLength : IPv4Offset.fixedLength
        return offset >= networkOffset &+ fixed && offset <= packetEnd
    }

    private func resize(by count: Int) {
        let step = UInt16(truncatingIfNeeded: count)
        unsafe buffer.pointee.data_len &+= step
        unsafe buffer.pointee.pkt_len &+= UInt32(truncatingIfNeeded: count)
        let field = networkOffset &+ (isIPv6 ? IPv6Offset.payloadLength : IPv4Offset.totalLength)
        setNetwork(word(field) &+ step, at: field)
    }

    /// Writes a word of the IP header, and what that adds to the header checksum of IPv4.
    func setNetwork(_ value: UInt16, at offset: Int) {
        var change = ChecksumChange()
        change.replace(word(offset), with: value)
        bytes.set(value, at: offset)
        guard !isIPv6 else { return }
        let field = networkOffset &+ IPv4Offset.checksum
        bytes.set(change.applied(to: word(field)), at: field)
    }

    // MARK: - Octets

    func octet(_ offset: Int) -> UInt8 { bytes.octet(offset) ?? 0 }
    func word(_ offset: Int) -> UInt16 { bytes.word(offset) ?? 0 }
    func long(_ offset: Int) -> UInt32 { bytes.long(offset) ?? 0 }

    /// The sum of `count` octets from `offset`, as a checksum sees them at an even place.
    func sum(_ offset: Int, _ count: Int) -> UInt16 { ~bytes.checksum(offset, count) }

    /// Moves octets within the frame; the ranges may overlap.
    func move(_ count: Int, from source: Int, to target: Int) {
        guard count > 0, source >= 0, target >= 0, max(source, target) &+ count <= bytes.count
        else { return }
        unsafe (frame + target).copyMemory(from: frame + source, byteCount: count)
    }
}

/// Whether and how a packet came to carry the client's address.
public enum AddressInsertion: Equatable, Sendable, BitwiseCopyable {
    case inserted
    /// Inserted, and options that did not matter as much are gone.
    case insertedWithoutOptions
    /// The IP header cannot take more.
    case headerFull
    /// The packet would be longer than the next link takes.
    case exceedsMTU
    /// The buffer has no room.
    case noRoom
    /// There is no complete header to insert into, or the packet is a fragment.
    case malformed

    public var isDone: Bool { self == .inserted || self == .insertedWithoutOptions }
}
