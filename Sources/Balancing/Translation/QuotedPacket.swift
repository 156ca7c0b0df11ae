// SPDX-License-Identifier: Apache-2.0
public import Addressing
public import Packet

/// The packet that an ICMP error is about, as far as the error quotes it.
///
/// `flow` is what the packet had when it met its error; the sender of the error answers it, so the
/// connection is found under `flow.reversed`.
public struct QuotedPacket: Equatable, BitwiseCopyable, Sendable {
    public let isIPv6: Bool
    public let `protocol`: IPProtocol
    /// Ports of TCP, UDP and SCTP; for a query both are the identifier; else 0.
    public let flow: FlowAddresses<IPAddress>
    /// Octets of the whole packet, as its header says; usually more than are quoted.
    public private(set) var totalLength: Int

    // Places in the frame of the error.
    let networkOffset: Int
    private(set) var transportOffset: Int
    let fragmentOffset: Int?
    /// Where the quoted octets end.
    private(set) var end: Int
    /// Octets of a header with the client's address (UOA) before the transport header.
    private(set) var addressHeaderLength = 0

    enum Outcome: BitwiseCopyable {
        case read(QuotedPacket)
        case refused(TranslationRefusal)
    }

    /// What is quoted of the transport header at the least (RFC 792: "the first 64 bits of the
    /// original datagram's data").
    static let leastTransport = 8

    /// Reads the packet that is quoted at `base` and cut off at `end` or later.
    static func read(_ bytes: FrameBytes, at base: Int, end: Int, isIPv6: Bool) -> Outcome {
        isIPv6
            ? readIPv6(bytes, base, min(end, bytes.count))
            : readIPv4(bytes, base, min(end, bytes.count))
    }

    private static func readIPv4(_ bytes: FrameBytes, _ base: Int, _ end: Int) -> Outcome {
        guard
            base &+ 20 <= end, let first = bytes.octet(base), first >> 4 == 4,
            let total = bytes.word(base &+ 2).map(Int.init),
            let fragment = bytes.word(base &+ 6), let number = bytes.octet(base &+ 9),
            let source = bytes.ipv4Address(base &+ 12),
            let destination = bytes.ipv4Address(base &+ 16)
        else { return .refused(.malformed) }
        let headerLength = Int(first & 0xF) &* 4
        guard
            headerLength >= 20, base &+ headerLength &+ leastTransport <= end,
            total >= headerLength &+ leastTransport
        else { return .refused(.malformed) }
        // RFC 5508 section 4.2, REQ-3 a: such an error is dropped.
        guard bytes.checksum(base, headerLength) == 0 else { return .refused(.badChecksum) }
        guard fragment & 0x1FFF == 0 else { return .refused(.laterFragment) }
        let place = Place(
            network: base,
            transport: base &+ headerLength,
            fragment: nil,
            end: min(end, base &+ total)
        )
        let number4 = IPProtocol(rawValue: number)
        return finish(bytes, place, .v4(source), .v4(destination), number4, total)
    }

    private static func readIPv6(_ bytes: FrameBytes, _ base: Int, _ end: Int) -> Outcome {
        guard
            base &+ 40 <= end, let first = bytes.octet(base), first >> 4 == 6,
            let payload = bytes.word(base &+ 4).map(Int.init),
            let source = bytes.ipv6Address(base &+ 8),
            let destination = bytes.ipv6Address(base &+ 24)
        else { return .refused(.malformed) }
        let total = 40 &+ payload
        let end = min(end, base &+ total)
        let headers: ExtensionHeaders
        switch ExtensionHeaders.read(bytes, at: base, end: end, isQuoted: true) {
        case .read(let read): headers = read
        case .refused(let refusal): return .refused(refusal)
        }
        guard headers.transportOffset &+ leastTransport <= end else { return .refused(.malformed) }
        let fragment = HeaderFields.fragment(bytes, at: headers.fragmentOffset)
        guard fragment?.offset ?? 0 == 0 else { return .refused(.laterFragment) }
        let place = Place(
            network: base,
            transport: headers.transportOffset,
            fragment: headers.fragmentOffset,
            end: end
        )
        return finish(bytes, place, .v6(source), .v6(destination), headers.protocol, total)
    }

