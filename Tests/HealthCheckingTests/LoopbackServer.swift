// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOPosix
import Synchronization

/// A server on 127.0.0.1 that answers as it is told at the moment.
final class LoopbackServer: Sendable {
    /// What follows on whatever comes; nil: nothing.
    let answer = Mutex<String?>(nil)
    /// Connections or datagrams so far.
    let visits = Atomic(0)
    let port: UInt16
    private let channel: any Channel

    private init(_ channel: any Channel) {
        self.channel = channel
        port = UInt16(channel.localAddress?.port ?? 0)
    }

    static func withTCP(
        _ answer: String?,
        _ body: (LoopbackServer) async throws -> Void
    ) async throws {
        let holder = Holder()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(holder))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await run(LoopbackServer(channel), holder, answer, body)
    }

    static func withUDP(
        _ answer: String?,
        _ body: (LoopbackServer) async throws -> Void
    ) async throws {
        let holder = Holder()
        let channel = try await DatagramBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramAnswerer(holder))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await run(LoopbackServer(channel), holder, answer, body)
    }

    private static func run(
        _ server: LoopbackServer,
        _ holder: Holder,
        _ answer: String?,
        _ body: (LoopbackServer) async throws -> Void
    ) async throws {
        server.answer.withLock { $0 = answer }
        holder.server.withLock { $0 = server }
        do {
            try await body(server)
        } catch {
            try? await server.channel.close()
            throw error
        }
        try await server.channel.close()
    }

    func says(_ text: String?) { answer.withLock { $0 = text } }
}

private final class Holder: Sendable {
    let server = Mutex<LoopbackServer?>(nil)

    /// What is to be answered now; counts the visit.
    func visit() -> ByteBuffer? {
        guard let server = server.withLock({ $0 }) else { return nil }
        server.visits.add(1, ordering: .relaxed)
        return server.answer.withLock { $0.map { ByteBuffer(string: $0) } }
    }
}

private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let holder: Holder

    init(_ holder: Holder) { self.holder = holder }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let answer = holder.visit() else { return }
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    }
}

private final class DatagramAnswerer: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let holder: Holder

    init(_ holder: Holder) { self.holder = holder }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let answer = holder.visit() else { return }
        let remote = unwrapInboundIn(data).remoteAddress
        let envelope = AddressedEnvelope(remoteAddress: remote, data: answer)
        context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
    }
}
