// SPDX-License-Identifier: Apache-2.0
import Addressing
import Glibc
import Linux
import Model
import NIOCore
import NIOPosix
import NIOSSL

/// Makes probes over sockets of the kernel, all on one event loop.
struct Prober: Sendable {
    let loop: any EventLoop
    private let trusting: NIOSSLContext?
    private let verifying: NIOSSLContext?

    init(on loop: any EventLoop) {
        self.loop = loop
        var options = TLSConfiguration.makeClientConfiguration()
        verifying = try? NIOSSLContext(configuration: options)
        options.certificateVerification = .none
        trusting = try? NIOSSLContext(configuration: options)
    }

    /// Makes one probe, whose result comes in time; on the event loop.
    func probe(_ target: ProbeTarget) -> EventLoopFuture<ProbeResult> {
        let result = loop.makePromise(of: ProbeResult.self)
        guard let conversation = target.conversation() else {
            result.succeed(.unable("cannot be asked over a socket"))
            return result.futureResult
        }
        do {
            try open(target, conversation, result)
        } catch {
            result.succeed(.unable("\(error)"))
        }
        return result.futureResult
    }

    private func open(
        _ target: ProbeTarget,
        _ conversation: any Conversation,
        _ result: EventLoopPromise<ProbeResult>
    ) throws {
        let address = try SocketAddress(target.address, port: target.port)
        let source = try target.check.source.map { try SocketAddress($0, port: 0) }
        let isDatagram = target.isDatagram
        let talk = Talk(conversation, target.check.timeout, result)
        let talks = NIOLoopBound(talk, eventLoop: loop)
        let device = try target.check.interface.map(Self.index(of:))
        let opening: EventLoopFuture<any Channel>
        if isDatagram {
            opening = openDatagram(to: address, from: source, device, talks)
        } else {
            opening = try openStream(target, to: address, from: source, device, talks)
        }
        // The time runs from here, so that it holds for the connection, too.
        talk.limit(loop)
        opening.whenFailure { error in talks.value.fail(error) }
    }

    private func openStream(
        _ target: ProbeTarget,
        to address: SocketAddress,
        from source: SocketAddress?,
        _ device: Int?,
        _ talk: NIOLoopBound<Talk>
    ) throws -> EventLoopFuture<any Channel> {
        let security = try tls(of: target)
        let endsWithReset = target.endsWithReset
        var bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(target.check.timeout))
            .channelInitializer { channel in
                if endsWithReset, let socket = channel as? any SocketOptionProvider {
                    _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                }
                return channel.eventLoop.makeCompletedFuture {
                    if let security {
                        let handler = try NIOSSLClientHandler(
                            context: security.context,
                            serverHostname: security.name
                        )
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(talk.value)
                }
            }
        if let device {
            bootstrap = bootstrap.channelOption(Self.boundDevice, value: device)
        }
        if let source { bootstrap = bootstrap.bind(to: source) }
        return bootstrap.connect(to: address)
    }

    private func openDatagram(
        to address: SocketAddress,
        from source: SocketAddress?,
        _ device: Int?,
        _ talk: NIOLoopBound<Talk>
    ) -> EventLoopFuture<any Channel> {
        var bootstrap = DatagramBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(EnvelopeOpener(), talk.value)
                }
            }
        if let device {
            bootstrap = bootstrap.channelOption(Self.boundDevice, value: device)
        }
        guard let source else { return bootstrap.connect(to: address) }
        return bootstrap.bind(to: source)
            .flatMap { channel in channel.connect(to: address).map { channel } }
    }

    /// SO_BINDTOIFINDEX, since Linux 5.0.
    private static let boundDevice = ChannelOptions.Types.SocketOption(
        level: .socket,
        name: .init(rawValue: 62)
    )

    private static func index(of interface: String) throws -> Int {
        guard let index = KernelLink.index(of: interface) else {
            throw ProbeFault("there is no kernel interface \(interface)")
        }
        return Int(index)
    }

    // MARK: - TLS

    private struct Security {
        var context: NIOSSLContext
        var name: String?
    }

    private func tls(of target: ProbeTarget) throws -> Security? {
        guard case .http(let http) = target.check.probe, let tls = http.tls else { return nil }
        guard let context = tls.isVerified ? verifying : trusting else {
            throw ProbeFault("TLS cannot be set up")
        }
        // SNI has no room for addresses (RFC 6066 section 3).
        let host = tls.serverName ?? http.host?.split(separator: ":").first.map(String.init)
        return Security(context: context, name: host.flatMap { IPAddress($0) == nil ? $0 : nil })
    }
}

/// Why a probe cannot be made.
struct ProbeFault: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

extension ProbeTarget {
    fileprivate var isDatagram: Bool {
        switch check.probe {
        case .udp, .dns: true
        case .tcp, .http, .smtp, .ping, .script: false
        }
    }

    /// Whether the connection is cut when there is nothing more to say, so that no port of ours is
    /// held by it for another minute.
    ///
    /// What was sent and is not answered would be lost by that.
    fileprivate var endsWithReset: Bool {
        switch check.probe {
        case .tcp(let exchange): exchange.expect != nil || exchange.send == nil && greeting.isEmpty
        case .http(let http): http.tls == nil
        case .udp, .dns, .smtp, .ping, .script: false
        }
    }
}

extension SocketAddress {
    init(_ address: IPAddress, port: UInt16) throws {
        try self.init(ipAddress: address.description, port: Int(port))
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
