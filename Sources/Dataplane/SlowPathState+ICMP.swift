// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Packet
import Timing

/// What an ICMP error says (RFC 792).
struct ICMPError {
    var type: UInt8
    var code: UInt8
    /// The second word of the message.
    var rest: UInt32 = 0
}

extension SlowPathState {
    /// An error is at most this long (RFC 1812 section 4.3.2.3).
    private static var longestError: Int { 576 }

    // MARK: - Echo

    mutating func handleICMP(_ packet: consuming Packet, _ punted: PuntedPacket) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let base = Int(punted.offset)
        let headerLength = Int((bytes.octet(base) ?? 0) & 0xF) * 4
        let icmp = base + headerLength
        guard
            let total = bytes.word(base + 2).map(Int.init),
            let destination = bytes.long(base + 16).map(IPv4Address.init(rawValue:)),
            own[destination] != nil
        else {
            drop(packet, .notForUs)
            return
        }
        guard bytes.octet(icmp) == 8, bytes.checksum(icmp, total - headerLength) == 0 else {
            drop(packet, .icmpIgnored)
            return
        }
        guard echoTokens.take(limits.echoesPerSecond, now) else {
            drop(packet, .icmpRateLimited)
            return
        }
        replyToEcho(packet, punted, headerLength)
    }

    /// Turns an echo request into its reply, in a packet of our own.
    private mutating func replyToEcho(
        _ packet: consuming Packet,
        _ punted: PuntedPacket,
        _ headerLength: Int
    ) {
        let request = unsafe FrameBytes(packet.frame, count: packet.count)
        let base = Int(punted.offset)
        let total = Int(request.word(base + 2) ?? 0)
        let payload = total - headerLength
        guard
            let reply = answer(request, punted, protocol: .icmp, payload: payload)
        else {
            // The reply is what counts as dropped.
            deliver(packet)
            return
        }
        let bytes = unsafe FrameBytes(reply.frame, count: reply.count)
        bytes.copy(payload, from: request, at: base + headerLength, to: 34)
        bytes.set(UInt8(0), at: 34)
        bytes.set(UInt16(0), at: 36)
        bytes.set(bytes.checksum(34, payload), at: 36)
        inject(reply, on: Int(punted.port))
        deliver(packet)
    }

    // MARK: - Refusals

    /// Tells the sender of a TCP or UDP packet that nobody takes it, and drops the packet.
    mutating func refuse(_ packet: consuming Packet, _ punted: PuntedPacket) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let base = Int(punted.offset)
        guard bytes.octet(base + 9) == IPProtocol.tcp.rawValue else {
            report(packet, punted, ICMPError(type: 3, code: 3))
            return
        }
        if errorTokens.take(limits.errorsPerSecond, now) { reset(bytes, punted) }
        drop(packet, DropReason(rawValue: punted.dropReason) ?? .noService)
    }

    /// Resets the sender of a segment that fits no connection.
    ///
    /// RFC 9293 section 3.10.7.1: "An incoming segment not containing a RST causes a RST to be sent
    /// in response."
    private mutating func reset(_ request: FrameBytes, _ punted: PuntedPacket) {
        let base = Int(punted.offset)
        let headerLength = Int((request.octet(base) ?? 0) & 0xF) * 4
        let tcp = base + headerLength
        guard
            let total = request.word(base + 2).map(Int.init), let flags = request.octet(tcp + 13),
            flags & 0x04 == 0, let sequence = request.long(tcp + 4),
            let acknowledgment = request.long(tcp + 8), let dataOffset = request.octet(tcp + 12),
            let ports = request.long(tcp),
            let reply = answer(request, punted, protocol: .tcp, payload: 20)
        else { return }
        let bytes = unsafe FrameBytes(reply.frame, count: reply.count)
        let data = total - headerLength - Int(dataOffset >> 4) * 4
        let length = UInt32(max(0, data)) + (flags & 0x02 != 0 ? 1 : 0) + UInt32(flags & 0x01)
        bytes.set(ports << 16 | ports >> 16, at: 34)
        if flags & 0x10 != 0 {
            bytes.set(acknowledgment, at: 38)
            bytes.set(UInt16(0x5004), at: 46)
        } else {
            bytes.set(sequence &+ length, at: 42)
            bytes.set(UInt16(0x5014), at: 46)
        }
        // The pseudo-header of RFC 9293 section 3.1: both addresses, protocol and length.
        let addresses = [26, 28, 30, 32].reduce(UInt32(0)) { $0 + UInt32(bytes.word($1) ?? 0) }
        let pseudo = addresses + UInt32(IPProtocol.tcp.rawValue) + 20
        bytes.set(bytes.checksum(34, 20, adding: pseudo), at: 50)
        inject(reply, on: Int(punted.port))
    }

    // MARK: - Errors

    /// Sends an ICMP error about a packet where one is due, and drops the packet.
    mutating func report(
        _ packet: consuming Packet,
        _ punted: PuntedPacket,
        _ error: ICMPError
    ) {
        let original = unsafe FrameBytes(packet.frame, count: packet.count)
        let base = Int(punted.offset)
        var reason = DropReason(rawValue: punted.dropReason) ?? .icmpIgnored
        // "Don't fragment" is what asks for a report of the size.
        let isWanted = error.code != 4 || (original.word(base + 6) ?? 0) & 0x4000 != 0
        if isWanted {
            if errorTokens.take(limits.errorsPerSecond, now) {
                sendError(original, punted, error)
            } else {
                reason = .icmpRateLimited
            }
        }
        drop(packet, reason)
    }

    private mutating func sendError(
        _ original: FrameBytes,
        _ punted: PuntedPacket,
        _ error: ICMPError
    ) {
        let base = Int(punted.offset)
        let total = Int(original.word(base + 2) ?? 0)
        let quoted = min(total, Self.longestError - 28)
        guard
            let reply = answer(original, punted, protocol: .icmp, payload: 8 + quoted)
        else { return }
        let bytes = unsafe FrameBytes(reply.frame, count: reply.count)
        bytes.set(error.type, at: 34)
        bytes.set(error.code, at: 35)
        bytes.set(error.rest, at: 38)
        bytes.copy(quoted, from: original, at: base, to: 42)
        bytes.set(bytes.checksum(34, 8 + quoted), at: 36)
        inject(reply, on: Int(punted.port))
    }

    /// A packet back to where `request` came from: Ethernet and IPv4 headers filled in, from the
    /// address that `request` was sent to, `payload` zeroed octets behind them.
    private mutating func answer(
        _ request: FrameBytes,
        _ punted: PuntedPacket,
        protocol: IPProtocol,
        payload: Int
    ) -> Packet? {
        let base = Int(punted.offset)
        let port = Int(punted.port)
        guard
            let mac = request.address(6), let source = request.long(base + 12),
            let destination = request.long(base + 16), let packet = make(34 + payload, on: port)
        else { return nil }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        writeEthernet(bytes, to: MACAddress(rawValue: mac), from: port, .ipv4)
        bytes.set(UInt8(0x45), at: 14)
        bytes.set(UInt16(20 + payload), at: 16)
        bytes.set(UInt16(0x4000), at: 20)
        bytes.set(limits.timeToLive, at: 22)
        bytes.set(`protocol`.rawValue, at: 23)
        bytes.set(destination, at: 26)
        bytes.set(source, at: 30)
        bytes.set(bytes.checksum(14, 20), at: 24)
        return packet
    }
}
