// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird

/// What a client may do; each level includes those before it.
package enum Access: CaseIterable, Comparable, Sendable {
    /// Reads what a scraper and a probe need.
    case monitoring
    /// Reads everything.
    case read
    /// Changes what is balanced.
    case write
    /// Ends the process.
    case admin
}

/// One thing that can be asked: all that the router and `doc/control.md` know of it.
struct ControlRoute: Sendable {
    typealias Handler = @Sendable (ControlRequest) async throws -> Response

    /// The octets that a body has at most unless the route says otherwise.
    static let usualBodyLimit = 64 << 10

    let method: HTTPRequest.Method
    /// With `{name}` for a segment that the handler reads as `path("name")`.
    let path: String
    /// What the query may have, as the page shows it: `backends=off`.
    let query: [String]
    /// What a client needs at least.
    let access: Access
    /// The octets that a body has at most.
    let bodyLimit: Int
    /// What the answer is, in the words of the page.
    let summary: String
    let handler: Handler

    static func get(
        _ path: String,
        query: [String] = [],
        _ access: Access,
        _ summary: String,
        handler: @escaping Handler
    ) -> ControlRoute {
        ControlRoute(
            method: .get,
            path: path,
            query: query,
            access: access,
            bodyLimit: usualBodyLimit,
            summary: summary,
            handler: handler
        )
    }

    static func post(
        _ path: String,
        query: [String] = [],
        _ access: Access,
        bodyLimit: Int = usualBodyLimit,
        _ summary: String,
        handler: @escaping Handler
    ) -> ControlRoute {
        ControlRoute(
            method: .post,
            path: path,
            query: query,
            access: access,
            bodyLimit: bodyLimit,
            summary: summary,
            handler: handler
        )
    }

    static func delete(
        _ path: String,
        query: [String] = [],
        _ access: Access,
        _ summary: String,
        handler: @escaping Handler
    ) -> ControlRoute {
        ControlRoute(
            method: .delete,
            path: path,
            query: query,
            access: access,
            bodyLimit: usualBodyLimit,
            summary: summary,
            handler: handler
        )
    }

    /// The names of the query's parameters.
    var queryNames: [Substring] { query.map { $0.prefix { $0 != "=" } } }

    /// The route's line in the table of the page.
    var row: String {
        let query = query.isEmpty ? "" : "?" + query.joined(separator: "&")
        return "| `\(method.rawValue) \(path)\(query)` | \(access) | \(summary) |"
    }
}
