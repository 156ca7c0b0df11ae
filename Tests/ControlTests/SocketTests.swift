// SPDX-License-Identifier: Apache-2.0
import Addressing
import AsyncHTTPClient
import Foundation
import Logging
import Model
import NIOCore
import ServiceLifecycle
import Testing

@testable import Control
@testable import ControlServer

@Suite struct SocketTests {
    @Test func `the client reads a status through a real socket`() async throws {
        try await serve { client, _ in
            let status = try await client.get("/v1/status", as: Status.self)
            #expect(status == (try .sample()))
        }
    }

    @Test func `metrics of many services come piece by piece, whole`() async throws {
        try await serve(SampleBackend(copies: 5000)) { client, _ in
            var (octets, pieces) = (0, 0)
            try await client.pieces(of: "/metrics?service=web") { piece in
                octets += piece.readableBytes
                pieces += 1
                return true
            }
            #expect(pieces > 10)
            #expect(octets == (try await client.text("/metrics?service=web")).utf8.count)
            // Who has enough leaves.
            var taken = 0
            try await client.pieces(of: "/metrics") { _ in
                taken += 1
                return false
            }
            #expect(taken == 1)
            await #expect(throws: ControlError.self) {
                try await client.pieces(of: "/metrics?backends=maybe") { _ in true }
            }
        }
    }

    @Test func `a probe that fails is an answer, with its reason`() async throws {
        try await serve(SampleBackend(ready: .failing("draining"))) { client, _ in
            #expect(try await client.probe("/livez") == .passing)
            let ready = try await client.probe("/readyz")
            #expect(ready == .failing("draining") && ready.text == "failing: draining\n")
        }
    }

    @Test func `the socket is for its owner and leaves nothing beside it`() async throws {
        let path = try await serve { client, _ in
            let files = FileManager.default
            let mode = try files.attributesOfItem(atPath: client.socket)[.posixPermissions]
            #expect(mode as? Int == 0o600)
            let directory = URL(filePath: client.socket).deletingLastPathComponent().path
            #expect(try files.contentsOfDirectory(atPath: directory) == ["control.sock"])
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `what is no socket is not replaced by one`() async throws {
        let files = FileManager.default
        let folder = "/tmp/dpvs-socket-test-\(ProcessInfo.processInfo.processIdentifier)"
        try files.createDirectory(atPath: folder + "/taken/deep", withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: folder) }
        try Data("mine".utf8).write(to: URL(filePath: folder + "/file"))
        for name in ["taken", "file"] {
            let path = "\(folder)/\(name)"
            let server = ControlServer(
                backend: SampleBackend(),
                socket: path,
                logger: Logger(label: "test")
            )
            await #expect(throws: ControlServerError.notASocket(path)) { try await server.run() }
        }
        #expect(files.fileExists(atPath: folder + "/taken/deep"))
        #expect(files.contents(atPath: folder + "/file") == Data("mine".utf8))
    }

    @Test func `a second daemon does not take the socket of the first`() async throws {
        try await serve { client, _ in
            let second = ControlServer(
                backend: SampleBackend(),
                socket: client.socket,
                logger: Logger(label: "test")
            )
            await #expect(throws: ControlServerError.inUse(client.socket)) {
                try await second.run()
            }
            #expect(await client.isListening())
        }
    }

    @Test func `a socket that was left behind is replaced`() async throws {
        let directory = try temporaryDirectory()
        let path = directory + "/control.sock"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8)
        }
        let outcome = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(outcome == 0)
        close(descriptor)
        try await serve(in: directory) { client, _ in #expect(await client.isListening()) }
    }

    @Test func `TCP serves beside the socket, read only`() async throws {
        let tcp = ControlServer.TCPAddress(host: "127.0.0.1", port: 0)
        try await serve(tcp: tcp) { _, listening in
            let address = try #require(listening.tcp)
            #expect(address.port > 0)
            let request = HTTPClientRequest(url: "http://\(address)/readyz")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
            let body = try await response.body.collect(upTo: 1000)
            #expect(String(buffer: body) == #"{"isPassing":true,"reason":"ok"}"#)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `an address that is taken ends the server, its socket with it`() async throws {
        let tcp = ControlServer.TCPAddress(host: "127.0.0.1", port: 0)
        try await serve(tcp: tcp) { client, listening in
            let second = ControlServer(
                backend: SampleBackend(),
                socket: client.socket + "2",
                tcp: listening.tcp,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            await #expect(throws: ControlServerError.self) { try await second.run() }
            #expect(!FileManager.default.fileExists(atPath: client.socket + "2"))
        }
    }

    @Test func `a path that no socket can have is an error that says so`() async throws {
        let path = "/tmp/" + String(repeating: "x", count: 120) + "/control.sock"
        let server = ControlServer(
            backend: SampleBackend(),
            socket: path,
            logger: Logger(label: "test")
        )
        await #expect(throws: ControlServerError.self) { try await server.run() }
        #expect(throws: ControlServerError.self) { try ControlServer.check(socket: path) }
        let error = ControlError.pathTooLong(path)
        await #expect(throws: error) { try await ControlClient(socket: path).probe("/livez") }
        #expect(
            error.description.contains("at most 107 are possible") && error.exitCode.rawValue == 3
        )
    }

    @Test func `without a socket the client says that nothing runs, and what does`() async throws {
        let root = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let path = SocketPath.of(instance: "default", under: root)
        let missing = ControlClient(socket: path)
        await #expect(throws: ControlError.noSocket(path, others: [])) {
            try await missing.get("/v1/status", as: Status.self)
        }
        try FileManager.default.createDirectory(
            atPath: root + "/b",
            withIntermediateDirectories: true
        )
        #expect(unsafe mknod(SocketPath.of(instance: "b", under: root), S_IFSOCK | 0o600, 0) == 0)
        await #expect(throws: ControlError.noSocket(path, others: ["b"])) {
            try await missing.get("/v1/status", as: Status.self)
        }
        let dead = SocketPath.of(instance: "b", under: root)
        await #expect(throws: ControlError.notRunning(dead)) {
            try await ControlClient(socket: dead).get("/v1/status", as: Status.self)
        }
        await #expect(throws: ControlError.noAnswer(root, reason: "it is no socket")) {
            try await ControlClient(socket: root).get("/v1/status", as: Status.self)
        }
    }

    @Test func `a problem of the daemon becomes the client's error`() async throws {
        try await serve { client, _ in
            let expected = ProblemDetails(.notFound, "there is no /v1/nothing")
            await #expect(throws: ControlError.refused(expected)) {
                try await client.get("/v1/nothing", as: Status.self)
            }
            await #expect(throws: ControlError.self) {
                try await client.get("/v1/status", as: [Int].self)
            }
        }
    }

    @Test(arguments: [ReloadReport.Outcome.applied, .rejected])
    func `the client reads reports of reloads, good or bad`(
        outcome: ReloadReport.Outcome
    ) async throws {
        try await serve(SampleBackend(outcome: outcome)) { client, _ in
            let reloaded = try await client.reload()
            #expect(reloaded == .sample(outcome))
            let question = ExplanationRequest(
                source: Endpoint(.v4(IPv4Address(10, 0, 0, 10)), 4000),
                destination: Endpoint(.v4(IPv4Address(10, 0, 0, 100)), 80),
                protocol: .tcp
            )
            let explanation = try await client.explain(question)
            #expect(explanation.verdict == .dropped)
            #expect(explanation.text == "arrival  10.0.0.10:4000\nend      dropped: no_backend\n")
            let rolledBack = try await client.rollback(to: 3)
            #expect(rolledBack == .sample(.applied))
            await #expect(throws: ControlError.self) { try await client.rollback(to: 9) }
        }
    }

    @Test func `exit codes tell an unreachable daemon from one that says no`() {
        #expect(ControlError.notRunning("x").exitCode.rawValue == 3)
        #expect(ControlError.noPermission("x").exitCode.rawValue == 3)
        #expect(ControlError.refused(ProblemDetails(.notFound, "x")).exitCode.rawValue == 1)
        #expect(ControlError.refused(ProblemDetails(.badRequest, "x")).exitCode.rawValue == 2)
        #expect(ControlError.refused(ProblemDetails(.unavailable, "x")).exitCode.rawValue == 3)
        // Of something that is not dpvs.
        #expect(
            ControlError.refused(ProblemDetails(unknownStatus: 418)).exitCode.rawValue == 1
        )
    }

    /// Runs a server as the daemon does, asks, and ends it gracefully; gives the socket's path.
    @discardableResult
    private func serve(
        _ backend: SampleBackend = SampleBackend(),
        in directory: String? = nil,
        tcp: ControlServer.TCPAddress? = nil,
        _ questions:
            @escaping @Sendable (ControlClient, ControlServer.Listening) async throws -> Void
    ) async throws -> String {
        let directory = try directory ?? temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (started, starting) = AsyncStream.makeStream(of: ControlServer.Listening.self)
        let server = ControlServer(
            backend: backend,
            socket: directory + "/control.sock",
            tcp: tcp,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { starting.yield($0) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [ServiceGroupConfiguration.ServiceConfiguration(service: server)],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { starting.finish() }
                try await group.run()
            }
            var iterator = started.makeAsyncIterator()
            if let listening = await iterator.next() {
                do {
                    try await questions(ControlClient(socket: listening.socket), listening)
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        return directory + "/control.sock"
    }

    private func temporaryDirectory() throws -> String {
        // Not under `NSTemporaryDirectory`, which may be too long for a socket.
        let path = "/tmp/dpvs-control-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }
}
