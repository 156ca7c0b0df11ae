// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import CPacket
public import Packet

/// The packet inside the tunnel packet that an ICMP error is about.
///
/// Routers between us and a backend send their errors to us, the tunnel's entry. Who must know is
/// the sender of the inner packet (RFC 2003 section 4, RFC 2473 section 8).
public struct TunnelledQuote: Equatable, BitwiseCopyable, Sendable {
    /// The inner packet, as its sender sent it.
    public let inner: QuotedPacket
    /// Octets that the tunnel adds.
    public let overhead: Int

    public enum Outcome: Equatable, BitwiseCopyable, Sendable {
        case read(TunnelledQuote)
        case refused(TranslationRefusal)
    }
}

extension ICMPErrorMessage {
    /// The packet inside the quoted one; one layer of the encapsulations that `Encapsulation`
    /// makes is passed over.
    ///
    /// Routers that quote eight octets after the outer header leave nothing to read: `malformed`.
    public func embeddedInner(
        _ bytes: FrameBytes,
        guePort: UInt16 = Encapsulation.guePort
    ) -> TunnelledQuote.Outcome {
        guard let (offset, isIPv6) = innerPlace(bytes, guePort) else {
            return .refused(.unsupportedProtocol)
        }
        switch QuotedPacket.read(bytes, at: offset, end: quoted.end, isIPv6: isIPv6) {
        case .refused(let refusal): return .refused(refusal)
        case .read(let inner):
            return .read(
                TunnelledQuote(inner: inner, overhead: offset &- quoted.networkOffset)
            )
        }
    }

    private func innerPlace(_ bytes: FrameBytes, _ guePort: UInt16) -> (Int, isIPv6: Bool)? {
        let offset = quoted.transportOffset
        switch quoted.protocol {
        case .ipip: return (offset, false)
        case .ipv6: return (offset, true)
        case .gre:
            // Flags and version are 0 in what we send (RFC 2784 section 2).
            switch bytes.long(offset) {
            case UInt32(EtherType.ipv4.rawValue): return (offset &+ 4, false)
            case UInt32(EtherType.ipv6.rawValue): return (offset &+ 4, true)
            default: return nil
            }
        case .udp where quoted.flow.destinationPort == guePort:
            guard let first = bytes.octet(offset &+ 8) else { return nil }
            // Variant 1 begins with the IP header itself, whose version has the bits 01.
            if first >> 6 == 1 { return (offset &+ 8, first >> 4 == 6) }
            switch bytes.long(offset &+ 8) {
            case UInt32(IPProtocol.ipip.rawValue) << 16: return (offset &+ 12, false)
            case UInt32(IPProtocol.ipv6.rawValue) << 16: return (offset &+ 12, true)
            default: return nil
            }
        default: return nil
        }
    }

    /// Makes this error, which was read from the frame in `buffer`, one about the inner packet for
    /// the sender of that, from `source`, an address of its family.
    ///
    /// "Too big" says what the tunnel leaves of the MTU. That the tunnel packet did not arrive for
    /// another reason means to its sender that the host is unreachable: it knows neither of the
    /// routers nor of the header fields in between (RFC 2003 section 4, RFC 2473 section 8.2).
    public func report(
        _ buffer: UnsafeMutablePointer<CPacket_buffer>,
        _ tunnelled: TunnelledQuote,
        from source: IPAddress,
        identification: UInt16
    ) -> TranslationOutcome {
        let frame = unsafe EditableFrame(buffer)
        let inner = tunnelled.inner
        guard
            (source.ipv4 == nil) == inner.isIPv6, inner.end <= frame.bytes.count
        else { return .refused(.malformed) }
        guard let new = fieldsForInner(tunnelled) else { return .refused(.untranslatableError) }
        let ipLength = inner.isIPv6 ? HeaderFields.ipv6Length : HeaderFields.ipv4Length
        let before = ipLength &+ Self.headerLength
        let end = min(
            inner.end,
            inner.networkOffset &+ Self.longest(isIPv6: inner.isIPv6) &- before
        )
        guard
            let written = frame.replaceHeaders(
                before: inner.networkOffset,
                by: before,
                end: end,
                inner.isIPv6 ? .ipv6 : .ipv4
            )
        else { return .refused(.noRoom) }
        let network = EditableFrame.linkHeaderLength
        let message = network &+ ipLength
        let header = HeaderFields(
            protocol: inner.isIPv6 ? .icmpv6 : .icmp,
            payloadLength: written.count &- message,
            identification: identification
        )
        if let from = source.ipv6, let to = inner.flow.source.ipv6 {
            header.writeIPv6(written, at: network, from: from, to: to)
        } else if let from = source.ipv4, let to = inner.flow.source.ipv4 {
            header.writeIPv4(written, at: network, from: from, to: to)
        }
        new.write(written, at: message)
        Self.storeChecksum(written, network, message, written.count, inner.isIPv6)
        return .translated
    }

    private func fieldsForInner(_ tunnelled: TunnelledQuote) -> ICMPErrorFields? {
        let toIPv6 = tunnelled.inner.isIPv6
        let unreachable =
            toIPv6
            ? ICMPErrorFields(type: ICMPErrorFields.TypeV6.unreachable, code: 3)
            : ICMPErrorFields(type: ICMPErrorFields.TypeV4.unreachable, code: 1)
        guard let mtu = tooBigMTU else { return unreachable }
        let left = mtu &- tunnelled.overhead
        return toIPv6
            ? ICMPErrorFields(
                type: ICMPErrorFields.TypeV6.tooBig,
                code: 0,
                rest: UInt32(max(Translator.leastIPv6MTU, left))
            )
            : ICMPErrorFields(
                type: ICMPErrorFields.TypeV4.unreachable,
                code: 4,
                rest: UInt32(Translator.clamp(max(68, left)))
            )
    }

    /// What this error says the path takes; nil when it is about something else.
    public var tooBigMTU: Int? {
        if isIPv6 {
            guard fields.type == ICMPErrorFields.TypeV6.tooBig else { return nil }
            return max(Translator.leastIPv6MTU, Int(fields.rest))
        }
        guard fields.type == ICMPErrorFields.TypeV4.unreachable, fields.code == 4 else {
            return nil
        }
        return ICMPErrorFields.mtu(fields.rest, quoted.totalLength)
    }
}
