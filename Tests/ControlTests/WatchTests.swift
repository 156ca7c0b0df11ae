// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import Logging
import Model
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import Control
@testable import ControlServer

@Suite(.timeLimit(.minutes(1)))
struct WatchTests {
    @Test func `a watcher on the socket gets what happens, as it happens`() async throws {
        let backend = SampleBackend()
        backend.events.send(.sample(.applied), running: DesiredState())
        try await serve(backend) { client in
            var reader = EventReader()
            var seen: [RunningEvent] = []
            try await client.pieces(of: "/v1/watch", isEndless: true) { piece in
                for arrival in try reader.read(piece.readableBytesView) {
                    #expect(arrival.missed == 0)
                    seen.append(arrival.event)
                    // The next happens when this one is here.
                    switch seen.count {
                    case 1: backend.events.send(.sample(.rejected), running: DesiredState())
                    case 2:
                        backend.events.pulse()
                        backend.events.send(.backend, "service web: backend gone")
                    default: break
                    }
                }
                return seen.count < 3
            }
            #expect(seen.map(\.kind) == [.running, .rejected, .backend])
            #expect(seen[1].report == .sample(.rejected))
            #expect(seen[2].lines.hasSuffix(" backend: service web: backend gone\n"))
            #expect(seen[1].lines.contains("  web.yaml:12:9: error: "))
        }
    }

    @Test func `events have the form that browsers read`() async throws {
        let backend = SampleBackend()
        backend.events.send(.sample(.applied), running: DesiredState())
        try await serve(backend) { client in
            var text = ""
            try await client.pieces(of: "/v1/watch", isEndless: true) { piece in
                text += String(buffer: piece)
                return !text.hasSuffix("}\n\n")
            }
            #expect(text.hasPrefix(":\n\nid: 1\nevent: running\ndata: {"))
            #expect(text.split(separator: "\n").count == 4)
        }
    }

    @Test func `who watches without reading holds up neither others nor the end`() async throws {
        let backend = SampleBackend()
        try await serve(backend) { client in
            let host = client.socket.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
            let request = HTTPClientRequest(url: "http+unix://\(host ?? "")/v1/watch")
            // Its body is never read.
            let stuck = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
            #expect(stuck.status == .ok)
            var large = ReloadReport.sample(.applied)
            large.changes = Array(repeating: String(repeating: "x", count: 1000), count: 100)
            let start = ContinuousClock.now
            for _ in 0..<1000 { backend.events.send(large, running: DesiredState()) }
            #expect(ContinuousClock.now - start < .seconds(2))
            #expect(try await client.probe("/livez") == .passing)
            var reader = EventReader()
            var first: RunningEvent?
            try await client.pieces(of: "/v1/watch", isEndless: true) { piece in
                first = try reader.read(piece.readableBytesView).first?.event
                return first == nil
            }
            #expect(first?.kind == .running && first?.number == 1000)
            withExtendedLifetime(stuck) {}
        }
    }

    @Test func `when too many watch, the next one is told so`() async throws {
        let backend = SampleBackend()
        let watching = (0..<RunningEvents.mostWatchers).map { _ in backend.events.watch() }
        try await serve(backend) { client in
            let refused = ControlError.refused(ProblemDetails(.unavailable, "too many watch"))
            await #expect(throws: refused) {
                try await client.pieces(of: "/v1/watch") { _ in true }
            }
            #expect(refused.exitCode == .unreachable)
        }
        _ = watching
    }

    @Test func `a gap in the numbers is what was missed`() throws {
        var reader = EventReader()
        let time = Date(timeIntervalSince1970: 0)
        var octets: [UInt8] = []
        for number in [4, 5, 9] as [UInt64] {
            let event = RunningEvent(number: number, time: time, kind: .link, text: "up")
            octets += "id: \(number)\nevent: link\ndata: ".utf8
            octets += try ControlJSON.encode(event)
            octets += "\n\n:\n\n".utf8
        }
        // However the pieces are cut.
        let arrivals = try octets.flatMap { try reader.read([$0]) }
        #expect(arrivals.map(\.event.number) == [4, 5, 9])
        #expect(arrivals.map(\.missed) == [0, 0, 3])
    }

    private func serve(
        _ backend: SampleBackend,
        _ questions: @escaping @Sendable (ControlClient) async throws -> Void
    ) async throws {
        let directory = "/tmp/dpvs-watch-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (started, starting) = AsyncStream.makeStream(of: ControlServer.Listening.self)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = ControlServer(
            backend: backend,
            socket: directory + "/control.sock",
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
                result = .success(try await questions(ControlClient(socket: listening.socket)))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }
}
