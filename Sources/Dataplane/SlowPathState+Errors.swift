// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet
import Timing

/// What the sender of a packet is told, in the words of ICMP (RFC 792) or ICMPv6 (RFC 4443).
enum ICMPError: Equatable {
    case portUnreachable
    case noRoute
    case timeExceeded
    case tooBig(mtu: UInt16)

    /// Type, code and second word of the message.
    func message(_ family: AddressFamily) -> (type: UInt8, code: UInt8, rest: UInt32) {
        switch (self, family) {
        case (.portUnreachable, .ipv4): (3, 3, 0)
        case (.noRoute, .ipv4): (3, 0, 0)
        case (.timeExceeded, .ipv4): (11, 0, 0)
        // RFC 1191 section 4: the code, and the MTU in the low half of the unused word.
        case (.tooBig(let mtu), .ipv4): (3, 4, UInt32(mtu))
        case (.portUnreachable, .ipv6): (1, 4, 0)
        case (.noRoute, .ipv6): (1, 0, 0)
        case (.timeExceeded, .ipv6): (3, 0, 0)
        case (.tooBig(let mtu), .ipv6): (2, 0, UInt32(mtu))
        }
    }
}

extension SlowPathState {
    /// An error is at most this long: RFC 1812 section 4.3.2.3; RFC 4443 section 2.4 (c), "as much
    /// of invoking packet as possible without the ICMPv6 packet exceeding the minimum IPv6 MTU".
    private static func longestError(_ family: AddressFamily) -> Int {
        family == .ipv4 ? 576 : 1280
    }

    // MARK: - Refusals

    /// Tells the sender of a TCP or UDP packet that nobody takes it, and drops the packet.
    mutating func refuse(_ packet: consuming Packet, _ punted: PuntedPacket) {
        guard let datagram = Datagram(packet), datagram.protocol == .tcp else {
            report(packet, punted, .portUnreachable)
            return
        }
        if mayAnswer(datagram), errorTokens.take(limits.errorsPerSecond, now) {
            reset(datagram, on: punted.interface)
        }
        drop(packet, DropReason(rawValue: punted.dropReason) ?? .noService)
    }

    /// Resets the sender of a segment that fits no connection.
    ///
    /// RFC 9293 section 3.10.7.1: "An incoming segment not containing a RST causes a RST to be sent
    /// in response."
    private mutating func reset(_ request: Datagram, on interface: InterfaceID) {
        let tcp = request.transport
        guard
            let flags = request.bytes.octet(tcp + 13), flags & 0x04 == 0,
            let sequence = request.bytes.long(tcp + 4),
            let acknowledgment = request.bytes.long(tcp + 8),
            let dataOffset = request.bytes.octet(tcp + 12), let places = request.bytes.long(tcp)
        else { return }
        let data = request.payload - Int(dataOffset >> 4) * 4
        let length = UInt32(max(0, data)) + (flags & 0x02 != 0 ? 1 : 0) + UInt32(flags & 0x01)
        send(
            headers(answering: request, from: request.destination, .tcp, on: interface),
            payload: 20,
            checksum: 16
        ) { bytes, base in
            bytes.set(places << 16 | places >> 16, at: base)
            if flags & 0x10 != 0 {
                bytes.set(acknowledgment, at: base + 4)
                bytes.set(UInt16(0x5004), at: base + 12)
            } else {
                bytes.set(sequence &+ length, at: base + 8)
                bytes.set(UInt16(0x5014), at: base + 12)
            }
        }
    }

    // MARK: - Errors

    /// Sends an ICMP error about a packet where one is due, and drops the packet.
    mutating func report(
        _ packet: consuming Packet,
        _ punted: PuntedPacket,
        _ error: ICMPError
    ) {
        var reason = DropReason(rawValue: punted.dropReason) ?? .icmpIgnored
        if let datagram = Datagram(packet), isDue(error, about: datagram) {
            if errorTokens.take(limits.errorsPerSecond, now) {
                sendError(error, about: datagram, on: punted.interface)
            } else {
                reason = .icmpRateLimited
            }
        }
        drop(packet, reason)
    }

    /// Whether the sender of `datagram` may be told anything: it is one node, and meant one.
    private func mayAnswer(_ datagram: Datagram) -> Bool {
        datagram.source.isOneNode && datagram.destination.isOneNode && !datagram.isToGroup
    }

    /// RFC 1122 section 3.2.2 and RFC 4443 section 2.4 (e).
    private func isDue(_ error: ICMPError, about datagram: Datagram) -> Bool {
        guard case .tooBig = error else {
            return mayAnswer(datagram) && !datagram.isErrorReport
        }
        // "Don't fragment" is what asks for a report of the size. "The Packet Too Big Message" is
        // one of two exceptions to the silence about groups: path MTU discovery works there, too.
        let isToOne = mayAnswer(datagram) || datagram.source.family == .ipv6
        return datagram.mayNotBeFragmented && isToOne && datagram.source.isOneNode
            && !datagram.isErrorReport
    }

    private mutating func sendError(
        _ error: ICMPError,
        about original: Datagram,
        on interface: InterfaceID
    ) {
        let family = original.source.family
        let isOurs = own.isUsable(original.destination, on: interface)
        guard
            let source = isOurs
                ? original.destination : source(toward: original.source, on: interface)
        else { return }
        let headers = headers(
            answering: original,
            from: source,
            family == .ipv4 ? .icmp : .icmpv6,
            on: interface
        )
        let room = Self.longestError(family) - (headers.payloadOffset - 14) - 8
        let quoted = min(original.end - original.network, room)
        let message = error.message(family)
        send(headers, payload: 8 + quoted, checksum: 2) { bytes, base in
            bytes.set(message.type, at: base)
            bytes.set(message.code, at: base + 1)
            bytes.set(message.rest, at: base + 4)
            bytes.copy(quoted, from: original.bytes, at: original.network, to: base + 8)
        }
    }
}
