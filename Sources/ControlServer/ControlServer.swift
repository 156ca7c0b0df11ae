// SPDX-License-Identifier: Apache-2.0
import Foundation
import Hummingbird
import HummingbirdCore
package import Logging
import Model
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Serves the control API on a unix socket and, when asked, reads of it on a TCP port.
///
/// A service of swift-service-lifecycle: graceful shutdown lets requests finish. Put it first into
/// the group, so that it ends last and probes see the daemon drain.
package struct ControlServer: ServiceLifecycle.Service {
    /// A TCP address; port 0 takes any free one.
    package struct TCPAddress: Equatable, Sendable {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// What is served once `run` gets there.
    package struct Listening: Equatable, Sendable {
        package var socket: String
        /// With the port that was free, if any was asked for.
        package var tcp: TCPAddress?
    }

    private let backend: any ControlBackend
    private let socket: String
    private let tcp: TCPAddress?
    private let logger: Logger
    private let onListening: @Sendable (Listening) async -> Void

    package init(
        backend: any ControlBackend,
        socket: String,
        tcp: TCPAddress? = nil,
        logger: Logger,
        onListening: @escaping @Sendable (Listening) async -> Void = { _ in }
    ) {
        self.backend = backend
        self.socket = socket
        self.tcp = tcp
        self.logger = logger
        self.onListening = onListening
    }

    /// Throws when no socket can be made at `path`, whatever the machine has.
    package static func check(socket path: String) throws(ControlServerError) {
        _ = try SocketPlace(path)
    }

    /// Throws when nobody can listen there, as `run` would, before anything begins that had to end.
    private func check(_ address: TCPAddress) async throws {
        do {
            let group = MultiThreadedEventLoopGroup.singleton
            let bootstrap = ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            try await bootstrap.bind(host: address.host, port: address.port).get().close()
        } catch let error as IOError {
            throw Self.refusal(error, address.description)
        } catch is SocketAddressError.UnknownHost {
            let reason = "the name '\(address.host.printable)' has no address"
            throw ControlServerError.cannotListen(address.description, reason: reason)
        }
    }

    private static func refusal(_ error: IOError, _ name: String) -> ControlServerError {
        .cannotListen(name, reason: unsafe String(cString: strerror(error.errnoCode)))
    }

    package func run() async throws {
        if let tcp { try await check(tcp) }
        let place = try SocketPlace(socket)
        try await place.prepare()
        let (bound, binding) = AsyncStream.makeStream(of: TCPAddress?.self)
        let first = listener(at: place) { binding.yield(nil) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { place.remove() }
            group.addTask {
                defer { binding.finish() }
                try await run(first, called: socket)
            }
            if let tcp {
                group.addTask {
                    defer { binding.finish() }
                    let listener = listener(at: tcp) { binding.yield($0) }
                    try await run(listener, called: tcp.description)
                }
            }
            group.addTask {
                if try await publish(place, when: bound) { await keep(place, from: first) }
            }
            // The first that fails ends the others; `waitForAll` would wait for them.
            while try await group.next() != nil {}
        }
    }

    /// Waits until everything is bound; false when the server ended before.
    private func publish(
        _ place: SocketPlace,
        when bound: AsyncStream<TCPAddress?>
    ) async throws -> Bool {
        var listening = Listening(socket: socket)
        var missing = tcp == nil ? 1 : 2
        for await address in bound {
            if let address { listening.tcp = address }
            missing -= 1
            if missing > 0 { continue }
            try place.publish()
            logger.info("listening on \(listening)")
            await onListening(listening)
            return true
        }
        return false
    }

    // MARK: - A socket that somebody removes

    /// How often is looked whether the socket is still there.
    private static let lookInterval = Duration.seconds(1)

    /// Binds the socket anew whenever its file is gone, until the server ends.
    private func keep(_ place: SocketPlace, from first: ServiceGroup) async {
        await withTaskGroup(of: Void.self) { group in
            var current = first
            var complaint: String?
            while await Self.sleep() {
                guard place.isLost else { continue }
                do {
                    try await place.prepare()
                    let (bound, binding) = AsyncStream.makeStream(of: Void.self)
                    let next = listener(at: place) { binding.yield() }
                    group.addTask {
                        defer { binding.finish() }
                        do {
                            try await run(next, called: socket)
                        } catch {
                            logger.error("\(error)")
                        }
                    }
                    guard await bound.first(where: { true }) != nil else { continue }
                    try place.publish()
                    // Who is connected to the old one gets the answer that he waits for.
                    await current.triggerGracefulShutdown()
                    current = next
                    complaint = nil
                    logger.warning("\(socket) was removed, and is there again")
                } catch {
                    if complaint != "\(error)" {
                        logger.error("\(socket) was removed and cannot be made again: \(error)")
                    }
                    complaint = "\(error)"
                }
            }
        }
    }

    /// Whether the server goes on after a moment.
    private static func sleep() async -> Bool {
        do {
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: lookInterval) }
            return !Task.isCancelled && !Task.isShuttingDownGracefully
        } catch {
            return false
        }
    }

    // MARK: - Listeners

    private func listener(
        at place: SocketPlace,
        onBound: @escaping @Sendable () -> Void
    ) -> ServiceGroup {
        let address = BindAddress.unixDomainSocket(path: place.temporaryPath)
        return listener(.admin, at: address, ConnectionGuard.Limits()) { _ in onBound() }
    }

    private func listener(
        at tcp: TCPAddress,
        onBound: @escaping @Sendable (TCPAddress) -> Void
    ) -> ServiceGroup {
        var limits = ConnectionGuard.Limits()
        limits.answer = Self.longestAnswer
        return listener(.monitoring, at: .hostname(tcp.host, port: tcp.port), limits) { channel in
            let port = channel.localAddress?.port ?? tcp.port
            onBound(TCPAddress(host: tcp.host, port: port))
        }
    }

    private func listener(
        _ access: Access,
        at address: BindAddress,
        _ limits: ConnectionGuard.Limits,
        onBound: @escaping @Sendable (any Channel) -> Void
    ) -> ServiceGroup {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let clients = ConnectionTable()
        let application = Application(
            responder: ControlResponder(backend: backend, access: access),
            server: HTTPServerBuilder { responder in
                GuardedHTTP(
                    base: HTTP1Channel(responder: responder),
                    table: clients,
                    limits: limits
                )
            },
            configuration: ApplicationConfiguration(address: address, serverName: "dpvs"),
            onServerRunning: { onBound($0) },
            logger: quiet
        )
        var configuration = ServiceGroupConfiguration(
            services: [application],
            gracefulShutdownSignals: [],
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = Self.longestEnd
        return ServiceGroup(configuration: configuration)
    }

    private func run(_ listener: ServiceGroup, called name: String) async throws {
        do {
            try await listener.run()
        } catch let error as IOError {
            throw Self.refusal(error, name)
        }
    }

    /// How long the server waits at its end for clients to take what they asked for.
    private static let longestEnd = Duration.seconds(5)

    /// The longest that a client from the network may take to read one answer.
    private static let longestAnswer = TimeAmount.seconds(120)
}

extension ControlServer.TCPAddress: CustomStringConvertible {
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension ControlServer.Listening: CustomStringConvertible {
    package var description: String { tcp.map { "\(socket) and \($0)" } ?? socket }
}
