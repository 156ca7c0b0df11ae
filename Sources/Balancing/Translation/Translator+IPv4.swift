// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import CPacket
public import Packet

extension Translator {
    /// Turns the IPv6 packet in `buffer`, which `frame` describes, into an IPv4 packet
    /// (RFC 7915 section 5.1).
    ///
    /// Up to 1260 octets the new packet may be fragmented on its way, then `identification` counts;
    /// from 1261 on it has DF set, so that path MTU discovery works from end to end. A fragment stays
    /// one that may be cut again: "the IPv4 Don't Fragment (DF) flag is cleared" (section 5.1.1).
    /// What is longer than both 1260 octets and `mtu`, which the next link takes, is `tooBig`.
    public static func toIPv4(
        _ buffer: UnsafeMutablePointer<CPacket_buffer>,
        _ frame: ParsedFrame,
        _ flow: FlowAddresses<IPv4Address>,
        identification: UInt16,
        mtu: UInt16 = .max
    ) -> TranslationOutcome {
        let room = unsafe EditableFrame(buffer)
        let bytes = room.bytes
        let base = Int(frame.networkOffset)
        let end = base &+ Int(frame.totalLength)
        guard frame.content == .ipv6 else { return .refused(.malformed) }
        let headers: ExtensionHeaders
        switch ExtensionHeaders.read(bytes, at: base, end: end, isQuoted: false) {
        case .read(let read): headers = read
        case .refused(let refusal): return .refused(refusal)
        }
        guard
            let first = bytes.word(base), let hopLimit = bytes.octet(base &+ 7),
            let source = bytes.ipv6Address(base &+ 8),
            let destination = bytes.ipv6Address(base &+ 24)
        else { return .refused(.malformed) }
        let fragment = HeaderFields.fragment(bytes, at: headers.fragmentOffset)
        let transport = Transport(
            offset: headers.transportOffset,
            end: end,
            protocol: headers.protocol,
            isLaterFragment: (fragment?.offset ?? 0) != 0
        )
        let isFragment = fragment.map { $0.offset != 0 || $0.hasMore } ?? false
        if let refusal = refusal(bytes, transport, isFragment: isFragment) {
            return .refused(refusal)
        }
        let isICMP = headers.protocol == .icmpv6
        guard isICMP || headers.protocol != .icmp else { return .refused(.unsupportedProtocol) }
        let payload = end &- transport.offset
        let total = HeaderFields.ipv4Length &+ payload
        guard total <= Int(UInt16.max) else { return .refused(.malformed) }
        let isLong = total > longestFragmentable
        if isLong, total > Int(mtu) {
            return .tooBig(mtu: clamp(max(leastIPv6MTU, Int(mtu) &+ 20)))
        }
        guard
            let new = room.replaceHeaders(
                before: transport.offset,
                by: HeaderFields.ipv4Length,
                end: end,
                .ipv4
            )
        else { return .refused(.noRoom) }
        var change = InternetSum()
        change.remove(.v6(source))
        change.remove(.v6(destination))
        let moved = transport.moved(to: headerEnd(HeaderFields.ipv4Length))
        if isICMP {
            change.remove(UInt16(IPProtocol.icmpv6.rawValue))
            change.remove(UInt16(payload))
            rewriteEcho(new, moved, identifier: flow.sourcePort, change)
        } else {
            change.add(flow.source.rawValue)
            change.add(flow.destination.rawValue)
            rewritePorts(
                new,
                moved,
                sourcePort: flow.sourcePort,
                destinationPort: flow.destinationPort,
                change
            )
        }
        let fields = HeaderFields(
            trafficClass: UInt8(truncatingIfNeeded: first >> 4),
            timeToLive: hopLimit,
            protocol: isICMP ? .icmp : headers.protocol,
            payloadLength: payload,
            fragment: fragment,
            identification: identification,
            dontFragment: isLong
        )
        fields.writeIPv4(
            new,
            at: EditableFrame.linkHeaderLength,
            from: flow.source,
            to: flow.destination
        )
        return .translated
    }

    /// Where headers of `length` octets end in a frame that we wrote.
    static func headerEnd(_ length: Int) -> Int { EditableFrame.linkHeaderLength &+ length }
}

extension Translator.Transport {
    /// The same octets in a frame in which they begin at `offset`.
    func moved(to offset: Int) -> Self {
        var copy = self
        copy.end = offset &+ (end &- self.offset)
        copy.offset = offset
        return copy
    }
}
