// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// An IP packet of either version as the slow path reads it: both families behind one face.
///
/// The octets belong to the packet that it was read from.
struct Datagram {
    let bytes: FrameBytes
    /// Where the IP header begins, the transport header, and what is behind the packet.
    let network: Int
    let transport: Int
    let end: Int
    let source: IPAddress
    let destination: IPAddress
    let `protocol`: IPProtocol
    /// TTL or hop limit.
    let hopLimit: UInt8
    /// Link-layer source and whether the frame went to a group.
    let sender: MACAddress
    let isToGroup: Bool
    /// "Don't fragment": always so with IPv6 (RFC 8200 section 5).
    let mayNotBeFragmented: Bool

    /// Reads the frame; nil when it is no IP packet, or a later fragment of one.
    init?(_ packet: borrowing Packet) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard
            case .parsed(let frame) = ParsedFrame.parse(packet),
            !frame.isFragment || frame.isFirstFragment, let sender = bytes.macAddress(6),
            let first = bytes.octet(0)
        else { return nil }
        let base = Int(frame.networkOffset)
        switch frame.content {
        case .arp: return nil
        case .ipv4:
            guard
                let from = bytes.ipv4Address(base + 12), let to = bytes.ipv4Address(base + 16),
                let hops = bytes.octet(base + 8), let fragment = bytes.word(base + 6)
            else { return nil }
            (source, destination, hopLimit) = (.v4(from), .v4(to), hops)
            mayNotBeFragmented = fragment & 0x4000 != 0
        case .ipv6:
            guard
                let from = bytes.ipv6Address(base + 8), let to = bytes.ipv6Address(base + 24),
                let hops = bytes.octet(base + 7)
            else { return nil }
            (source, destination, hopLimit) = (.v6(from), .v6(to), hops)
            mayNotBeFragmented = true
        }
        self.bytes = bytes
        network = base
        transport = Int(frame.transportOffset)
        end = base + Int(frame.totalLength)
        `protocol` = frame.protocol
        self.sender = sender
        isToGroup = first & 1 != 0
    }

    /// Octets of the transport header and what follows.
    var payload: Int { max(0, end - transport) }

    /// Whether the checksum of an ICMP or ICMPv6 message is right.
    var hasValidMessage: Bool {
        let pseudo =
            `protocol` == .icmpv6
            ? IPAddress.pseudoHeader(source, destination, .icmpv6, length: payload) : 0
        return bytes.checksum(transport, payload, adding: pseudo) == 0
    }

    /// The type of an ICMP message of either version; nil for other protocols.
    var messageType: UInt8? {
        `protocol` == .icmp || `protocol` == .icmpv6 ? bytes.octet(transport) : nil
    }

    /// Whether this is an error report, or what is treated like one.
    ///
    /// RFC 1122 section 3.2.2 and RFC 4443 section 2.4 (e): nobody reports errors about errors, nor
    /// about an ICMPv6 redirect.
    var isErrorReport: Bool {
        guard let type = messageType else { return false }
        if `protocol` == .icmpv6 { return type < 128 || type == 137 }
        return [3, 4, 5, 11, 12].contains(type)
    }
}

extension IPAddress {
    /// Whether one node on a network is meant: what a reply may be sent to.
    var isOneNode: Bool {
        switch self {
        case .v4(let address):
            !address.isMulticast && !address.isLoopback && address != .broadcast && address != .any
        case .v6(let address):
            !address.isMulticast && address != .any && address != .loopback
        }
    }
}
