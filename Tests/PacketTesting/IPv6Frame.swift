// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Builds IPv6 frames with any chain of extension headers; lengths and checksums are right unless
/// told otherwise.
public struct IPv6Frame: Sendable {
    /// One extension header (RFC 8200 section 4).
    public enum Extension: Sendable {
        /// Hop-by-hop options, routing or destination options with `units` times eight octets
        /// after the first eight.
        case options(IPProtocol, units: UInt8 = 0)
        /// A fragment header; `offset` in octets, a multiple of eight.
        case fragment(offset: UInt16, more: Bool)
        /// An authentication header (RFC 4302) of `words` times four octets.
        case authentication(words: UInt8)
    }

    public var destinationMAC = MACAddress(rawValue: 0x0200_0000_0001)
    public var sourceMAC = MACAddress(rawValue: 0x0200_0000_00AA)
    public var vlan: UInt16?
    public var source = IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0x10)
    public var destination = IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0x100)
    public var hopLimit: UInt8 = 64
    public var extensions: [Extension] = []
    public var `protocol` = IPProtocol.noNextHeader
    public var payload: [UInt8] = []
    /// Octets after the packet, as Ethernet pads.
    public var padding = 0

    public init(_ change: (inout IPv6Frame) -> Void = { _ in }) { change(&self) }

    /// A UDP datagram.
    public static func udp(
        _ data: [UInt8] = [1, 2, 3, 4],
        _ change: (inout IPv6Frame) -> Void = { _ in }
    ) -> [UInt8] {
        build(
            .udp,
            [0x13, 0x88, 0, 80] + number(UInt64(8 + data.count), 2) + [0, 0] + data,
            6,
            change
        )
    }

    /// A TCP segment without options.
    public static func tcp(
        _ data: [UInt8] = [],
        _ change: (inout IPv6Frame) -> Void = { _ in }
    ) -> [UInt8] {
        let header: [UInt8] = [0x13, 0x88, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xFF, 0xFF]
        return build(.tcp, header + [0, 0, 0, 0] + data, 16, change)
    }

    /// An ICMPv6 message; `rest` is its second word.
    public static func icmp(
        _ type: UInt8,
        _ code: UInt8 = 0,
        rest: UInt32 = 0,
        data: [UInt8] = [],
        _ change: (inout IPv6Frame) -> Void = { _ in }
    ) -> [UInt8] {
        build(.icmpv6, [type, code, 0, 0] + number(UInt64(rest), 4) + data, 2, change)
    }

    /// A neighbour solicitation; from `::` it is a probe for a duplicate, without an option.
    public static func solicitation(
        of target: IPv6Address,
        from source: IPv6Address,
        at mac: MACAddress,
        _ change: (inout IPv6Frame) -> Void = { _ in }
    ) -> [UInt8] {
        let option = source == .any ? [] : [1, 1] + number(mac.rawValue, 6)
        let data = number(target.high, 8) + number(target.low, 8) + option
        return icmp(135, data: data) { frame in
            frame.hopLimit = 255
            (frame.source, frame.destination) = (source, target.solicitedNode)
            (frame.sourceMAC, frame.destinationMAC) = (mac, target.solicitedNode.groupMAC)
            change(&frame)
        }
    }

    /// A neighbour advertisement; the flags are router 8, solicited 4, override 2.
    public static func advertisement(
        of target: IPv6Address,
        at mac: MACAddress,
        flags: UInt32 = 0x6,
        to destination: IPv6Address,
        at destinationMAC: MACAddress,
        _ change: (inout IPv6Frame) -> Void = { _ in }
    ) -> [UInt8] {
        let data =
            number(target.high, 8) + number(target.low, 8) + [2, 1] + number(mac.rawValue, 6)
        return icmp(136, rest: flags << 28, data: data) { frame in
            frame.hopLimit = 255
            (frame.source, frame.destination) = (target, destination)
            (frame.sourceMAC, frame.destinationMAC) = (mac, destinationMAC)
            change(&frame)
        }
    }

    private static func build(
        _ number: IPProtocol,
        _ payload: [UInt8],
        _ checksumOffset: Int,
        _ change: (inout IPv6Frame) -> Void
    ) -> [UInt8] {
        var frame = IPv6Frame { frame in
            frame.protocol = number
            change(&frame)
        }
        frame.payload = payload
        let pseudo =
            frame.addresses + Self.number(UInt64(payload.count), 4) + [0, 0, 0, number.rawValue]
        let checksum = Checksum.of(pseudo + payload)
        let sent = checksum == 0 && number == .udp ? 0xFFFF : checksum
        frame.payload.replaceSubrange(
            checksumOffset..<(checksumOffset + 2),
            with: Self.number(UInt64(sent), 2)
        )
        return frame.octets
    }

    public var octets: [UInt8] {
        var bytes = Self.number(destinationMAC.rawValue, 6) + Self.number(sourceMAC.rawValue, 6)
        if let vlan { bytes += [0x81, 0x00] + Self.number(UInt64(vlan), 2) }
        bytes += [0x86, 0xDD]
        let body = extensionOctets + payload
        bytes += [0x60, 0, 0, 0] + Self.number(UInt64(body.count), 2)
        bytes += [extensions.first?.number.rawValue ?? `protocol`.rawValue, hopLimit]
        return bytes + addresses + body + Array(repeating: 0, count: padding)
    }

    private var addresses: [UInt8] {
        [source.high, source.low, destination.high, destination.low]
            .flatMap { Self.number($0, 8) }
    }

    private var extensionOctets: [UInt8] {
        let following = extensions.dropFirst().map(\.number) + [`protocol`]
        return zip(extensions, following).flatMap { $0.octets(before: $1) }
    }

    private static func number(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
}

extension IPv6Frame.Extension {
    /// The number by which the header before announces this one.
    var number: IPProtocol {
        switch self {
        case .options(let number, _): number
        case .fragment: .fragment
        case .authentication: .authentication
        }
    }

    fileprivate func octets(before next: IPProtocol) -> [UInt8] {
        switch self {
        case .options(_, let units):
            // Zeros are Pad1 options (RFC 8200 section 4.2).
            return [next.rawValue, units] + Array(repeating: 0, count: Int(units) * 8 + 6)
        case .fragment(let offset, let more):
            let field = offset | (more ? 1 : 0)
            return [next.rawValue, 0, UInt8(field >> 8), UInt8(field & 0xFF), 0, 0, 0, 7]
        case .authentication(let words):
            return [next.rawValue, words &- 2] + Array(repeating: 0, count: Int(words) * 4 - 2)
        }
    }
}
