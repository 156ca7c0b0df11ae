// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Packet

/// The header of generic routing encapsulation (RFC 2784), with key and sequence number (RFC 2890).
///
///      0 1 2 3 4 5            13    16                            32
///     +-+-+-+-+-+------------+-----+-----------------------------+
///     |C| |K|S| | reserved   | 0   | EtherType of the payload    |
///     +-+-+-+-+-+------------+-----+-----------------------------+
///     | checksum (if C)            | 0                           |
///     +----------------------------+-----------------------------+
///     | key (if K)                                               |
///     +----------------------------------------------------------+
///     | sequence number (if S)                                   |
///     +----------------------------------------------------------+
public struct GREHeader: Equatable, BitwiseCopyable, Sendable {
    private enum Flag {
        static let checksum: UInt16 = 0x8000, key: UInt16 = 0x2000, sequence: UInt16 = 0x1000
        /// RFC 2784 section 2.3: "A receiver MUST discard a packet where any of bits 1-5 are
        /// non-zero", of which RFC 2890 has given two a meaning; and the version is 0.
        static let forbidden: UInt16 = 0x4C07
    }

    public let type: EtherType
    public let hasChecksum: Bool
    public let key: UInt32?
    public let sequence: UInt32?
    /// Octets.
    public let length: Int

    /// Reads the header at `base` of a packet that ends at `end`; nil when it is too short or of
    /// another form.
    public init?(_ bytes: FrameBytes, at base: Int, end: Int) {
        guard let flags = bytes.word(base), let type = bytes.word(base + 2),
            flags & Flag.forbidden == 0
        else { return nil }
        self.type = EtherType(rawValue: type)
        var place = base + 4
        hasChecksum = flags & Flag.checksum != 0
        if hasChecksum { place += 4 }
        key = flags & Flag.key != 0 ? bytes.long(place) : nil
        if flags & Flag.key != 0 { place += 4 }
        sequence = flags & Flag.sequence != 0 ? bytes.long(place) : nil
        if flags & Flag.sequence != 0 { place += 4 }
        length = place - base
        guard place <= end, end <= bytes.count else { return nil }
    }

    /// Whether the checksum is right, or there is none: it covers the header and all behind it.
    public func isIntact(_ bytes: FrameBytes, at base: Int, end: Int) -> Bool {
        !hasChecksum || bytes.checksum(base, end - base) == 0
    }

    /// Writes a header before the inner packet; `length` is of both.
    static func write(
        _ shim: UnsafeMutableRawPointer,
        _ length: Int,
        _ innerIsIPv6: Bool,
        _ options: Encapsulation.Options,
        _ sequence: UInt32
    ) {
        let bytes = unsafe FrameBytes(shim, count: length)
        var flags: UInt16 = options.hasChecksum ? Flag.checksum : 0
        if options.key != nil { flags |= Flag.key }
        if options.hasSequence { flags |= Flag.sequence }
        bytes.set(flags, at: 0)
        bytes.set((innerIsIPv6 ? EtherType.ipv6 : EtherType.ipv4).rawValue, at: 2)
        var place = 4
        if options.hasChecksum {
            bytes.set(UInt32(0), at: place)
            place += 4
        }
        if let key = options.key {
            bytes.set(key, at: place)
            place += 4
        }
        if options.hasSequence { bytes.set(sequence, at: place) }
        if options.hasChecksum { bytes.set(bytes.checksum(0, length), at: 4) }
    }
}
