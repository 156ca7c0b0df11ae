// SPDX-License-Identifier: Apache-2.0
import Packet

/// The flags octet of a TCP header (RFC 9293 section 3.1).
public struct TCPFlags: OptionSet, Sendable, BitwiseCopyable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let fin = TCPFlags(rawValue: 0x01)
    public static let syn = TCPFlags(rawValue: 0x02)
    public static let rst = TCPFlags(rawValue: 0x04)
    public static let psh = TCPFlags(rawValue: 0x08)
    public static let ack = TCPFlags(rawValue: 0x10)
    public static let urg = TCPFlags(rawValue: 0x20)
}

/// What a TCP segment says about sequence numbers.
public struct TCPSegment: Equatable, Sendable, BitwiseCopyable {
    public var flags: TCPFlags
    public var sequence: UInt32
    public var acknowledgment: UInt32
    /// Octets of data.
    public var dataLength: Int

    public init(flags: TCPFlags, sequence: UInt32, acknowledgment: UInt32, dataLength: Int) {
        self.flags = flags
        self.sequence = sequence
        self.acknowledgment = acknowledgment
        self.dataLength = dataLength
    }
}

/// Where the fields of transport headers are.
enum TCPOffset {
    static let sequence = 4, acknowledgment = 8, dataOffset = 12, flags = 13, window = 14
    static let checksum = 16, urgentPointer = 18
    static let fixedLength = 20
    /// The header's length is a number of words in four bits.
    static let longest = 60
}

extension PacketEditor {
    /// Octets of the TCP header; nil when the packet does not hold it.
    var tcpHeaderLength: Int? {
        guard !isUDP, transportLength >= TCPOffset.fixedLength, !isFragment else { return nil }
        let length = Int(octet(transportOffset &+ TCPOffset.dataOffset) >> 4) &* 4
        guard length >= TCPOffset.fixedLength, length <= transportLength else { return nil }
        return length
    }

    /// The TCP segment; nil when the packet does not hold its header.
    public var segment: TCPSegment? {
        guard let header = tcpHeaderLength else { return nil }
        return TCPSegment(
            flags: flags,
            sequence: long(transportOffset &+ TCPOffset.sequence),
            acknowledgment: long(transportOffset &+ TCPOffset.acknowledgment),
            dataLength: transportLength &- header
        )
    }

    /// Whether this is a TCP segment with SYN.
    public var isSYN: Bool { !isUDP && flags.contains(.syn) }

    var flags: TCPFlags { TCPFlags(rawValue: octet(transportOffset &+ TCPOffset.flags)) }

    // MARK: - Writing with the checksum

    /// Gives the TCP checksum what an edit adds to it.
    func applyToTCP(_ change: ChecksumChange) {
        let field = transportOffset &+ TCPOffset.checksum
        bytes.set(change.applied(to: word(field)), at: field)
    }

    /// Writes four octets of the TCP header that start at an even place.
    func setTCP(_ value: UInt32, at field: Int) {
        let offset = transportOffset &+ field
        var change = ChecksumChange()
        change.replace(long(offset), with: value)
        bytes.set(value, at: offset)
        applyToTCP(change)
    }

    /// Writes one octet of the TCP header; the checksum's share goes into `change`.
    func setTCP(octet value: UInt8, at offset: Int, _ change: inout ChecksumChange) {
        change.replace(octet: octet(offset), with: value, distance: offset &- transportOffset)
        bytes.set(value, at: offset)
    }

    /// Removes the data of a segment, as from a SYN whose data nobody has to accept (RFC 9293
    /// section 3.10.7.4, "may be queued"): the sender repeats it.
    mutating func removeData() {
        guard let segment else { return }
        _ = replaceData(removing: segment.dataLength, inserting: nil, mtu: .max)
    }
}
