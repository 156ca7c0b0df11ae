// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// Stateless translation between IPv6 and IPv4 (RFC 7915) of one packet in place.
///
/// Which addresses and ports a packet gets is the caller's matter, and so is the hop that it
/// takes. TCP, UDP, SCTP and ICMP echo are translated; see `ICMPErrorMessage` for errors. Payload does
/// not move: the new header is written before the transport header, and the frame then begins 14
/// octets before it, with the right EtherType; Ethernet padding is cut off. The time to live stays:
/// taking a hop away is the caller's matter, too.
public enum Translator {
    /// Up to this length an IPv4 packet may be fragmented on its way: its IPv6 sender cannot be
    /// made to send less than 1280 octets (RFC 7915 section 5.1).
    static let longestFragmentable = 1260
    /// No IPv6 link has less (RFC 8200 section 5).
    static let leastIPv6MTU = 1280

    /// The `value` that is nearest and fits 16 bits.
    static func clamp(_ value: Int) -> UInt16 { UInt16(clamping: value) }

    // MARK: - Transport

    /// What lies behind the IP header, before it is changed.
    struct Transport {
        var offset: Int
        var end: Int
        /// In the numbers of the family that it is in.
        var `protocol`: IPProtocol
        /// Whether ports and checksum are not here but in an earlier fragment.
        var isLaterFragment: Bool
    }

    /// Why `transport` cannot be translated; nil when it can.
    static func refusal(
        _ bytes: FrameBytes,
        _ transport: Transport,
        isFragment: Bool
    ) -> TranslationRefusal? {
        let length = transport.end &- transport.offset
        switch transport.protocol {
        case .tcp: return transport.isLaterFragment || length >= 20 ? nil : .malformed
        case .udp: return transport.isLaterFragment || length >= 8 ? nil : .malformed
        case .sctp:
            guard !transport.isLaterFragment else { return nil }
            return isFragment ? .fragmentedSCTP : length >= 12 ? nil : .malformed
        case .icmp, .icmpv6:
            guard !isFragment else { return .fragmentedICMP }
            guard length >= 8, let type = bytes.octet(transport.offset) else { return .malformed }
            return Echo.translated(type, from: transport.protocol) == nil
                ? .unsupportedProtocol : nil
        default: return .unsupportedProtocol
        }
    }

    /// Gives TCP or UDP new ports and a checksum that is right with the new pseudo-header.
    ///
    /// The pseudo-headers of both families have the same sum but for the addresses: protocol and
    /// length are the same numbers in wider fields (RFC 8200 section 8.1). SCTP stays as it is: its
    /// checksum counts no addresses, and its ports are the caller's to change.
    static func rewritePorts(
        _ bytes: FrameBytes,
        _ transport: Transport,
        sourcePort: UInt16,
        destinationPort: UInt16,
        _ addressChange: InternetSum
    ) {
        guard !transport.isLaterFragment, transport.protocol != .sctp,
            let ports = bytes.long(transport.offset)
        else { return }
        let new = UInt32(sourcePort) << 16 | UInt32(destinationPort)
        var change = addressChange
        change.remove(ports)
        change.add(new)
        bytes.set(new, at: transport.offset)
        if transport.protocol == .tcp {
            bytes.updateChecksum(at: transport.offset &+ 16, by: change)
        } else {
            bytes.updateUDPChecksum(at: transport.offset &+ 6, by: change)
        }
    }

    /// Turns an echo of one family into that of the other.
    ///
    /// `pseudoHeader` is what the checksum of the new family has more than that of the old one.
    static func rewriteEcho(
        _ bytes: FrameBytes,
        _ transport: Transport,
        identifier: UInt16,
        _ pseudoHeader: InternetSum
    ) {
        guard
            let old = bytes.word(transport.offset),
            let oldIdentifier = bytes.word(transport.offset &+ 4),
            let type = Echo.translated(UInt8(old >> 8), from: transport.protocol)
        else { return }
        let new = UInt16(type) << 8 | old & 0xFF
        var change = pseudoHeader
        change.remove(old)
        change.add(new)
        change.remove(oldIdentifier)
        change.add(identifier)
        bytes.set(new, at: transport.offset)
        bytes.set(identifier, at: transport.offset &+ 4)
        bytes.updateChecksum(at: transport.offset &+ 2, by: change)
    }
}

/// The ICMP messages that both families have and that are no errors.
enum Echo {
    static let request: UInt8 = 8, reply: UInt8 = 0
    static let requestV6: UInt8 = 128, replyV6: UInt8 = 129

    /// The type in the other family (RFC 7915 sections 4.2 and 5.2); nil when it has none.
    static func translated(_ type: UInt8, from protocol: IPProtocol) -> UInt8? {
        switch (`protocol`, type) {
        case (.icmp, request): requestV6
        case (.icmp, reply): replyV6
        case (.icmpv6, requestV6): request
        case (.icmpv6, replyV6): reply
        default: nil
        }
    }
}
