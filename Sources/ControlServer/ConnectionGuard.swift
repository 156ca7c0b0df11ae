// SPDX-License-Identifier: Apache-2.0
import Addressing
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// HTTP/1.1 with a `ConnectionGuard` on each connection.
struct GuardedHTTP: ServerChildChannel {
    let base: HTTP1Channel
    let table: ConnectionTable
    let limits: ConnectionGuard.Limits

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger)
            .flatMapThrowing { value in
                let pipeline = channel.pipeline.syncOperations
                let decoder = try pipeline.handler(
                    type: ByteToMessageHandler<HTTPRequestDecoder>.self
                )
                try pipeline.addHandler(ConnectionGuard(table, limits), position: .after(decoder))
                return value
            }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}

/// Gives a connection its place in the table and hangs up when the client takes too long.
///
/// It stands behind the HTTP decoder, so half a header is no request: however slowly its octets come,
/// the time for the whole of it runs.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long each part of a request may take.
    struct Limits: Equatable, Sendable {
        /// From connecting to the end of the first request's header.
        var header = TimeAmount.seconds(5)
        /// Between two requests; the next one's header included.
        var silence = TimeAmount.seconds(30)
        /// From the end of the header to the end of the body.
        var body = TimeAmount.seconds(10)
        /// From the end of the request until the client has taken the whole answer; nil: any time.
        var answer: TimeAmount?
    }

    private let table: ConnectionTable
    private let limits: Limits
    private var id: UInt64?
    private var deadline: Scheduled<Void>?

    init(_ table: ConnectionTable, _ limits: Limits) {
        self.table = table
        self.limits = limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            if let id { table.set(id, isBusy: true) }
            hangUp(context, in: limits.body)
        case .end: hangUp(context, in: limits.answer)
        case .body: break
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else {
            context.write(data, promise: promise)
            return
        }
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        written.futureResult.whenSuccess { bound.value.0.answered(bound.value.1) }
        context.write(data, promise: written)
    }

    // MARK: - Steps

    private func begin(_ context: ChannelHandlerContext) {
        guard id == nil else { return }
        let channel = context.channel
        let address = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }
        id = table.open(ConnectionTable.peer(address)) { channel.close(promise: nil) }
        if id == nil {
            context.close(promise: nil)
        } else {
            hangUp(context, in: limits.header)
        }
    }

    /// The client has everything.
    private func answered(_ context: ChannelHandlerContext) {
        guard let id else { return }
        table.set(id, isBusy: false)
        hangUp(context, in: limits.silence)
    }

    private func hangUp(_ context: ChannelHandlerContext, in time: TimeAmount?) {
        deadline?.cancel()
        deadline = nil
        guard let time else { return }
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }

    private func end() {
        deadline?.cancel()
        deadline = nil
        if let id { table.remove(id) }
        id = nil
    }
}
