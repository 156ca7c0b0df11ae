// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
package import Model
package import NIOCore
import NIOHTTP1

/// Asks a running daemon through its unix socket.
package struct ControlClient: Sendable {
    package let socket: String
    private let timeout: TimeAmount

    /// `timeout` is for one question, from connecting to the last octet of the answer.
    package init(socket: String, timeout: TimeAmount = .seconds(60)) {
        self.socket = socket
        self.timeout = timeout
    }

    package func get<Answer: Decodable>(
        _ path: String,
        as type: Answer.Type = Answer.self
    ) async throws(ControlError) -> Answer {
        try decode(await ask(.GET, path))
    }

    package func delete<Answer: Decodable>(
        _ path: String,
        as type: Answer.Type = Answer.self
    ) async throws(ControlError) -> Answer {
        try decode(await ask(.DELETE, path))
    }

    /// An answer that is not JSON.
    package func text(_ path: String) async throws(ControlError) -> String {
        String(decoding: try await ask(.GET, path), as: UTF8.self)
    }

    /// Gives an answer of any length to `take` piece by piece, as it comes; false ends it.
    ///
    /// `isEndless`: it goes on until one of the sides ends it, however long that takes. Throws what
    /// `take` throws, else a `ControlError`.
    package func pieces(
        of path: String,
        accept: String = "application/json",
        isEndless: Bool = false,
        _ take: (ByteBuffer) throws -> Bool
    ) async throws {
        var request = try request(.GET, path)
        request.headers.replaceOrAdd(name: "Accept", value: accept)
        try await connected { client in
            let deadline = isEndless ? .distantFuture : NIODeadline.now() + timeout
            let response: HTTPClientResponse
            do {
                response = try await client.execute(request, deadline: deadline)
            } catch {
                throw explain(error)
            }
            guard response.status == .ok else {
                let body = try await response.body.collect(upTo: Self.largestAnswer)
                throw refusal(Int(response.status.code), Data(body.readableBytesView))
            }
            var pieces = response.body.makeAsyncIterator()
            while let piece = try await next(&pieces), try take(piece) {}
        }
    }

    private func next(
        _ pieces: inout HTTPClientResponse.Body.AsyncIterator
    ) async throws(ControlError) -> ByteBuffer? {
        do {
            return try await pieces.next()
        } catch {
            throw explain(error)
        }
    }

    /// Reads the files again; a reload that was not applied is an answer, not an error.
    package func reload() async throws(ControlError) -> ReloadReport {
        try await report("/v1/config/reload")
    }

    /// Applies a generation that ran before.
    package func rollback(to generation: UInt64) async throws(ControlError) -> ReloadReport {
        try await report("/v1/config/rollback?generation=\(generation)")
    }

    /// Applies edits; a batch that was not applied is an answer, not an error.
    package func edit(_ request: EditRequest) async throws(ControlError) -> ReloadReport {
        var query = ["name=\(escaped(request.name))"]
        if request.isDryRun { query.append("dry-run=on") }
        if let generation = request.generation { query.append("generation=\(generation)") }
        let path = "/v1/config/edits?" + query.joined(separator: "&")
        return try await report(path, Data(request.batch))
    }

    /// Drops the edits of some objects, nil: all.
    package func revert(
        _ objects: [String]?,
        isDryRun: Bool
    ) async throws(ControlError) -> ReloadReport {
        let query =
            (isDryRun ? ["dry-run=on"] : []) + (objects ?? []).map { "object=\(escaped($0))" }
        return try await report("/v1/config/revert?" + query.joined(separator: "&"))
    }

    private func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    /// Switches a device until its next start; returns it as it is then.
    package func change(
        _ link: String,
        _ switches: LinkSwitches
    ) async throws(ControlError) -> LinkStatus {
        var query = QueryText("/v1/links/\(escaped(link))")
        let flags = [
            ("promiscuous", switches.isPromiscuous), ("multicast", switches.receivesAllMulticast),
            ("up", switches.isUp),
        ]
        for (name, isOn) in flags {
            if let isOn { query.append(name, isOn ? "on" : "off") }
        }
        return try decode(await ask(.POST, query.text))
    }

    /// Makes the daemon end, nil: as its configuration says, and returns when it has begun to.
    package func stop(_ mode: StopMode?) async throws(ControlError) {
        let query = mode.map { "?mode=\($0.rawValue)" } ?? ""
        _ = try await ask(.POST, "/v1/stop" + query)
    }

    private func report(
        _ path: String,
        _ body: Data? = nil
    ) async throws(ControlError) -> ReloadReport {
        do throws(ControlError) {
            return try decode(await ask(.POST, path, body))
        } catch {
            guard case .refused(let problem) = error, let report = problem.report else {
                throw error
            }
            return report
        }
    }

    /// What would become of a packet.
    package func explain(
        _ request: ExplanationRequest
    ) async throws(ControlError) -> Explanation {
        let body: Data
        do {
            body = try ControlJSON.encode(request)
        } catch {
            throw .unreadable(reason: "\(error)")
        }
        return try decode(await ask(.POST, "/v1/explain", body))
    }

    /// Whether somebody accepts connections on the socket.
    package func isListening() async -> Bool {
        do throws(ControlError) {
            _ = try await ask(.GET, "/livez")
            return true
        } catch {
            switch error {
            case .noSocket, .notRunning: return false
            case .noPermission, .noAnswer, .refused, .unreadable, .pathTooLong: return true
            }
        }
    }

    /// What `GET /livez` or `GET /readyz` answers, good or not.
    package func probe(_ path: String) async throws(ControlError) -> Probe {
        try decode(await exchange(.GET, path).body)
    }

    private func decode<Answer: Decodable>(_ body: Data) throws(ControlError) -> Answer {
        do {
            return try ControlJSON.decode(Answer.self, from: body)
        } catch {
            throw .unreadable(reason: Self.words(for: error))
        }
    }

    /// What an answer lacks.
    private static func words(for error: any Error) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            keys.map(\.stringValue).joined(separator: ".")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context):
            return "it lacks '\(path(context.codingPath + [key]))'"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "'\(path(context.codingPath))' is of another type"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: return "it is no JSON"
        case .dataCorrupted(let context):
            return "'\(path(context.codingPath))' is not what it can be"
        default: return "\(error)"
        }
    }

    /// The body of a 2xx answer.
    private func ask(
        _ method: HTTPMethod,
        _ path: String,
        _ body: Data? = nil
    ) async throws(ControlError) -> Data {
        let answer = try await exchange(method, path, body)
        if (200..<300).contains(answer.status) { return answer.body }
        throw refusal(answer.status, answer.body)
    }

    /// What an answer says that is no success.
    private func refusal(_ status: Int, _ body: Data) -> ControlError {
        let problem = try? ControlJSON.decode(ProblemDetails.self, from: body)
        return .refused(problem ?? ProblemDetails(unknownStatus: status))
    }

    private typealias Answer = (status: Int, body: Data)

    private func exchange(
        _ method: HTTPMethod,
        _ path: String,
        _ body: Data? = nil
    ) async throws(ControlError) -> Answer {
        let request = try request(method, path, body)
        return try await connected { client throws(ControlError) in
            do {
                let response = try await client.execute(request, timeout: timeout)
                let buffer = try await response.body.collect(upTo: Self.largestAnswer)
                return (Int(response.status.code), Data(buffer.readableBytesView))
            } catch {
                throw explain(error)
            }
        }
    }

    private func request(
        _ method: HTTPMethod,
        _ path: String,
        _ body: Data? = nil
    ) throws(ControlError) -> HTTPClientRequest {
        guard socket.utf8.count <= SocketPath.longest else { throw .pathTooLong(socket) }
        var request = HTTPClientRequest(url: url(path))
        request.method = method
        request.headers.add(name: "Accept", value: "application/json")
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }

    /// Runs `body` with a client of its own, which ends afterwards.
    private func connected<Result, Failure: Error>(
        _ body: (HTTPClient) async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        var configuration = HTTPClient.Configuration()
        // A daemon that is not there now will not be in a moment; say so at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(5)
        let client = HTTPClient(configuration: configuration)
        do throws(Failure) {
            let result = try await body(client)
            try? await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// Octets: the running state of some 100 000 services.
    private static let largestAnswer = 256 << 20

    /// The socket's path stands where other URLs have a host, so slashes and all are escaped.
    private func url(_ path: String) -> String {
        "http+unix://\(escaped(socket))\(path)"
    }

    private func explain(_ error: any Error) -> ControlError {
        switch (error as? IOError)?.errnoCode {
        case ENOENT:
            let root = URL(filePath: socket).deletingLastPathComponent()
                .deletingLastPathComponent().path
            return .noSocket(socket, others: SocketPath.instances(under: root))
        case ECONNREFUSED where !isSocket:
            return .noAnswer(socket, reason: "it is no socket")
        case ECONNREFUSED: return .notRunning(socket)
        case EACCES, EPERM: return .noPermission(socket)
        default: return .noAnswer(socket, reason: reason(error))
        }
    }

    private var isSocket: Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: socket)
        return attributes?[.type] as? FileAttributeType == .typeSocket
    }

    private func reason(_ error: any Error) -> String {
        if let error = error as? HTTPClientError {
            switch error {
            case .remoteConnectionClosed: return "the connection ended before the answer"
            case .deadlineExceeded, .readTimeout, .connectTimeout:
                return "it takes longer than \(timeout.nanoseconds / 1_000_000_000) s"
            default: return error.shortDescription
            }
        }
        switch error as? HTTPParserError {
        case .invalidEOFState: return "the connection ended in the middle of the answer"
        case nil: return "\(error)"
        default: return "what it says is no HTTP"
        }
    }
}
