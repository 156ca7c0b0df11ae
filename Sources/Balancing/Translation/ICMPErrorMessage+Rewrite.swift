// SPDX-License-Identifier: Apache-2.0
import Addressing
public import CPacket
import Packet

extension ICMPErrorMessage {
    /// An error is at most this long (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 c).
    static func longest(isIPv6: Bool) -> Int { isIPv6 ? Translator.leastIPv6MTU : 576 }

    /// Makes this error, which was read from the frame in `buffer`, one that the other end of its
    /// connection understands.
    ///
    /// In the same family the length stays, and extensions (RFC 4884) stay as they are. In the
    /// other family extensions are cut off, and so is what makes the error longer than errors may
    /// be.
    public func rewrite(
        _ buffer: UnsafeMutablePointer<CPacket_buffer>,
        _ rewrite: ICMPErrorRewrite
    ) -> TranslationOutcome {
        let frame = unsafe EditableFrame(buffer)
        guard let becomesIPv6 = rewrite.isIPv6, end <= frame.bytes.count else {
            return .refused(.malformed)
        }
        var message = self
        message.fields = fields.leaving(
            rewrite.growth,
            isIPv6: isIPv6,
            quotedLength: quoted.totalLength
        )
        guard becomesIPv6 != isIPv6 else {
            guard message.removeAddressHeader(frame) else { return .refused(.noRoom) }
            message.rewriteInPlace(frame.bytes, rewrite)
            return .translated
        }
        return becomesIPv6
            ? message.translateToIPv6(frame, rewrite) : message.translateToIPv4(frame, rewrite)
    }

    /// Takes a header with the client's address (UOA) out of the quotation: its sender never wrote it.
    ///
    /// Extensions (RFC 4884) go with it. False when that cannot be done, and nothing was.
    private mutating func removeAddressHeader(_ frame: EditableFrame) -> Bool {
        let length = quoted.addressHeaderLength
        guard length > 0 else { return true }
        let before = frame.bytes
        before.copy(quoted.transportOffset &- length, from: before, at: 0, to: length)
        guard let bytes = frame.move(start: length, end: quoted.end) else { return false }
        quoted = quoted.withoutAddressHeader
        end = quoted.end
        fields = fields.withoutExtensions(isIPv6: isIPv6)
        quoted.writeWithoutAddressHeader(bytes)
        let total = UInt16(truncatingIfNeeded: end &- networkOffset)
        bytes.set(isIPv6 ? total &- 40 : total, at: networkOffset &+ (isIPv6 ? 4 : 2))
        return true
    }

    // MARK: - The same family

    private func rewriteInPlace(_ bytes: FrameBytes, _ rewrite: ICMPErrorRewrite) {
        quoted.rewriteTransport(bytes, to: rewrite.quoted, sequenceDelta: rewrite.sequenceDelta)
        quoted.rewriteAddresses(bytes, to: rewrite.quoted)
        bytes.set(fields.rest, at: offset &+ 4)
        if isIPv6 {
            bytes.set(rewrite.source, at: networkOffset &+ 8)
            bytes.set(rewrite.destination, at: networkOffset &+ 24)
        } else {
            bytes.set(rewrite.source, at: networkOffset &+ 12)
            bytes.set(rewrite.destination, at: networkOffset &+ 16)
            bytes.set(UInt16(0), at: networkOffset &+ 10)
            let checksum = bytes.checksum(networkOffset, offset &- networkOffset)
            bytes.set(checksum, at: networkOffset &+ 10)
        }
        Self.storeChecksum(bytes, networkOffset, offset, end, isIPv6)
    }

    // MARK: - The other family

    /// Whether the quoted packet can be told in the other family.
    private var isQuotedTranslatable: Bool {
        switch quoted.protocol {
        case .tcp, .udp, .sctp: true
        case .icmp: !isIPv6
        case .icmpv6: isIPv6
        default: false
        }
    }

