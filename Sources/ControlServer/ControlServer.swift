// SPDX-License-Identifier: Apache-2.0
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// Serves the control API on a unix socket and, when asked, reads of it on a TCP port.
///
/// A service of swift-service-lifecycle: graceful shutdown lets requests finish. Put it first into
/// the group, so that it ends last and probes see the daemon drain.
package struct ControlServer: Service {
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

    package func run() async throws {
        let place = try SocketPlace(socket)
        try await place.prepare()
        let (bound, binding) = AsyncStream.makeStream(of: TCPAddress?.self)
        try await withThrowingTaskGroup(of: SocketPlace.Identity?.self) { group in
            var published: SocketPlace.Identity?
            defer { place.remove(published) }
            group.addTask {
                defer { binding.finish() }
                let address = BindAddress.unixDomainSocket(path: place.temporaryPath)
                try await serve(.socket, at: address, called: socket) { _ in binding.yield(nil) }
                return nil
            }
            if let tcp {
                group.addTask {
                    defer { binding.finish() }
                    let address = BindAddress.hostname(tcp.host, port: tcp.port)
                    try await serve(.tcp, at: address, called: tcp.description) { channel in
                        let port = channel.localAddress?.port ?? tcp.port
                        binding.yield(TCPAddress(host: tcp.host, port: port))
                    }
                    return nil
                }
            }
            group.addTask { try await publish(place, when: bound) }
            while let identity = try await group.next() {
                if let identity { published = identity }
            }
        }
    }

    /// Waits until everything is bound; nil when the server ended before.
    private func publish(
        _ place: SocketPlace,
        when bound: AsyncStream<TCPAddress?>
    ) async throws -> SocketPlace.Identity? {
        var listening = Listening(socket: socket)
        var missing = tcp == nil ? 1 : 2
        for await address in bound {
            if let address { listening.tcp = address }
            missing -= 1
            if missing > 0 { continue }
            let identity = try place.publish()
            logger.info("listening on \(listening)")
            await onListening(listening)
            return identity
        }
        return nil
    }

    private func serve(
        _ entrance: ControlResponder.Entrance,
        at address: BindAddress,
        called name: String,
        onBound: @escaping @Sendable (any Channel) -> Void
    ) async throws {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            responder: ControlResponder(backend: backend, entrance: entrance),
            server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: address,
                serverName: "dpvs",
                availableConnectionsDelegate: .maximum(Self.connectionLimit, logger: quiet)
            ),
            onServerRunning: { onBound($0) },
            logger: quiet
        )
        do {
            try await application.run()
        } catch let error as IOError {
            throw ControlServerError.cannotListen(name, reason: error.description)
        }
    }

    /// After this long without a request, or with a request half sent, a client is hung up on.
    private static let idleTimeout = TimeAmount.seconds(30)
    /// More clients than this wait until others leave.
    private static let connectionLimit = 128
}

extension ControlServer.TCPAddress: CustomStringConvertible {
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension ControlServer.Listening: CustomStringConvertible {
    package var description: String { tcp.map { "\(socket) and \($0)" } ?? socket }
}
