// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import HTTPTypes
import Hummingbird
import Model
import NIOCore

/// Connections: listed while workers go on, counted, ended.
extension ControlRoutes {
    static let connectionFilters = [
        "service=PATTERN", "backend=ADDRESS", "client=ADDRESS", "virtual=ADDRESS", "protocol=P",
        "state=S",
    ]

    static let connections: [ControlRoute] = [
        .get(
            "/v1/connections",
            query: connectionFilters + ["limit=N", "after=PLACE"],
            .read,
            """
            [connections](#connections) that fit, as they are found; N at most, and then `next` is \
            where the list goes on. With `Accept: text/csv` a line each
            """,
            handler: listConnections
        ),
        .get(
            "/v1/connections/count",
            query: connectionFilters + ["by=G", "limit=N"],
            .read,
            """
            how many connections fit, by `state` (which is the default), `service`, `backend` or `client`; the N \
            (1000) largest groups
            """,
            handler: countConnections
        ),
        .delete(
            "/v1/connections",
            query: connectionFilters + ["all=on"],
            .write,
            """
            ends the connections that fit, and tells both ends of those of TCP; `all=on` where nothing \
            is said of them
            """,
            handler: endConnections
        ),
    ]

    private static func query(_ request: ControlRequest) throws -> ConnectionQuery {
        var query = ConnectionQuery()
        query.services = request.queries("service")
        query.states = request.queries("state")
        let end = "an address, a network, or an address and a port"
        query.client = try request.query("client", accepted: end) { ConnectionQuery.End($0) }
        query.virtual = try request.query("virtual", accepted: end) { ConnectionQuery.End($0) }
        query.backend = try request.query("backend", accepted: "an address, and a port") { text in
            Endpoint(text) ?? IPAddress(text).map { Endpoint($0, 0) }
        }
        query.protocol = try request.query(
            "protocol",
            accepted: TransportProtocol.allCases.map(\.rawValue).joined(separator: ", "),
            TransportProtocol.init(rawValue:)
        )
        return query
    }

    private static func limit(_ request: ControlRequest) throws -> Int? {
        try request.query("limit", accepted: "a number above 0") { text in
            Int(text).flatMap { $0 > 0 ? $0 : nil }
        }
    }

    @Sendable private static func listConnections(
        _ request: ControlRequest
    ) async throws -> Response {
        var query = try query(request)
        query.place =
            try request.query("after", accepted: "what an earlier answer had as next") {
                ConnectionPlace($0)
            } ?? query.place
        let isCSV = request.headers[.accept]?.contains("text/csv") ?? false
        let text = ConnectionText(isCSV: isCSV, limit: try limit(request))
        let pages = try await request.backend.connections(query)
        let body = ResponseBody { writer in
            try await text.write(pages) { try await writer.write(ByteBuffer(string: $0)) }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: isCSV ? "text/csv" : "application/json", .cacheControl: "no-store",
            ],
            body: body
        )
    }

    @Sendable private static func countConnections(
        _ request: ControlRequest
    ) async throws -> Response {
        let accepted = ConnectionGrouping.allCases.map(\.rawValue).joined(separator: ", ")
        let grouping =
            try request.query("by", accepted: accepted, ConnectionGrouping.init(rawValue:))
            ?? .state
        let most = try limit(request) ?? 1000
        var groups: [String: Int] = [:]
        var counts = ConnectionCounts()
        for try await page in try await request.backend.connections(try query(request)) {
            for connection in page.connections {
                groups[grouping.name(of: connection), default: 0] += 1
            }
            counts.total += page.connections.count
        }
        let sorted = groups.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        counts.groups = sorted.prefix(most).map { .init(name: $0.key, connections: $0.value) }
        counts.omitted = sorted.count - counts.groups.count
        return try .json(counts)
    }

    @Sendable private static func endConnections(
        _ request: ControlRequest
    ) async throws -> Response {
        let query = try query(request)
        let isAll = try request.flag("all") ?? false
        if query.isEverything, !isAll {
            throw ProblemDetails(
                .badRequest,
                "nothing says which connections are to end; all=on ends all"
            )
        }
        return try .json(
            EndedConnections(ended: try await request.backend.endConnections(query))
        )
    }
}

/// A list of connections as text, written while it is made.
struct ConnectionText: Sendable {
    var isCSV: Bool
    var limit: Int?

    func write(
        _ pages: ConnectionPages,
        _ write: (String) async throws -> Void
    ) async throws {
        var left = limit ?? .max
        var next: ConnectionPlace?
        var isFirst = true
        try await write(
            isCSV
                ? ConnectionReading.columns.joined(separator: ",") + "\r\n" : "{\"connections\":["
        )
        for try await page in pages {
            var text = ""
            for (connection, place) in zip(page.connections, page.places) where left > 0 {
                left -= 1
                if isCSV {
                    text += connection.csv + "\r\n"
                } else {
                    text += (isFirst ? "\n" : ",\n") + connection.json
                }
                isFirst = false
                if left == 0 { next = place }
            }
            if !text.isEmpty { try await write(text) }
            if left == 0 { break }
        }
        if !isCSV { try await write("\n],\"next\":\(next.map { "\"\($0)\"" } ?? "null")}\n") }
    }
}
