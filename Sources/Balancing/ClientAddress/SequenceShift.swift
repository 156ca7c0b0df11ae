// SPDX-License-Identifier: Apache-2.0

/// How the octets of a client are numbered toward the backend.
///
///     client     ISN | removed | data ...               first octet: ISN + 1
///     backend   ISN' |  header  | data ...              first octet: ISN' + 1
///
/// `delta` is what data gains on its way to the backend. As long as the backend may lack a part of
/// the header, its acknowledgments of that part acknowledge nothing the client has sent.
public struct SequenceShift: Equatable, Sendable, BitwiseCopyable {
    /// Added to the client's sequence numbers.
    public var delta: UInt32
    /// The number of the first octet after the SYN: the client's, and the backend's.
    var clientFirst: UInt32 = 0
    var backendFirst: UInt32 = 0
    /// Octets of a header that the backend has not acknowledged yet, else 0.
    var pendingLength: UInt32 = 0

    public init(delta: UInt32) { self.delta = delta }

    public var isIdentity: Bool { delta == 0 && pendingLength == 0 }

    /// The client's number for one that the backend acknowledges.
    public func toClient(_ number: UInt32) -> UInt32 {
        number &- backendFirst < pendingLength ? clientFirst : number &- delta
    }

    /// The backend's number for one of the client's.
    public func toBackend(_ number: UInt32) -> UInt32 { number &+ delta }
}

extension PacketEditor {
    /// Rewrites a segment on its way to the backend.
    public func shiftTowardBackend(_ shift: SequenceShift) {
        guard !shift.isIdentity, let segment else { return }
        setTCP(shift.toBackend(segment.sequence), at: TCPOffset.sequence)
    }

    /// Rewrites a segment on its way to the client: what it acknowledges, one by one too (SACK,
    /// RFC 2018 section 3).
    public func shiftTowardClient(_ shift: SequenceShift) {
        guard !shift.isIdentity, let header = tcpHeaderLength, flags.contains(.ack) else { return }
        let acknowledgment = long(transportOffset &+ TCPOffset.acknowledgment)
        setTCP(shift.toClient(acknowledgment), at: TCPOffset.acknowledgment)
        guard header > TCPOffset.fixedLength else { return }
        var walk = options(header)
        var change = ChecksumChange()
        while let option = walk.next() {
            guard option.kind == .sack else { continue }
            // Whole edges only; an option of another length has a rest that means nothing.
            var offset = option.offset &+ 2
            while offset &+ 4 <= option.offset &+ option.length {
                setEdge(shift.toClient(long(offset)), at: offset, &change)
                offset &+= 4
            }
        }
        applyToTCP(change)
    }

    /// An edge may start at an odd place: octet by octet.
    private func setEdge(_ edge: UInt32, at offset: Int, _ change: inout ChecksumChange) {
        for index in 0..<4 {
            let octet = UInt8(truncatingIfNeeded: edge >> UInt32(24 &- 8 &* index))
            setTCP(octet: octet, at: offset &+ index, &change)
        }
    }
}
