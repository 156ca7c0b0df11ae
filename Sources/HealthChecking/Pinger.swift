// SPDX-License-Identifier: Apache-2.0
import Addressing
import Linux
import NIOCore
import NIOPosix

/// Sends echo requests and waits for their replies: one socket for each way that they go.
///
/// Belongs to its event loop.
final class Pinger {
    /// How requests leave.
    private struct Way: Hashable {
        var family: AddressFamily
        var source: IPAddress?
        var interface: String?
    }

    private struct Waiting {
        var address: IPAddress
        var token: UInt32
        var result: EventLoopPromise<ProbeResult>
        var deadline: Scheduled<Void>
    }

    private let loop: any EventLoop
    private var channels: [Way: EventLoopFuture<any Channel>] = [:]
    /// Sockets stay open whatever becomes of their channels: the process may not open others later.
    private var descriptors: [Way: Int32] = [:]
    private var waiting: [UInt16: Waiting] = [:]
    private var sequence = UInt16.random(in: 0 ... .max)
    private let identifier = UInt16.random(in: 0 ... .max)

    /// Opens the sockets for the usual ways now, while the process may.
    init(on loop: any EventLoop) { self.loop = loop }

    /// Opens what may not be opened any more when the process has given up its privileges.
    func prepare() {
        for family in AddressFamily.allCases { _ = channel(Way(family: family)) }
    }

    func ping(
        _ address: IPAddress,
        from source: IPAddress?,
        by interface: String?,
        timeout: Duration
    ) -> EventLoopFuture<ProbeResult> {
        let result = loop.makePromise(of: ProbeResult.self)
        guard let number = freeSequence() else {
            result.succeed(.unable("too many echo requests wait for an answer"))
            return result.futureResult
        }
        let way = Way(family: address.family, source: source, interface: interface)
        let me = NIOLoopBound(self, eventLoop: loop)
        let deadline = loop.scheduleTask(in: TimeAmount(timeout)) {
            me.value.finish(number, .bad("no echo reply in time"))
        }
        let token = UInt32.random(in: 0 ... .max)
        waiting[number] = Waiting(
            address: address,
            token: token,
            result: result,
            deadline: deadline
        )
        channel(way)
            .whenComplete { outcome in
                switch outcome {
                case .success(let channel):
                    me.value.send(number, token, to: address, on: channel, way)
                case .failure(let error):
                    me.value.channels[way] = nil
                    me.value.finish(number, .unable("cannot send echo requests: \(error)"))
                }
            }
        return result.futureResult
    }

    private func freeSequence() -> UInt16? {
        for _ in 0..<UInt16.max {
            sequence &+= 1
            if waiting[sequence] == nil { return sequence }
        }
        return nil
    }

    private func send(
        _ number: UInt16,
        _ token: UInt32,
        to address: IPAddress,
        on channel: any Channel,
        _ way: Way
    ) {
        let packet = EchoMessage(identifier, number, token).request(address.family)
        guard let remote = try? SocketAddress(address, port: 0) else { return }
        let envelope = AddressedEnvelope(
            remoteAddress: remote,
            data: ByteBuffer(bytes: packet)
        )
        let me = NIOLoopBound(self, eventLoop: loop)
        channel.writeAndFlush(envelope)
            .whenFailure { error in
                // A channel does not outlive every error; the next request gets a new one.
                if !channel.isActive { me.value.channels[way] = nil }
                me.value.finish(number, .bad("cannot be sent: \(error)"))
            }
    }

    private func finish(_ number: UInt16, _ end: ProbeResult) {
        guard let entry = waiting.removeValue(forKey: number) else { return }
        entry.deadline.cancel()
        entry.result.succeed(end)
    }

    /// What came on a socket of `family`.
    fileprivate func received(_ octets: [UInt8], _ family: AddressFamily, from sender: String) {
        guard let reply = EchoMessage(reply: octets, family),
            let entry = waiting[reply.sequence], entry.token == reply.token,
            entry.address == IPAddress(sender)
        else { return }
        finish(reply.sequence, .good)
    }

