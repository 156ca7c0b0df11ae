// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Packet

/// An ICMP or ICMPv6 error in a frame, read with every length and checksum checked.
///
///     IP header │ type, code, checksum │ rest │ quoted IP header │ its first octets │ extensions
///
/// `quoted.flow` tells what the error is about, so that the connection is found under
/// `quoted.flow.reversed`; `rewrite` then makes it an error for the other end.
public struct ICMPErrorMessage: Equatable, BitwiseCopyable, Sendable {
    public let isIPv6: Bool
    public internal(set) var fields: ICMPErrorFields
    public internal(set) var quoted: QuotedPacket

    // Places in the frame.
    let networkOffset: Int
    let offset: Int
    var end: Int

    public enum Outcome: Equatable, BitwiseCopyable, Sendable {
        case read(ICMPErrorMessage)
        case refused(TranslationRefusal)
    }

    /// Octets before the quotation.
    static let headerLength = 8

    /// Reads the ICMP error in `bytes`, which `frame` describes.
    public static func read(_ bytes: FrameBytes, _ frame: ParsedFrame) -> Outcome {
        let isIPv6 = frame.content == .ipv6
        let offset = Int(frame.transportOffset)
        let end = Int(frame.networkOffset) &+ Int(frame.totalLength)
        guard
            isIPv6 || frame.content == .ipv4, frame.protocol == (isIPv6 ? .icmpv6 : .icmp)
        else { return .refused(.notAnError) }
        guard !frame.isFragment else { return .refused(.fragmentedICMP) }
        guard
            end <= bytes.count, offset &+ headerLength <= end, let type = bytes.octet(offset),
            let code = bytes.octet(offset &+ 1), let rest = bytes.long(offset &+ 4)
        else { return .refused(.malformed) }
        let fields = ICMPErrorFields(type: type, code: code, rest: rest)
        guard ICMPErrorFields.isError(type, isIPv6: isIPv6) else { return .refused(.notAnError) }
        // RFC 5508 section 4.2, REQ-3: an error with a wrong checksum is dropped.
        let network = Int(frame.networkOffset)
        guard checksum(bytes, network, offset, end, isIPv6) == 0 else {
            return .refused(.badChecksum)
        }
        let base = offset &+ headerLength
        let length = fields.quotedLength(isIPv6: isIPv6)
        let quotedEnd = length.map { min(end, base &+ $0) } ?? end
        switch QuotedPacket.read(bytes, at: base, end: quotedEnd, isIPv6: isIPv6) {
        case .refused(let refusal): return .refused(refusal)
        case .read(let quoted):
            let message = ICMPErrorMessage(
                isIPv6: isIPv6,
                fields: fields,
                quoted: quoted,
                networkOffset: network,
                offset: offset,
                end: end
            )
            return .read(message)
        }
    }

    /// Whether nobody takes such packets where they go: "destination unreachable", but for what is
    /// too long.
    public var isRefusal: Bool {
        isIPv6 ? fields.type == 1 : fields.type == 3 && fields.code != 4
    }

    /// Who sent the error that was read from `bytes`.
    public func reporter(_ bytes: FrameBytes) -> IPAddress? {
        isIPv6
            ? bytes.ipv6Address(networkOffset &+ 8).map(IPAddress.v6)
            : bytes.ipv4Address(networkOffset &+ 12).map(IPAddress.v4)
    }

    /// The checksum of the message in `offset..<end`, for ICMPv6 with its pseudo-header (RFC 4443
    /// section 2.3): what to store when the field is zero, and 0 when the stored one is right.
    static func checksum(
        _ bytes: FrameBytes,
        _ network: Int,
        _ offset: Int,
        _ end: Int,
        _ isIPv6: Bool
    ) -> UInt16 {
        let length = end &- offset
        guard isIPv6 else { return bytes.checksum(offset, length) }
        var pseudo = InternetSum()
        if let source = bytes.ipv6Address(network &+ 8),
            let destination = bytes.ipv6Address(network &+ 24)
        {
            pseudo.add(source)
            pseudo.add(destination)
        }
        pseudo.add(UInt32(truncatingIfNeeded: length))
        pseudo.add(UInt16(IPProtocol.icmpv6.rawValue))
        return bytes.checksum(offset, length, adding: UInt32(pseudo.folded))
    }

    /// Computes the checksum of the message in `offset..<end` and stores it.
    static func storeChecksum(
        _ bytes: FrameBytes,
        _ network: Int,
        _ offset: Int,
        _ end: Int,
        _ isIPv6: Bool
    ) {
        bytes.set(UInt16(0), at: offset &+ 2)
        bytes.set(checksum(bytes, network, offset, end, isIPv6), at: offset &+ 2)
    }
}

/// What an ICMP error is to become.
public struct ICMPErrorRewrite: Equatable, BitwiseCopyable, Sendable {
    /// The addresses of the error itself; of the same family as those of `quoted`.
    public var source: IPAddress
    public var destination: IPAddress
    /// What the quoted packet had when its sender sent it; ports as in `QuotedPacket.flow`.
    public var quoted: FlowAddresses<IPAddress>
    /// What to add to the quoted TCP sequence number, wrapping.
    public var sequenceDelta: UInt32 = 0
    /// Octets that packets of the one who is told gain on their way: an MTU leaves it so much less.
    public var growth = 0
    /// For errors that change family.
    public var mtus = ICMPErrorFields.LinkMTUs()
    /// For errors that become IPv4.
    public var identification: UInt16 = 0

    public init(source: IPAddress, destination: IPAddress, quoted: FlowAddresses<IPAddress>) {
        self.source = source
        self.destination = destination
        self.quoted = quoted
    }

    /// Whether this is IPv6 in every address, or nil when the families are mixed.
    var isIPv6: Bool? {
        let isIPv6 = source.ipv4 == nil
        let agree =
            (destination.ipv4 == nil) == isIPv6 && (quoted.source.ipv4 == nil) == isIPv6
            && (quoted.destination.ipv4 == nil) == isIPv6
        return agree ? isIPv6 : nil
    }
}