    /// Where the parts of the packet are in the frame.
    private struct Place {
        var network: Int
        var transport: Int
        var fragment: Int?
        var end: Int
        var addressHeader = 0
    }

    /// Reads the ports; at least 8 octets of the transport header are there.
    private static func finish(
        _ bytes: FrameBytes,
        _ place: Place,
        _ source: IPAddress,
        _ destination: IPAddress,
        _ number: IPProtocol,
        _ totalLength: Int
    ) -> Outcome {
        let isIPv6 = source.ipv4 == nil
        if number.rawValue == UDPAddress.protocolNumber,
            let length = UDPAddress.headerLength(bytes, at: place.transport),
            place.transport &+ length &+ leastTransport <= place.end
        {
            var behind = place
            behind.transport = place.transport &+ length
            behind.addressHeader = length
            return finish(bytes, behind, source, destination, .udp, totalLength)
        }
        var ports: (UInt16, UInt16) = (0, 0)
        switch number {
        case .tcp, .udp, .sctp:
            guard let from = bytes.word(place.transport), let to = bytes.word(place.transport &+ 2)
            else { return .refused(.malformed) }
            ports = (from, to)
        case .icmp where !isIPv6, .icmpv6 where isIPv6:
            guard
                let type = bytes.octet(place.transport),
                let identifier = bytes.word(place.transport &+ 4)
            else { return .refused(.malformed) }
            guard ICMPQuery.kind(type, number) != nil else { return .refused(.errorAboutError) }
            ports = (identifier, identifier)
        default: break
        }
        let packet = QuotedPacket(
            isIPv6: isIPv6,
            protocol: number,
            flow: FlowAddresses(
                source: source,
                sourcePort: ports.0,
                destination: destination,
                destinationPort: ports.1
            ),
            totalLength: totalLength,
            networkOffset: place.network,
            transportOffset: place.transport,
            fragmentOffset: place.fragment,
            end: place.end,
            addressHeaderLength: place.addressHeader
        )
        return .read(packet)
    }
}

// MARK: - Rewriting

extension QuotedPacket {
    /// The sequence number of a quoted segment of TCP.
    public func sequence(_ bytes: FrameBytes) -> UInt32? {
        `protocol` == .tcp && transportOffset &+ 8 <= end ? bytes.long(transportOffset &+ 4) : nil
    }

    /// The packet without a header with the client's address, once that is taken out of the frame by
    /// moving what is before it.
    var withoutAddressHeader: QuotedPacket {
        var packet = self
        packet.totalLength &-= addressHeaderLength
        packet.transportOffset &-= addressHeaderLength
        packet.end &-= addressHeaderLength
        packet.addressHeaderLength = 0
        return packet
    }

    /// Says in the quoted IP header, which is right so far, what `withoutAddressHeader` is.
    func writeWithoutAddressHeader(_ bytes: FrameBytes) {
        guard !isIPv6 else {
            bytes.set(UInt16(truncatingIfNeeded: totalLength &- 40), at: networkOffset &+ 4)
            let next = fragmentOffset ?? networkOffset &+ 6
            bytes.set(IPProtocol.udp.rawValue, at: next)
            return
        }
        bytes.set(UInt16(truncatingIfNeeded: totalLength), at: networkOffset &+ 2)
        bytes.set(IPProtocol.udp.rawValue, at: networkOffset &+ 9)
        bytes.set(UInt16(0), at: networkOffset &+ 10)
        let length = transportOffset &- networkOffset
        bytes.set(bytes.checksum(networkOffset, length), at: networkOffset &+ 10)
    }

