// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import Control
@testable import ControlServer

/// Clients that take more than is theirs.
@Suite(.timeLimit(.minutes(1)))
struct GreedyClientTests {
    @Test func `a client with 250 silent connections does not keep probes out`() async throws {
        try await serve { address in
            let silent = (0..<250).map { _ in Self.connect(address.port) }
            defer { for descriptor in silent { close(descriptor) } }
            // Silent connections are hung up on after a while; nobody has to wait for that.
            let request = HTTPClientRequest(url: "http://\(address)/livez")
            let start = ContinuousClock.now
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
            #expect(answer.status.code == 200)
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test func `half a header is hung up on, however often another octet comes`() async throws {
        try await serve { address in
            let slow = Self.connect(address.port)
            defer { close(slow) }
            let start = ContinuousClock.now
            var isOpen = true
            for octet in "GET /livez HTTP/1.1\r\nX-Padding: ".utf8 where isOpen {
                isOpen = Self.send([octet], to: slow) && !Self.isEnded(slow, after: 250)
            }
            while isOpen, ContinuousClock.now - start < .seconds(20) {
                isOpen = Self.send([0x78], to: slow) && !Self.isEnded(slow, after: 250)
            }
            #expect(!isOpen)
            #expect(ContinuousClock.now - start < .seconds(15))
        }
    }

    @Test func `a wrong size of a chunk is the client's mistake`() async throws {
        try await serve { address in
            let client = Self.connect(address.port)
            defer { close(client) }
            let text =
                "GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
            _ = Self.send(Array(text.utf8), to: client)
            var answer = [UInt8](repeating: 0, count: 1000)
            _ = Self.isEnded(client, after: 10_000)
            let count = unsafe recv(client, &answer, answer.count, 0)
            let line = String(decoding: answer.prefix(max(0, count)), as: UTF8.self)
            #expect(line.hasPrefix("HTTP/1.1 400 "), "\(line)")
        }
    }

    @Test func `a socket that was removed is there again, and the server with it`() async throws {
        try await serve(removing: true) { _ in }
    }

    // MARK: - Sockets

    private static func connect(_ port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe Foundation.connect(
                    descriptor,
                    pointer,
                    socklen_t(MemoryLayout<sockaddr_in>.size)
                )
            }
        }
        #expect(result == 0)
        return descriptor
    }

    private static func send(_ octets: [UInt8], to descriptor: Int32) -> Bool {
        unsafe Foundation.send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL)) > 0
    }

    /// Whether something has come, or the end, before so many milliseconds are over.
    private static func isEnded(_ descriptor: Int32, after milliseconds: Int32) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&poller, 1, milliseconds) > 0
    }

    // MARK: - The server

    private func serve(
        removing: Bool = false,
        _ body: @escaping @Sendable (ControlServer.TCPAddress) async throws -> Void
    ) async throws {
        let directory = "/tmp/dpvs-greedy-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (started, starting) = AsyncStream.makeStream(of: ControlServer.Listening.self)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = ControlServer(
            backend: SampleBackend(),
            socket: directory + "/run/control.sock",
            tcp: .init(host: "127.0.0.1", port: 0),
            logger: quiet
        ) { starting.yield($0) }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: server)], logger: quiet)
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { starting.finish() }
                try await group.run()
            }
            let listening = try #require(await started.first { _ in true })
            let result: Result<Void, any Error>
            do {
                if removing { try await remove(listening.socket, with: directory) }
                try await body(try #require(listening.tcp))
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
        #expect(!FileManager.default.fileExists(atPath: directory + "/run/control.sock"))
    }

    /// Once the socket alone, once everything around it.
    private func remove(_ socket: String, with directory: String) async throws {
        for path in [socket, directory] {
            try FileManager.default.removeItem(atPath: path)
            let client = ControlClient(socket: socket)
            let deadline = ContinuousClock.now + .seconds(20)
            while await !client.isListening(), .now < deadline {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await client.probe("/livez") == .passing)
            let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }
}
