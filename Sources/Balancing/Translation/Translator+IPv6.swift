// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import CPacket
public import Packet

extension Translator {
    /// Turns the IPv4 packet in `buffer`, which `frame` describes, into an IPv6 packet
    /// (RFC 7915 section 4.1).
    ///
    /// Only fragments get a fragment header. RFC 6145 wanted one on every packet without DF; the
    /// "atomic fragments" that it made are deprecated (RFC 8021): "When the IPv4 sender does not set
    /// the DF bit, the translator MUST NOT include the Fragment Header for the non-fragmented IPv6
    /// packets" (RFC 7915 section 4).
    ///
    /// The next link takes `mtu` octets. A packet with DF that is longer is `tooBig`; one without has a
    /// fragment header afterwards and is `fragmentAfter`: cutting what is translated leaves checksums
    /// right that count the whole. The MTU of the route is what RFC 7915 calls "lowest-ipv6-mtu".
    public static func toIPv6(
        _ buffer: UnsafeMutablePointer<CPacket_buffer>,
        _ frame: ParsedFrame,
        _ flow: FlowAddresses<IPv6Address>,
        mtu: UInt16 = .max
    ) -> TranslationOutcome {
        let room = unsafe EditableFrame(buffer)
        let bytes = room.bytes
        let base = Int(frame.networkOffset)
        let end = base &+ Int(frame.totalLength)
        guard
            frame.content == .ipv4, end <= bytes.count, let first = bytes.word(base),
            let identification = bytes.word(base &+ 4), let flags = bytes.word(base &+ 6),
            let timeToLive = bytes.octet(base &+ 8),
            let number = bytes.octet(base &+ 9), let source = bytes.ipv4Address(base &+ 12),
            let destination = bytes.ipv4Address(base &+ 16)
        else { return .refused(.malformed) }
        let headerLength = Int(first >> 8 & 0xF) &* 4
        guard headerLength >= 20, base &+ headerLength <= end else { return .refused(.malformed) }
        guard !hasSourceRoute(bytes, base &+ 20, end: base &+ headerLength) else {
            return .refused(.sourceRoute)
        }
        let fragment = HeaderFields.ipv4Fragment(bytes, at: base)
        let transport = Transport(
            offset: base &+ headerLength,
            end: end,
            protocol: IPProtocol(rawValue: number),
            isLaterFragment: (fragment?.offset ?? 0) != 0
        )
        if let refusal = refusal(bytes, transport, isFragment: fragment != nil) {
            return .refused(refusal)
        }
        let isICMP = transport.protocol == .icmp
        guard isICMP || transport.protocol != .icmpv6 else {
            return .refused(.unsupportedProtocol)
        }
        let isUDP = transport.protocol == .udp && !transport.isLaterFragment
        let lacksChecksum = isUDP && bytes.word(transport.offset &+ 6) == 0
        // RFC 7915 section 4.5: only the whole datagram tells what the checksum would be.
        guard !lacksChecksum || fragment == nil else { return .refused(.fragmentWithoutChecksum) }
        let payload = end &- transport.offset
        var fields = HeaderFields(
            trafficClass: UInt8(truncatingIfNeeded: first),
            timeToLive: timeToLive,
            protocol: isICMP ? .icmpv6 : transport.protocol,
            payloadLength: payload,
            fragment: fragment
        )
        let isTooLong = fields.ipv6HeaderLength &+ payload > Int(mtu)
        if isTooLong {
            let growth = fields.ipv6HeaderLength &- HeaderFields.ipv4Length
            guard flags & 0x4000 == 0 else {
                return .tooBig(mtu: clamp(max(0, Int(mtu) &- growth)))
            }
            let whole = HeaderFields.Fragment(
                identification: UInt32(identification),
                offset: 0,
                hasMore: false
            )
            fields.fragment = fields.fragment ?? whole
        }
        let lengthField = fields.ipv6HeaderLength &- HeaderFields.ipv6Length &+ payload
        guard lengthField <= Int(UInt16.max) else { return .refused(.malformed) }
        guard
            let new = room.replaceHeaders(
                before: transport.offset,
                by: fields.ipv6HeaderLength,
                end: end,
                .ipv6
            )
        else { return .refused(.noRoom) }
        let moved = transport.moved(to: headerEnd(fields.ipv6HeaderLength))
        var change = InternetSum()
        change.add(flow.source)
        change.add(flow.destination)
        if isICMP {
            change.add(UInt16(IPProtocol.icmpv6.rawValue))
            change.add(UInt16(payload))
            rewriteEcho(new, moved, identifier: flow.sourcePort, change)
        } else {
            change.remove(source.rawValue)
            change.remove(destination.rawValue)
            rewritePorts(
                new,
                moved,
                sourcePort: flow.sourcePort,
                destinationPort: flow.destinationPort,
                change
            )
            if lacksChecksum { computeUDPChecksum(new, moved, flow) }
        }
        fields.writeIPv6(
            new,
            at: EditableFrame.linkHeaderLength,
            from: flow.source,
            to: flow.destination
        )
        return isTooLong ? .fragmentAfter(limit: mtu) : .translated
    }

    /// Computes the checksum of a datagram that has none, over its own length (RFC 8200
    /// section 8.1).
    @inline(never)
    private static func computeUDPChecksum(
        _ bytes: FrameBytes,
        _ transport: Transport,
        _ flow: FlowAddresses<IPv6Address>
    ) {
        guard let length = bytes.word(transport.offset &+ 4) else { return }
        var pseudo = InternetSum()
        pseudo.add(flow.source)
        pseudo.add(flow.destination)
        pseudo.add(length)
        pseudo.add(UInt16(IPProtocol.udp.rawValue))
        let covered = min(Int(length), transport.end &- transport.offset)
        let checksum = bytes.checksum(transport.offset, covered, adding: UInt32(pseudo.folded))
        bytes.set(checksum == 0 ? 0xFFFF : checksum, at: transport.offset &+ 6)
    }

    /// Whether the options in `start..<end` have a source route that is not used up.
    ///
    /// RFC 791 section 3.1: "If the pointer is greater than the length, the source route is empty".
    private static func hasSourceRoute(_ bytes: FrameBytes, _ start: Int, end: Int) -> Bool {
        var offset = start
        while offset < end, let kind = bytes.octet(offset), kind != 0 {
            guard kind != 1 else {
                offset &+= 1
                continue
            }
            guard let length = bytes.octet(offset &+ 1), length >= 2 else { return false }
            // Loose and strict.
            if kind == 131 || kind == 137, let pointer = bytes.octet(offset &+ 2) {
                return pointer <= length
            }
            offset &+= Int(length)
        }
        return false
    }
}
