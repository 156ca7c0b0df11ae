// SPDX-License-Identifier: Apache-2.0
import Control
import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// The API behind one listener: the framework's router over `ControlRoutes`.
package struct ControlResponder: HTTPResponder {
    package typealias Context = BasicRequestContext

    private let router: RouterResponder<Context>

    /// `access`: what whoever comes in by this listener may do.
    package init(backend: any ControlBackend, access: Access) {
        self.init(backend: backend, access: access, routes: ControlRoutes.all)
    }

    init(backend: any ControlBackend, access: Access, routes: [ControlRoute]) {
        let router = Router(context: Context.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: CompressionMiddleware())
        router.add(middleware: ProblemMiddleware())
        for (path, routes) in Dictionary(grouping: routes, by: \.path) {
            for route in routes {
                router.on(
                    RouterPath(path),
                    method: route.method,
                    responder: RouteResponder(route: route, backend: backend, access: access)
                )
            }
            Self.refuseOtherMethods(of: path, than: routes.map(\.method), in: router)
        }
        self.router = router.buildResponder()
    }

    package func respond(to request: Request, context: Context) async throws -> Response {
        try await router.respond(to: request, context: context)
    }

    /// Those of RFC 9110 and PATCH; what has another name is not found.
    private static let methods: [HTTPRequest.Method] = [
        .get, .head, .post, .put, .delete, .connect, .options, .trace, .patch,
    ]

    /// The router takes a wrong method for a wrong path; a client is to hear which it was.
    private static func refuseOtherMethods(
        of path: String,
        than own: [HTTPRequest.Method],
        in router: Router<Context>
    ) {
        let taken = own + (own.contains(.get) ? [.head] : [])
        let allowed = taken.map(\.rawValue).sorted().joined(separator: ", ")
        for method in methods where !taken.contains(method) {
            router.on(RouterPath(path), method: method) { request, _ in
                Response.problem(
                    ProblemDetails(.methodNotAllowed, "\(request.uri.path) takes \(allowed)"),
                    headers: [.allow: allowed]
                )
            }
        }
    }
}

/// One route: looks at what every request must keep to, then asks the handler.
private struct RouteResponder: HTTPResponder {
    let route: ControlRoute
    let backend: any ControlBackend
    let access: Access

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        guard access >= route.access else {
            throw ProblemDetails(.forbidden, "\(route.path) is served on the unix socket only")
        }
        for name in request.uri.queryParameters.map(\.key) where !route.queryNames.contains(name) {
            let accepted = route.queryNames.joined(separator: ", ")
            throw ProblemDetails(
                .badRequest,
                "'\(name)' is no parameter of \(route.path); accepted: "
                    + (accepted.isEmpty ? "none" : accepted)
            )
        }
        var request = request
        do {
            // Also where no handler reads it, so that too much of it is an error, not traffic.
            _ = try await request.collectBody(upTo: route.bodyLimit)
        } catch is NIOTooManyBytesError {
            throw ProblemDetails(.tooLarge, "a body has at most \(route.bodyLimit) octets")
        }
        return try await route.handler(
            ControlRequest(request, context.parameters, backend: backend)
        )
    }
}

/// Makes problem JSON of whatever a request fails with.
private struct ProblemMiddleware: RouterMiddleware {
    typealias Context = BasicRequestContext

    func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as ProblemDetails {
            // The rest of a body that is too large is not read.
            let isCut = problem.refusal == .tooLarge
            return .problem(problem, headers: isCut ? [.connection: "close"] : [:])
        } catch let error as HTTPParserError {
            let problem = ProblemDetails(.badRequest, "the body is not as HTTP has it: \(error)")
            return .problem(problem, headers: [.connection: "close"])
        } catch let error as HTTPError where error.status == .notFound {
            return .problem(ProblemDetails(.notFound, "there is no \(request.uri.path)"))
        } catch {
            context.logger.error("\(request.uri.path): \(error)")
            return .problem(ProblemDetails(.failed, "\(error)"))
        }
    }
}

/// Compresses answers for clients that take that.
private struct CompressionMiddleware: RouterMiddleware {
    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        try await next(request, context).compressed(for: request.headers)
    }
}
