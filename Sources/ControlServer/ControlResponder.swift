// SPDX-License-Identifier: Apache-2.0
import Control
import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// Finds the route of a request and answers; every failure is problem JSON.
package struct ControlResponder: HTTPResponder {
    package typealias Context = BasicRequestContext

    /// Where requests come in.
    package enum Entrance: Sendable {
        case socket, tcp
    }

    /// Octets in a request's body; no request needs more.
    static let largestBody = 64 << 10

    private let backend: any ControlBackend
    private let entrance: Entrance
    private let routes: [String: [HTTPRequest.Method: ControlRoute]]

    package init(backend: any ControlBackend, entrance: Entrance) {
        self.backend = backend
        self.entrance = entrance
        routes = Dictionary(grouping: ControlRoutes.all, by: \.path)
            .mapValues { routes in
                Dictionary(uniqueKeysWithValues: routes.map { ($0.method, $0) })
            }
    }

    package func respond(to request: Request, context: Context) async throws -> Response {
        let wantsHeadOnly = request.method == .head
        guard let methods = routes[request.uri.path] else {
            return .problem(.notFound, "there is no \(request.uri.path)")
        }
        guard let route = methods[wantsHeadOnly ? .get : request.method] else {
            return .problem(
                .methodNotAllowed,
                "\(request.uri.path) takes \(allowed(methods))",
                headers: [.allow: allowed(methods)]
            )
        }
        if route.scope == .socketOnly, entrance == .tcp {
            return .problem(.forbidden, "\(route.path) is served on the unix socket only")
        }
        let response = await answer(request, by: route, context: context)
        let packed = response.compressed(for: request.headers)
        return wantsHeadOnly ? packed.createHeadResponse() : packed
    }

    private func answer(
        _ request: Request,
        by route: ControlRoute,
        context: Context
    ) async -> Response {
        do {
            var request = request
            // Read even though no route uses it, so that too much of it is an error, not traffic.
            _ = try await request.collectBody(upTo: Self.largestBody)
            return try await route.handler(request, backend)
        } catch is NIOTooManyBytesError {
            return .problem(
                .contentTooLarge,
                "a body has at most \(Self.largestBody) octets",
                headers: [.connection: "close"]
            )
        } catch let error as HTTPParserError {
            return .problem(
                .badRequest,
                "the body is not as HTTP has it: \(error)",
                headers: [.connection: "close"]
            )
        } catch let problem as ProblemDetails {
            return .problem(problem)
        } catch {
            context.logger.error("\(route.path): \(error)")
            return .problem(.internalServerError, "\(error)")
        }
    }

    private func allowed(_ methods: [HTTPRequest.Method: ControlRoute]) -> String {
        let names = methods.keys.map(\.rawValue) + (methods[.get] == nil ? [] : ["HEAD"])
        return names.sorted().joined(separator: ", ")
    }
}
