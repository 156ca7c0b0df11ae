// SPDX-License-Identifier: Apache-2.0
import Control
import HTTPTypes
import Hummingbird

/// One thing that can be asked.
struct ControlRoute: Sendable {
    /// Who may ask.
    enum Scope: Sendable {
        /// Whoever reaches the TCP port: reads what monitoring needs.
        case everywhere
        /// Whoever may open the unix socket.
        case socketOnly
    }

    typealias Handler = @Sendable (Request, any ControlBackend) async throws -> Response

    var method: HTTPRequest.Method
    var path: String
    var scope: Scope
    var handler: Handler

    static func get(
        _ path: String,
        _ scope: Scope = .socketOnly,
        handler: @escaping Handler
    ) -> ControlRoute {
        ControlRoute(method: .get, path: path, scope: scope, handler: handler)
    }

    /// Changes something, so never on TCP.
    static func post(_ path: String, handler: @escaping Handler) -> ControlRoute {
        ControlRoute(method: .post, path: path, scope: .socketOnly, handler: handler)
    }
}