    // MARK: - Sockets

    private func channel(_ way: Way) -> EventLoopFuture<any Channel> {
        if let known = channels[way] { return known }
        let me = NIOLoopBound(self, eventLoop: loop)
        let opened: EventLoopFuture<any Channel>
        do throws(LinuxError) {
            let descriptor = try PingSocket.copy(of: self.descriptor(way))
            opened = DatagramBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let reader = EchoReader(me.value, way.family)
                        try channel.pipeline.syncOperations.addHandler(reader)
                    }
                }
                .withBoundSocket(descriptor)
        } catch {
            return loop.makeFailedFuture(error)
        }
        channels[way] = opened
        return opened
    }

    private func descriptor(_ way: Way) throws(LinuxError) -> Int32 {
        if let known = descriptors[way] { return known }
        let descriptor = try PingSocket.open(
            isIPv6: way.family == .ipv6,
            from: way.source?.description,
            by: way.interface
        )
        descriptors[way] = descriptor
        return descriptor
    }
}

/// Hands what comes to the pinger.
private final class EchoReader: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let pinger: Pinger
    private let family: AddressFamily

    init(_ pinger: Pinger, _ family: AddressFamily) {
        self.pinger = pinger
        self.family = family
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let sender = envelope.remoteAddress.ipAddress else { return }
        pinger.received(Array(envelope.data.readableBytesView), family, from: sender)
    }

    /// Errors about single requests; those run into their time.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// An echo request or reply (RFC 792, RFC 4443 section 4).
struct EchoMessage: Equatable {
    let identifier: UInt16
    let sequence: UInt16
    /// Told apart by it from replies to others.
    let token: UInt32

    private static let magic = Array("dpvs".utf8)
    private static let headerLength = 8

    init(_ identifier: UInt16, _ sequence: UInt16, _ token: UInt32) {
        self.identifier = identifier
        self.sequence = sequence
        self.token = token
    }

    /// The octets of a request; the kernel makes the checksum of ICMPv6.
    func request(_ family: AddressFamily) -> [UInt8] {
        var octets: [UInt8] = [family == .ipv4 ? 8 : 128, 0, 0, 0]
        for number in [identifier, sequence] {
            octets += [UInt8(number >> 8), UInt8(number & 0xFF)]
        }
        octets += Self.magic
        octets += (0..<4).map { UInt8(token >> (24 - 8 * $0) & 0xFF) }
        if family == .ipv4 {
            let sum = Self.checksum(octets)
            octets[2] = UInt8(sum >> 8)
            octets[3] = UInt8(sum & 0xFF)
        }
        return octets
    }

    /// A reply to one of ours; nil: something else.
    init?(reply octets: [UInt8], _ family: AddressFamily) {
        var message = octets[...]
        // A raw socket of IPv4 has the IP header in front.
        if family == .ipv4, let first = message.first, first >> 4 == 4 {
            message = message.dropFirst(Int(first & 0x0F) * 4)
        }
        let length = Self.headerLength + Self.magic.count + 4
        guard message.count >= length, message.first == (family == .ipv4 ? 0 : 129) else {
            return nil
        }
        let bytes = Array(message.prefix(length))
        guard Array(bytes[8..<12]) == Self.magic else { return nil }
        identifier = UInt16(bytes[4]) << 8 | UInt16(bytes[5])
        sequence = UInt16(bytes[6]) << 8 | UInt16(bytes[7])
        token = bytes[12..<16].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// RFC 1071.
    private static func checksum(_ octets: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for (index, octet) in octets.enumerated() {
            sum += index.isMultiple(of: 2) ? UInt32(octet) << 8 : UInt32(octet)
        }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + sum >> 16 }
        return ~UInt16(sum)
    }
}