    /// Gives the transport header the ports of `new`, `sequenceDelta` more as sequence number, and
    /// the checksum, where it is quoted, what all that and the addresses of `new` add to it.
    ///
    /// An echo becomes one of the family of `new`.
    func rewriteTransport(
        _ bytes: FrameBytes,
        to new: FlowAddresses<IPAddress>,
        sequenceDelta: UInt32
    ) {
        var change = InternetSum()
        change.remove(flow.source)
        change.remove(flow.destination)
        change.add(new.source)
        change.add(new.destination)
        switch `protocol` {
        case .tcp, .udp, .sctp: rewritePorts(bytes, new, sequenceDelta, change)
        case .icmp, .icmpv6: rewriteEcho(bytes, new)
        default: break
        }
    }

    private func rewritePorts(
        _ bytes: FrameBytes,
        _ new: FlowAddresses<IPAddress>,
        _ sequenceDelta: UInt32,
        _ addressChange: InternetSum
    ) {
        let offset = transportOffset
        var change = addressChange
        change.remove(flow.sourcePort)
        change.remove(flow.destinationPort)
        change.add(new.sourcePort)
        change.add(new.destinationPort)
        bytes.set(new.sourcePort, at: offset)
        bytes.set(new.destinationPort, at: offset &+ 2)
        if `protocol` == .udp { bytes.updateUDPChecksum(at: offset &+ 6, by: change) }
        // The CRC of SCTP is never among the first eight octets, and nobody checks it in an error.
        guard `protocol` == .tcp, let sequence = bytes.long(offset &+ 4) else { return }
        change.remove(sequence)
        change.add(sequence &+ sequenceDelta)
        bytes.set(sequence &+ sequenceDelta, at: offset &+ 4)
        if offset &+ 18 <= end { bytes.updateChecksum(at: offset &+ 16, by: change) }
    }

    private func rewriteEcho(_ bytes: FrameBytes, _ new: FlowAddresses<IPAddress>) {
        guard let old = bytes.word(transportOffset) else { return }
        // ICMPv6 alone has a pseudo-header (RFC 4443 section 2.3).
        let length = UInt16(
            truncatingIfNeeded: totalLength &- (transportOffset &- networkOffset)
        )
        var change = InternetSum()
        if isIPv6 {
            change.remove(flow.source)
            change.remove(flow.destination)
            change.remove(length)
            change.remove(UInt16(IPProtocol.icmpv6.rawValue))
        }
        var word = old
        if (new.source.ipv4 == nil) != isIPv6,
            let type = Echo.translated(UInt8(old >> 8), from: `protocol`)
        {
            word = UInt16(type) << 8 | old & 0xFF
        }
        if new.source.ipv4 == nil {
            change.add(new.source)
            change.add(new.destination)
            change.add(length)
            change.add(UInt16(IPProtocol.icmpv6.rawValue))
        }
        change.remove(old)
        change.add(word)
        change.remove(flow.sourcePort)
        change.add(new.sourcePort)
        bytes.set(word, at: transportOffset)
        bytes.set(new.sourcePort, at: transportOffset &+ 4)
        bytes.updateChecksum(at: transportOffset &+ 2, by: change)
    }

    /// Gives the network header the addresses of `new`, which are of its own family.
    func rewriteAddresses(_ bytes: FrameBytes, to new: FlowAddresses<IPAddress>) {
        guard !isIPv6 else {
            bytes.set(new.source, at: networkOffset &+ 8)
            bytes.set(new.destination, at: networkOffset &+ 24)
            return
        }
        var change = InternetSum()
        change.remove(flow.source)
        change.remove(flow.destination)
        change.add(new.source)
        change.add(new.destination)
        bytes.set(new.source, at: networkOffset &+ 12)
        bytes.set(new.destination, at: networkOffset &+ 16)
        bytes.updateChecksum(at: networkOffset &+ 10, by: change)
    }
}
