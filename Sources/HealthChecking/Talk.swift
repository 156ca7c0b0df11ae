// SPDX-License-Identifier: Apache-2.0
import Glibc
import Model
import NIOCore
import NIOPosix
import NIOSSL

/// Lets a conversation talk over a channel, until there is a result or the time is over.
///
/// Belongs to the channel's event loop.
final class Talk: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var conversation: any Conversation
    private let timeout: Duration
    private let result: EventLoopPromise<ProbeResult>
    private var context: ChannelHandlerContext?
    private var deadline: Scheduled<Void>?
    private var isOver = false

    init(
        _ conversation: any Conversation,
        _ timeout: Duration,
        _ result: EventLoopPromise<ProbeResult>
    ) {
        self.conversation = conversation
        self.timeout = timeout
        self.result = result
    }

    /// Lets the time run.
    func limit(_ loop: any EventLoop) {
        let talk = NIOLoopBound(self, eventLoop: loop)
        deadline = loop.scheduleTask(in: TimeAmount(timeout)) { talk.value.giveUp() }
    }

    /// The channel could not be opened.
    func fail(_ error: any Error) { finish(Self.judge(error)) }

    private func giveUp() {
        finish(context == nil ? .bad("no answer in time") : conversation.giveUp())
    }

    private func finish(_ end: ProbeResult) {
        guard !isOver else { return }
        isOver = true
        deadline?.cancel()
        result.succeed(end)
        context?.close(promise: nil)
    }

    private func take(_ step: ConversationStep, _ context: ChannelHandlerContext) {
        switch step {
        case .wait: break
        case .finish(let end): finish(end)
        case .send(let octets): send(octets, context, promise: nil)
        case .sendAndFinish(let octets):
            let sent = context.eventLoop.makePromise(of: Void.self)
            let talk = NIOLoopBound(self, eventLoop: context.eventLoop)
            sent.futureResult.whenComplete { outcome in
                switch outcome {
                case .success: talk.value.finish(.good)
                case .failure(let error): talk.value.fail(error)
                }
            }
            send(octets, context, promise: sent)
        }
    }

    private func send(
        _ octets: [UInt8],
        _ context: ChannelHandlerContext,
        promise: EventLoopPromise<Void>?
    ) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: octets)), promise: promise)
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // The time was over before the channel was there.
        if isOver { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        guard !isOver else { return context.close(promise: nil) }
        take(conversation.begin(), context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        take(conversation.receive(Array(unwrapInboundIn(data).readableBytesView)), context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isOver { finish(conversation.end()) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }

    // MARK: - Errors

    /// What an error says of the backend.
    private static func judge(_ error: any Error) -> ProbeResult {
        if let error = error as? IOError { return judge(error) }
        if case ChannelError.connectTimeout = error { return .bad("no answer in time") }
        if let error = error as? NIOConnectionError {
            return error.connectionErrors.last.map { judge($0.error) } ?? .bad("\(error)")
        }
        if let error = error as? NIOSSLError { return .bad("TLS: \(error)") }
        if let error = error as? BoringSSLError { return .bad("TLS: \(error)") }
        return .bad("\(error)")
    }

    private static func judge(_ error: IOError) -> ProbeResult {
        switch error.errnoCode {
        case ECONNREFUSED: .bad("connection refused")
        case ECONNRESET, EPIPE: .bad("connection reset")
        case EHOSTUNREACH: .bad("no route to the host")
        case ENETUNREACH: .bad("network unreachable")
        case ETIMEDOUT: .bad("no answer in time")
        case EMFILE, ENFILE: .unable("too many open files")
        case EADDRNOTAVAIL: .unable("the source address is none of this machine's")
        case ENOBUFS, ENOMEM: .unable("no memory in the kernel")
        case EPERM, EACCES: .unable("not permitted")
        case ENODEV: .unable("the interface is gone")
        default: .bad(String(describing: error))
        }
    }
}

/// Takes datagrams of the one peer out of their envelopes.
final class EnvelopeOpener: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias InboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(wrapInboundOut(unwrapInboundIn(data).data))
    }
}