    private func translateToIPv6(
        _ frame: EditableFrame,
        _ rewrite: ICMPErrorRewrite
    ) -> TranslationOutcome {
        let bytes = frame.bytes
        let base = quoted.networkOffset
        guard isQuotedTranslatable else { return .refused(.unsupportedProtocol) }
        guard
            let new = fields.inIPv6(quotedLength: quoted.totalLength, rewrite.mtus)
        else { return .refused(.untranslatableError) }
        guard
            let source = rewrite.source.ipv6, let destination = rewrite.destination.ipv6,
            let quotedSource = rewrite.quoted.source.ipv6,
            let quotedDestination = rewrite.quoted.destination.ipv6,
            let outerClass = bytes.octet(networkOffset &+ 1),
            let outerTime = bytes.octet(networkOffset &+ 8),
            let innerClass = bytes.octet(base &+ 1), let innerTime = bytes.octet(base &+ 8)
        else { return .refused(.malformed) }
        let inner = HeaderFields(
            trafficClass: innerClass,
            timeToLive: innerTime,
            protocol: quoted.protocol == .icmp ? .icmpv6 : quoted.protocol,
            payloadLength: quoted.totalLength &- (quoted.transportOffset &- base),
            fragment: HeaderFields.ipv4Fragment(bytes, at: base)
        )
        let before = HeaderFields.ipv6Length &+ Self.headerLength &+ inner.ipv6HeaderLength
        let end = quotedEnd(keeping: Self.longest(isIPv6: true) &- before)
        guard
            let written = replaceHeaders(frame, rewrite, by: before, end: end, .ipv6)
        else { return .refused(.noRoom) }
        let network = EditableFrame.linkHeaderLength
        let message = network &+ HeaderFields.ipv6Length
        inner.writeIPv6(
            written,
            at: message &+ Self.headerLength,
            from: quotedSource,
            to: quotedDestination
        )
        let outer = HeaderFields(
            trafficClass: outerClass,
            timeToLive: outerTime,
            protocol: .icmpv6,
            payloadLength: written.count &- message
        )
        outer.writeIPv6(written, at: network, from: source, to: destination)
        new.write(written, at: message)
        Self.storeChecksum(written, network, message, written.count, true)
        return .translated
    }

    private func translateToIPv4(
        _ frame: EditableFrame,
        _ rewrite: ICMPErrorRewrite
    ) -> TranslationOutcome {
        let bytes = frame.bytes
        let base = quoted.networkOffset
        guard isQuotedTranslatable else { return .refused(.unsupportedProtocol) }
        let growth = quoted.fragmentOffset == nil ? 20 : 28
        guard let new = fields.inIPv4(growth: growth, rewrite.mtus) else {
            return .refused(.untranslatableError)
        }
        guard
            let source = rewrite.source.ipv4, let destination = rewrite.destination.ipv4,
            let quotedSource = rewrite.quoted.source.ipv4,
            let quotedDestination = rewrite.quoted.destination.ipv4,
            let outerFirst = bytes.word(networkOffset),
            let outerTime = bytes.octet(networkOffset &+ 7),
            let innerFirst = bytes.word(base), let innerTime = bytes.octet(base &+ 7)
        else { return .refused(.malformed) }
        let payload = quoted.totalLength &- (quoted.transportOffset &- base)
        let inner = HeaderFields(
            trafficClass: UInt8(truncatingIfNeeded: innerFirst >> 4),
            timeToLive: innerTime,
            protocol: quoted.protocol == .icmpv6 ? .icmp : quoted.protocol,
            payloadLength: payload,
            fragment: HeaderFields.fragment(bytes, at: quoted.fragmentOffset),
            dontFragment: HeaderFields.ipv4Length &+ payload > Translator.longestFragmentable
        )
        let before = HeaderFields.ipv4Length &* 2 &+ Self.headerLength
        let end = quotedEnd(keeping: Self.longest(isIPv6: false) &- before)
        guard
            let written = replaceHeaders(frame, rewrite, by: before, end: end, .ipv4)
        else { return .refused(.noRoom) }
        let network = EditableFrame.linkHeaderLength
        let message = network &+ HeaderFields.ipv4Length
        inner.writeIPv4(
            written,
            at: message &+ Self.headerLength,
            from: quotedSource,
            to: quotedDestination
        )
        let outer = HeaderFields(
            trafficClass: UInt8(truncatingIfNeeded: outerFirst >> 4),
            timeToLive: outerTime,
            protocol: .icmp,
            payloadLength: written.count &- message,
            identification: rewrite.identification
        )
        outer.writeIPv4(written, at: network, from: source, to: destination)
        new.write(written, at: message)
        Self.storeChecksum(written, network, message, written.count, false)
        return .translated
    }

    /// Where the error ends when it keeps at most `length` octets of the quoted transport.
    private func quotedEnd(keeping length: Int) -> Int {
        min(quoted.end, quoted.transportOffset &+ length)
    }

    /// Rewrites the quoted transport header, then puts `length` octets of headers to be filled in
    /// before it.
    private func replaceHeaders(
        _ frame: EditableFrame,
        _ rewrite: ICMPErrorRewrite,
        by length: Int,
        end: Int,
        _ type: EtherType
    ) -> FrameBytes? {
        let bytes = frame.bytes
        guard
            let new = frame.replaceHeaders(
                before: quoted.transportOffset,
                by: length,
                end: end,
                type
            )
        else { return nil }
        // The old view is still the same memory, and offsets in `quoted` are its.
        quoted.rewriteTransport(bytes, to: rewrite.quoted, sequenceDelta: rewrite.sequenceDelta)
        return new
    }
}

extension ICMPErrorFields {
    /// Writes type, code and rest; the checksum is a later matter.
    func write(_ bytes: FrameBytes, at offset: Int) {
        bytes.set(type, at: offset)
        bytes.set(code, at: offset &+ 1)
        bytes.set(UInt16(0), at: offset &+ 2)
        bytes.set(rest, at: offset &+ 4)
    }
}
