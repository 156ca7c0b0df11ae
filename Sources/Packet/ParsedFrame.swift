// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Where the headers of a received frame are and what they say: read once, carefully, with every
/// length checked, so that later stages need not look again.
public struct ParsedFrame: Equatable, BitwiseCopyable, Sendable {
    /// What a frame carries.
    public enum Content: BitwiseCopyable, Sendable {
        case ipv4, ipv6, arp
    }

    public var content: Content
    /// Octets before the network header: 14, or more with VLAN tags.
    public var networkOffset: UInt16
    /// Octets before the transport header, options and extension headers included.
    public var transportOffset: UInt16
    /// Octets of the IP packet, which may be fewer than the frame holds.
    public var totalLength: UInt16
    public var `protocol`: IPProtocol
    /// Whether this is a part of a larger packet; of a part that is not the first one,
    /// `transportOffset` is not the place of a transport header.
    public var isFragment: Bool
    public var isFirstFragment: Bool
    /// Empty when there is no tag or a priority tag (IEEE 802.1Q).
    public var tags: VLANTags

    /// Whether the protocol is one that services can have.
    public var isBalanced: Bool {
        switch `protocol` {
        case .tcp, .udp, .sctp, .icmp, .icmpv6: true
        default: false
        }
    }

    /// A frame's outline, or why it cannot have one.
    public enum Outcome: Equatable, Sendable {
        case parsed(ParsedFrame)
        case malformed(DropReason)

        /// The outline, where there is one.
        public var frame: ParsedFrame? {
            if case .parsed(let frame) = self { frame } else { nil }
        }
    }

    /// Reads the frame of `packet`; any octets are welcome.
    public static func parse(_ packet: borrowing Packet) -> Outcome {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard let header = LinkHeader(packet) else { return .malformed(.tooShort) }
        let (offset, tags) = (header.length, header.tags)
        switch header.type {
        // The header checksum is computed in any case, so what a device says of it adds nothing.
        case .ipv4: return parseIPv4(bytes, at: offset, tags)
        case .ipv6: return parseIPv6(bytes, at: offset, tags)
        case .arp:
            let frame = ParsedFrame(.arp, offset, offset, bytes.count - offset, 0, tags)
            return .parsed(frame)
        default: return .malformed(.unsupportedEtherType)
        }
    }

    /// Reads the IP packet at `offset` of a frame, whatever the frame says it has there: one that
    /// another packet carries.
    public static func parse(_ bytes: FrameBytes, at offset: Int, isIPv6: Bool) -> Outcome {
        isIPv6
            ? parseIPv6(bytes, at: offset, VLANTags()) : parseIPv4(bytes, at: offset, VLANTags())
    }

    private init(
        _ content: Content,
        _ networkOffset: Int,
        _ transportOffset: Int,
        _ totalLength: Int,
        _ number: UInt8,
        _ tags: VLANTags
    ) {
        self.content = content
        self.networkOffset = UInt16(networkOffset)
        self.transportOffset = UInt16(transportOffset)
        self.totalLength = UInt16(clamping: totalLength)
        self.protocol = IPProtocol(rawValue: number)
        isFragment = false
        isFirstFragment = false
        self.tags = tags
    }

    // MARK: - IPv4 (RFC 791)

    private static func parseIPv4(_ bytes: FrameBytes, at base: Int, _ tags: VLANTags) -> Outcome {
        guard bytes.count >= base + 20, let first = bytes.octet(base) else {
            return .malformed(.tooShort)
        }
        guard first >> 4 == 4 else { return .malformed(.badVersion) }
        let headerLength = Int(first & 0xF) * 4
        guard headerLength >= 20, base + headerLength <= bytes.count else {
            return .malformed(.badHeaderLength)
        }
        guard
            let totalLength = bytes.word(base + 2).map(Int.init),
            totalLength >= headerLength, base + totalLength <= bytes.count
        else { return .malformed(.badTotalLength) }
        guard bytes.checksum(base, headerLength) == 0 else {
            return .malformed(.badHeaderChecksum)
        }
        guard
            let fragment = bytes.word(base + 6),
            let number = bytes.octet(base + 9),
            let source = bytes.long(base + 12).map(IPv4Address.init(rawValue:))
        else { return .malformed(.tooShort) }
        // RFC 1122 section 3.2.1.3: none of these may be a source on the wire.
        guard !source.isMulticast, !source.isLoopback, source != .broadcast,
            source.rawValue >> 24 != 0
        else { return .malformed(.badSourceAddress) }
        var frame = ParsedFrame(.ipv4, base, base + headerLength, totalLength, number, tags)
        frame.isFragment = fragment & 0x3FFF != 0
        frame.isFirstFragment = frame.isFragment && fragment & 0x1FFF == 0
        return checkTransport(frame, bytes, payload: totalLength - headerLength)
    }

    // MARK: - IPv6 (RFC 8200)

