// SPDX-License-Identifier: Apache-2.0
import Foundation
package import HummingbirdCore
import Linux

/// A receiver with all that keeps it going: its lists, its server, its end.
package struct ReceiverDaemon: Sendable {
    package var name: String
    package var options: ReceiverOptions
    /// Where Prometheus may ask; nil: only the commands can.
    package var metrics: BindAddress?
    /// Whether everything is taken out of the kernel at the end.
    package var detaches: Bool

    package init(
        name: String,
        _ options: ReceiverOptions,
        metrics: BindAddress?,
        detaches: Bool
    ) {
        self.name = name
        self.options = options
        self.metrics = metrics
        self.detaches = detaches
    }

    /// Serves until `end` returns, and returns what that said.
    ///
    /// `end` begins when everything is attached.
    package func run<Ending: Sendable>(
        until end: @escaping @Sendable () async throws -> Ending
    ) async throws -> Ending {
        let socket = ReceiverPlace.socket(of: name)
        try await ReceiverServer.prepare(socket, named: name)
        let receiver = try await Receiver(name: name, options) { Self.say($0) }
        let server = ReceiverServer(
            receiver: receiver,
            addresses: [.unixDomainSocket(path: socket)] + [metrics].compactMap(\.self)
        )
        defer { Files.remove(socket) }
        await receiver.announce()
        let ending: Result<Ending, any Error>
        do {
            ending = .success(try await serve(receiver, server, until: end))
        } catch {
            ending = .failure(error)
        }
        if detaches {
            await receiver.detach()
        } else {
            sayWhatStays(receiver.pins)
        }
        return try ending.get()
    }

    private func sayWhatStays(_ pins: Pins?) {
        let names = options.interfaces.map { " \($0)" }.joined()
        if pins != nil {
            var words = "dpvs-realip detach --name \(name)\(names)"
            if case .directory(let path) = options.pins { words += " --pins \(path)" }
            Self.say("clients go on being told by the list as it is, until: \(words)")
        } else if !names.isEmpty {
            Self.say("protocol 248 is taken off until: dpvs-realip detach\(names)")
        }
    }

    private func serve<Ending: Sendable>(
        _ receiver: Receiver,
        _ server: ReceiverServer,
        until end: @escaping @Sendable () async throws -> Ending
    ) async throws -> Ending {
        try await withThrowingTaskGroup(of: Ending?.self) { group in
            group.addTask {
                await receiver.follow()
                return nil
            }
            group.addTask {
                try await server.run()
                return nil
            }
            group.addTask { try await end() }
            defer { group.cancelAll() }
            while let ending = try await group.next() {
                if let ending { return ending }
            }
            throw CancellationError()
        }
    }

    /// A line on standard error, whoever reads it.
    package static func say(_ sentence: String) {
        let line = "dpvs-realip: \(sentence)\n"
        try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
    }
}
