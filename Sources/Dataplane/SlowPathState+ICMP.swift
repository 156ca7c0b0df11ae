// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Networking
import Packet
import Timing

/// Messages of ICMP (RFC 792) and ICMPv6 (RFC 4443) that are meant for ourselves.
extension SlowPathState {
    mutating func handleLocal(_ packet: consuming Packet, on interface: InterfaceID) {
        guard let datagram = Datagram(packet), let type = datagram.messageType else {
            drop(packet, .notForUs)
            return
        }
        switch (datagram.protocol, type) {
        case (.icmpv6, NeighbourDiscovery.types):
            // Who asks for us is answered here; whatever else there is, the kernel may have asked for.
            if !asksForUs(datagram, type, on: interface) { copyUp(packet, to: interface) }
            discover(packet, datagram, on: interface)
        case (.icmpv6, MulticastListener.query):
            copyUp(packet, to: interface)
            answerQuery(packet, datagram, on: interface)
        default:
            handleEcho(packet, datagram, type, on: interface)
        }
    }

    /// Whether this is a solicitation of an own address.
    private func asksForUs(_ datagram: Datagram, _ type: UInt8, on interface: InterfaceID) -> Bool {
        let target = datagram.bytes
            .ipv6Address(datagram.transport + NeighbourDiscovery.target)
        return type == NeighbourDiscovery.neighbourSolicitation
            && target.map { own.onLink(.v6($0), on: interface) != nil } == true
    }

    /// Type of an echo request and of its reply.
    private static func echo(_ family: AddressFamily) -> (request: UInt8, reply: UInt8) {
        family == .ipv4 ? (8, 0) : (128, 129)
    }

    private mutating func handleEcho(
        _ packet: consuming Packet,
        _ request: Datagram,
        _ type: UInt8,
        on interface: InterfaceID
    ) {
        let types = Self.echo(request.source.family)
        guard let source = echoSource(of: request, on: interface), request.source.isOneNode else {
            drop(packet, .notForUs)
            return
        }
        guard type == types.request, request.hasValidMessage else {
            drop(packet, .icmpIgnored)
            return
        }
        guard echoTokens.take(limits.echoesPerSecond, now) else {
            drop(packet, .icmpRateLimited)
            return
        }
        // When no buffer is left for the reply, that counts as dropped.
        let number: IPProtocol = source.family == .ipv4 ? .icmp : .icmpv6
        var headers = headers(answering: request, from: source, number, on: interface)
        if let address = source.ipv4 {
            let options = request.network + 20..<request.transport
            headers.options = EchoOptions.updated(request.bytes, options, by: address, at: now)
        }
        send(
            headers,
            payload: request.payload,
            checksum: 2
        ) { bytes, base in
            bytes.copy(request.payload, from: request.bytes, at: request.transport, to: base)
            bytes.set(types.reply, at: base)
            bytes.set(UInt16(0), at: base + 2)
        }
        deliver(packet)
    }

    /// The own address that answers: the one that was asked, or for a group of ours one of the link
    /// (RFC 4443 section 4.2).
    private func echoSource(of request: Datagram, on interface: InterfaceID) -> IPAddress? {
        if own.isUsable(request.destination, on: interface) { return request.destination }
        guard let group = request.destination.ipv6, own.isInGroup(group, on: interface) else {
            return nil
        }
        return source(toward: request.source, on: interface)
    }
}
