// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// A request at its route: what a handler reads of it, and whom it asks.
struct ControlRequest: Sendable {
    let backend: any ControlBackend
    private let request: Request
    private let parameters: Parameters

    init(_ request: Request, _ parameters: Parameters, backend: any ControlBackend) {
        self.request = request
        self.parameters = parameters
        self.backend = backend
    }

    var headers: HTTPFields { request.headers }

    /// The segment that stands where the route's path has `{name}`.
    func path(_ name: String) throws(ProblemDetails) -> String {
        guard let text = parameters.get(name)?.removingPercentEncoding else {
            throw ProblemDetails(.badRequest, "{\(name)} is missing or no text")
        }
        return text
    }

    /// All values of a parameter of the query, in their order.
    func queries(_ name: String) -> [String] {
        request.uri.queryParameters.getAll(name)
    }

    /// The value of a parameter of the query, read by `parse`; nil without one.
    ///
    /// `accepted` ends the sentence for a value that `parse` does not take.
    func query<Value>(
        _ name: String,
        accepted: String,
        _ parse: (String) -> Value?
    ) throws(ProblemDetails) -> Value? {
        guard let text = queries(name).last else { return nil }
        guard let value = parse(text) else {
            throw ProblemDetails(
                .badRequest,
                "'\(text)' is not a value of \(name); accepted: \(accepted)"
            )
        }
        return value
    }

    /// `?name=on` or `?name=off`; nil without it.
    func flag(_ name: String) throws(ProblemDetails) -> Bool? {
        try query(name, accepted: "on, off") { ["on": true, "off": false][$0] }
    }

    /// The octets of the body.
    func body() async throws -> [UInt8] {
        // The endpoint has collected it, within the route's limit.
        Array(try await request.body.collect(upTo: .max).readableBytesView)
    }

    /// The body as JSON; `expected` says what it must be when it is something else.
    func body<Value: Decodable>(
        as type: Value.Type = Value.self,
        expected: String
    ) async throws -> Value {
        let body = Data(try await body())
        do {
            return try ControlJSON.decode(type, from: body)
        } catch {
            throw ProblemDetails(.badRequest, "the body is \(expected)")
        }
    }
}
