// SPDX-License-Identifier: Apache-2.0
import Packet

/// The kind of a TCP option; an open set, see the IANA registry.
struct TCPOptionKind: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    var rawValue: UInt8

    static let end = TCPOptionKind(rawValue: 0)
    static let noOperation = TCPOptionKind(rawValue: 1)
    static let maximumSegmentSize = TCPOptionKind(rawValue: 2)
    static let windowScale = TCPOptionKind(rawValue: 3)
    static let sackPermitted = TCPOptionKind(rawValue: 4)
    static let sack = TCPOptionKind(rawValue: 5)
    static let timestamps = TCPOptionKind(rawValue: 8)
    /// The client's address: a number for experiments (RFC 4727) that balancers and their backends
    /// agreed on.
    static let clientAddress = TCPOptionKind(rawValue: 254)
}

/// One option, where it stands.
struct TCPOption: BitwiseCopyable {
    var kind: TCPOptionKind
    var offset: Int
    var length: Int
}

/// Walks the options of a TCP header up to the end, or to the first that is malformed: receivers
/// do not look further either.
struct TCPOptionWalk: BitwiseCopyable {
    private let bytes: FrameBytes
    private var position: Int
    private let end: Int

    init(_ bytes: FrameBytes, from start: Int, to end: Int) {
        self.bytes = bytes
        position = start
        self.end = end
    }

    mutating func next() -> TCPOption? {
        guard position < end, let octet = bytes.octet(position) else { return nil }
        let kind = TCPOptionKind(rawValue: octet)
        var length = 1
        if kind == .end { return nil }
        if kind != .noOperation {
            guard position &+ 1 < end, let field = bytes.octet(position &+ 1) else { return nil }
            length = Int(field)
            guard length >= 2, position &+ length <= end else { return nil }
        }
        let option = TCPOption(kind: kind, offset: position, length: length)
        position &+= length
        return option
    }
}

extension PacketEditor {
    /// The options of a TCP header of `length` octets.
    func options(_ length: Int) -> TCPOptionWalk {
        TCPOptionWalk(
            bytes,
            from: transportOffset &+ TCPOffset.fixedLength,
            to: transportOffset &+ length
        )
    }

    /// Writes no-operations over every option of `kind`; says how many there were.
    @discardableResult
    func blankOptions(_ kind: TCPOptionKind) -> Int {
        guard let header = tcpHeaderLength, header > TCPOffset.fixedLength else { return 0 }
        var walk = options(header)
        var change = ChecksumChange()
        var found = 0
        while let option = walk.next() {
            guard option.kind == kind else { continue }
            for offset in option.offset..<(option.offset &+ option.length) {
                setTCP(octet: TCPOptionKind.noOperation.rawValue, at: offset, &change)
            }
            found &+= 1
        }
        if found > 0 { applyToTCP(change) }
        return found
    }

    /// Takes the timestamps option out of a SYN, so that the backend never uses them.
    ///
    /// Several clients stand behind one local address, and each has a clock of its own: the backend
    /// would see time run backwards and discard new connections as old duplicates (PAWS, RFC 7323
    /// section 5.2). Other segments stay as they are; false when nothing was to do.
    @discardableResult
    public func removeTimestampsFromSYN() -> Bool {
        flags.contains(.syn) && blankOptions(.timestamps) > 0
    }

    // MARK: - Maximum segment size (RFC 9293 section 3.7.1)

    /// What nobody announces less than: smaller segments are mostly header.
    private static let leastSegmentSize: UInt16 = 88

    /// Announces `octets` less than the sender did, so that what is inserted later has room in the
    /// packets of the other side; for SYN and SYN with ACK.
    public func lowerMSS(by octets: UInt16) {
        guard let (offset, size) = announcedMSS, size > Self.leastSegmentSize else { return }
        let lower = size &- min(size, octets)
        setMSS(max(lower, Self.leastSegmentSize), at: offset)
    }

    /// Announces at most `limit`; for SYN and SYN with ACK.
    public func clampMSS(to limit: UInt16) {
        guard let (offset, size) = announcedMSS, size > limit else { return }
        setMSS(limit, at: offset)
    }

    private var announcedMSS: (offset: Int, size: UInt16)? {
        guard let header = tcpHeaderLength, flags.contains(.syn) else { return nil }
        var walk = options(header)
        while let option = walk.next() {
            guard option.kind == .maximumSegmentSize, option.length == 4 else { continue }
            return (option.offset &+ 2, word(option.offset &+ 2))
        }
        return nil
    }

    /// The option may start at an odd place: octet by octet.
    private func setMSS(_ size: UInt16, at offset: Int) {
        var change = ChecksumChange()
        setTCP(octet: UInt8(truncatingIfNeeded: size >> 8), at: offset, &change)
        setTCP(octet: UInt8(truncatingIfNeeded: size), at: offset &+ 1, &change)
        applyToTCP(change)
    }
}
