// SPDX-License-Identifier: Apache-2.0

/// An SCTP packet in place (RFC 9260 section 3).
///
///      0                8       12      16
///     +-------+--------+--------+-------+----------------------+---
///     | source| dest.  | verif. | CRC32c| type, flags, length  | ...
///     | port  | port   | tag    |       | of the first chunk   |
///     +-------+--------+--------+-------+----------------------+---
///              (2 + 2)    (4)      (4)
@safe
public struct SCTPPacket: BitwiseCopyable {
    private enum Offset {
        static let verificationTag = 4, checksum = 8, chunks = 12
    }

    private let base: UnsafeMutableRawPointer
    /// Octets of the packet, its header included.
    public let length: UInt16

    /// The packet of `length` octets at `base`, or nil when that cannot hold the header; the octets
    /// outlive this value.
    @unsafe
    public init?(at base: UnsafeMutableRawPointer, length: UInt16) {
        guard Int(length) >= Offset.chunks else { return nil }
        unsafe self.base = unsafe base
        self.length = length
    }

    /// Both ports as they lie in the packet, like those of a tuple.
    public var ports: UInt32 { unsafe base.loadUnaligned(as: UInt32.self) }
    public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: ports).byteSwapped }
    public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: ports >> 16).byteSwapped }

    /// 0 only in a packet with an INIT (RFC 9260 section 8.5.1).
    public var verificationTag: UInt32 {
        unsafe UInt32(
            bigEndian: base.loadUnaligned(fromByteOffset: Offset.verificationTag, as: UInt32.self)
        )
    }

    /// As stored; its octets are in the order of a little-endian number (RFC 9260 Appendix A).
    public var checksum: UInt32 {
        unsafe UInt32(
            littleEndian: base.loadUnaligned(fromByteOffset: Offset.checksum, as: UInt32.self)
        )
    }

    /// What `checksum` has to be: over the packet, with zeros in place of the checksum.
    @inline(never)
    public func computedChecksum() -> UInt32 {
        var register = unsafe CRC32c.advance(CRC32c.start, over: base, Offset.checksum)
        var zero: UInt32 = 0
        register = unsafe CRC32c.advance(register, over: &zero, 4)
        let rest = Int(length) &- Offset.chunks
        return unsafe ~CRC32c.advance(register, over: base + Offset.chunks, rest)
    }

    /// Gives the packet other ports, as they lie in a packet, and the checksum what that changes:
    /// a right one stays right and a wrong one wrong.
    public func rewrite(ports new: UInt32, _ shift: borrowing CRC32cShift) {
        let difference = UInt32(littleEndian: ports) ^ UInt32(littleEndian: new)
        guard difference != 0 else { return }
        unsafe base.storeBytes(of: new, as: UInt32.self)
        store(checksum ^ shift.change(from: difference, length: length))
    }

    /// Computes the checksum from the octets: for packets made here.
    public func recomputeChecksum() { store(computedChecksum()) }

    private func store(_ checksum: UInt32) {
        unsafe base.storeBytes(
            of: checksum.littleEndian,
            toByteOffset: Offset.checksum,
            as: UInt32.self
        )
    }

    // MARK: - Chunks

    /// The chunks in order: see `next`.
    public struct Chunks: BitwiseCopyable {
        private let packet: SCTPPacket
        private var offset = Offset.chunks

        fileprivate init(_ packet: SCTPPacket) {
            self.packet = packet
        }

        /// The next chunk; nil at the end and where the rest is no chunk.
        ///
        /// RFC 9260 section 3.2: the length counts the header of four octets but not the padding
        /// to a multiple of four.
        public mutating func next() -> SCTPChunk? {
            let room = Int(packet.length) &- offset
            guard room >= 4 else { return nil }
            let header = unsafe UInt32(
                bigEndian: packet.base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            )
            let length = UInt16(truncatingIfNeeded: header)
            guard length >= 4, Int(length) <= room else { return nil }
            offset &+= (Int(length) &+ 3) & ~3
            return SCTPChunk(
                type: SCTPChunk.Kind(rawValue: UInt8(truncatingIfNeeded: header >> 24)),
                flags: UInt8(truncatingIfNeeded: header >> 16),
                length: length
            )
        }
    }

    public var chunks: Chunks { Chunks(self) }

    /// The tag that the sender of an INIT or an INIT ACK wants to see in packets to it; nil when the
    /// packet begins with neither.
    ///
    /// "An SCTP endpoint MUST NOT bundle INIT, INIT ACK, or SHUTDOWN COMPLETE chunks with any other
    /// chunk" (RFC 9260 section 4).
    public var initiateTag: UInt32? {
        var chunks = chunks
        guard let type = chunks.next()?.type, type == .initiation || type == .initiationAck,
            length >= UInt16(Offset.chunks &+ 8)
        else { return nil }
        return unsafe UInt32(
            bigEndian: base.loadUnaligned(fromByteOffset: Offset.chunks &+ 4, as: UInt32.self)
        )
    }

    /// Whether an ABORT or a SHUTDOWN COMPLETE says by its T bit that it has the tag of the packet
    /// that it answers (RFC 9260 section 3.3.7, 3.3.13).
    public var reflectsTag: Bool {
        var chunks = chunks
        for _ in 0..<Self.chunkLimit {
            guard let chunk = chunks.next() else { return false }
            if chunk.type == .abort || chunk.type == .shutdownComplete {
                return chunk.flags & 1 != 0
            }
        }
        return false
    }

    /// Chunks that are looked at for `event`.
    private static let chunkLimit = 16

    /// What the packet asks of the state machine: the weightiest of its chunks.
    ///
    /// Control chunks come before DATA (RFC 9260 section 6.10), so the walk ends there.
    public var event: SCTPEvent {
        var chunks = chunks
        var event = SCTPEvent.other
        for _ in 0..<Self.chunkLimit {
            guard let chunk = chunks.next() else { break }
            let next = SCTPEvent(chunk.type)
            if next.rawValue < event.rawValue { event = next }
            if next == .data { break }
        }
        return event
    }
}

/// The header of a chunk (RFC 9260 section 3.2).
public struct SCTPChunk: Hashable, Sendable, BitwiseCopyable {
    /// What a chunk is; an open set, see the IANA registry "SCTP Chunk Types".
    public struct Kind: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
        public var rawValue: UInt8

        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        public static let data = Kind(rawValue: 0)
        public static let initiation = Kind(rawValue: 1)
        public static let initiationAck = Kind(rawValue: 2)
        public static let selectiveAck = Kind(rawValue: 3)
        public static let heartbeat = Kind(rawValue: 4)
        public static let heartbeatAck = Kind(rawValue: 5)
        public static let abort = Kind(rawValue: 6)
        public static let shutdown = Kind(rawValue: 7)
        public static let shutdownAck = Kind(rawValue: 8)
        public static let error = Kind(rawValue: 9)
        public static let cookieEcho = Kind(rawValue: 10)
        public static let cookieAck = Kind(rawValue: 11)
        public static let shutdownComplete = Kind(rawValue: 14)
        /// RFC 8260 section 2.1.
        public static let interleavedData = Kind(rawValue: 64)
    }

    public var type: Kind
    public var flags: UInt8
    /// Octets of the chunk, its header included and its padding not.
    public var length: UInt16

    public init(type: Kind, flags: UInt8, length: UInt16) {
        self.type = type
        self.flags = flags
        self.length = length
    }
}