    /// Extension headers that are walked over; a packet with more is not parsed further.
    private static let extensionHeaderLimit = 8

    private static func parseIPv6(_ bytes: FrameBytes, at base: Int, _ tags: VLANTags) -> Outcome {
        guard bytes.count >= base + 40, let first = bytes.octet(base) else {
            return .malformed(.tooShort)
        }
        guard first >> 4 == 6 else { return .malformed(.badVersion) }
        guard
            let payload = bytes.word(base + 4).map(Int.init),
            base + 40 + payload <= bytes.count
        else { return .malformed(.badTotalLength) }
        // RFC 4291 section 2.7; RFC 4942 section 2.2: mapped IPv4 never stands on a wire.
        guard bytes.octet(base + 8) != 0xFF, !isMapped(bytes, base + 8), !isMapped(bytes, base + 24)
        else { return .malformed(.badSourceAddress) }
        let end = base + 40 + payload
        var frame = ParsedFrame(.ipv6, base, base + 40, 40 + payload, 0, tags)
        var next = bytes.octet(base + 6) ?? IPProtocol.noNextHeader.rawValue
        var offset = base + 40
        for _ in 0...extensionHeaderLimit {
            guard let length = extensionLength(next, bytes, offset) else {
                frame.protocol = IPProtocol(rawValue: next)
                frame.transportOffset = UInt16(offset)
                return checkTransport(frame, bytes, payload: end - offset)
            }
            guard offset + 8 <= end, offset + length <= end, let after = bytes.octet(offset) else {
                return .malformed(.badExtensionHeader)
            }
            if IPProtocol(rawValue: next) == .fragment, let field = bytes.word(offset + 2) {
                // A second one could unsay the first.
                guard !frame.isFragment else { return .malformed(.badExtensionHeader) }
                frame.isFragment = field & 0xFFF9 != 0
                frame.isFirstFragment = frame.isFragment && field & 0xFFF8 == 0
            }
            next = after
            offset += length
            // What follows the header of a later fragment is data.
            if frame.isFragment, !frame.isFirstFragment {
                frame.protocol = IPProtocol(rawValue: next)
                frame.transportOffset = UInt16(offset)
                return .parsed(frame)
            }
        }
        return .malformed(.badExtensionHeader)
    }

    /// Whether an address lies in ::ffff:0:0/96.
    private static func isMapped(_ bytes: FrameBytes, _ offset: Int) -> Bool {
        bytes.long(offset) == 0 && bytes.long(offset + 4) == 0 && bytes.long(offset + 8) == 0xFFFF
    }

    /// Octets of the extension header `next`; nil when it is not one.
    private static func extensionLength(
        _ next: UInt8,
        _ bytes: FrameBytes,
        _ offset: Int
    ) -> Int? {
        let field = Int(bytes.octet(offset + 1) ?? 0)
        switch IPProtocol(rawValue: next) {
        case .hopByHopOptions, .routing, .destinationOptions: return (field + 1) * 8
        case .fragment: return 8
        case .authentication: return (field + 2) * 4
        default: return nil
        }
    }

    // MARK: - TCP and UDP

    private static func checkTransport(
        _ frame: ParsedFrame,
        _ bytes: FrameBytes,
        payload: Int
    ) -> Outcome {
        guard !frame.isFragment || frame.isFirstFragment else { return .parsed(frame) }
        let base = Int(frame.transportOffset)
        switch frame.protocol {
        case .tcp:
            guard payload >= 20, let octet = bytes.octet(base + 12) else {
                return .malformed(.badTransportLength)
            }
            let length = Int(octet >> 4) * 4
            guard length >= 20, length <= payload else { return .malformed(.badTransportLength) }
        case .udp:
            guard payload >= 8, let length = bytes.word(base + 4).map(Int.init), length >= 8 else {
                return .malformed(.badTransportLength)
            }
            guard frame.isFragment || length <= payload else {
                return .malformed(.badTransportLength)
            }
        case .sctp:
            guard payload >= 12 else { return .malformed(.badTransportLength) }
        case .icmp, .icmpv6:
            guard payload >= 8 else { return .malformed(.badTransportLength) }
        default: break
        }
        return .parsed(frame)
    }
}

/// What an Ethernet frame carries; an open set, see the IEEE registry.
public struct EtherType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public var rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public static let ipv4 = EtherType(rawValue: 0x0800)
    public static let arp = EtherType(rawValue: 0x0806)
    public static let vlan = EtherType(rawValue: 0x8100)
    /// The outer one of two tags (IEEE 802.1ad).
    public static let providerVLAN = EtherType(rawValue: 0x88A8)
    public static let ipv6 = EtherType(rawValue: 0x86DD)
    public static let lldp = EtherType(rawValue: 0x88CC)
    /// "Local experimental" (IEEE 802, section 9.2.3): see `VLANTags`.
    public static let tunnel = EtherType(rawValue: 0x88B5)
}
