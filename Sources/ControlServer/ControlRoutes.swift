// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import HTTPTypes
import Hummingbird
import MetricsExposition
import Model
import NIOCore

/// The whole API; `doc/control.md` lists it.
enum ControlRoutes {
    static let all: [ControlRoute] = [
        .get("/metrics", .everywhere, handler: metrics),
        .get("/livez", .everywhere) { _, backend in try .probe(await backend.liveness()) },
        .get("/readyz", .everywhere) { _, backend in try .probe(await backend.readiness()) },
        .get("/v1/status", .everywhere) { _, backend in try .json(await backend.status()) },
        .get("/v1/lldp") { _, backend in try .json(await backend.linkDiscovery()) },
        .get("/v1/doctor", handler: doctor),
        .post("/v1/explain", handler: explain),
        .get("/v1/config/status") { _, backend in
            try .json(await backend.configurationStatus())
        },
        .get("/v1/config/history") { _, backend in try .json(await backend.history()) },
        .get("/v1/config/drift") { _, backend in try .json(await backend.drift()) },
        .get("/v1/config/running") { _, backend in try .json(await backend.running()) },
        .post("/v1/config/reload") { _, backend in try .report(await backend.reload()) },
        .post("/v1/config/rollback", handler: rollback),
        .post("/v1/stop", handler: stop),
    ]

    @Sendable private static func metrics(
        _ request: Request,
        _ backend: any ControlBackend
    ) async throws -> Response {
        let perBackend = try flag("backends", of: request)
        let format = ExpositionFormat(accept: request.headers[.accept])
        let text = Catalogue.expose(
            await backend.statistics(),
            as: format,
            perBackend: perBackend ?? true
        )
        var response = Response(
            status: .ok,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: text))
        )
        response.headers[.contentType] = format.contentType
        return response
    }

    @Sendable private static func explain(
        _ request: Request,
        _ backend: any ControlBackend
    ) async throws -> Response {
        let body = try await request.body.collect(upTo: 4096)
        let question: ExplanationRequest
        do {
            question = try ControlJSON.decode(
                ExplanationRequest.self,
                from: Data(body.readableBytesView)
            )
        } catch {
            throw ProblemDetails(
                status: 400,
                title: "Bad Request",
                detail: "the body is no question: source, destination and protocol are needed"
            )
        }
        return try .json(await backend.explain(question))
    }

    @Sendable private static func doctor(
        _ request: Request,
        _ backend: any ControlBackend
    ) async throws -> Response {
        let text = request.uri.queryParameters["seconds"].map(String.init) ?? "1"
        guard let seconds = Double(text), LiveReport.accepted.contains(seconds) else {
            throw ProblemDetails(
                status: 400,
                title: "Bad Request",
                detail: "'\(text)' is not accepted; accepted: ?seconds=NUMBER, 0.1 to 50"
            )
        }
        return try .json(await backend.liveReport(seconds: seconds))
    }

    @Sendable private static func rollback(
        _ request: Request,
        _ backend: any ControlBackend
    ) async throws -> Response {
        let text = request.uri.queryParameters["generation"] ?? ""
        guard let generation = UInt64(text) else {
            throw ProblemDetails(
                status: 400,
                title: "Bad Request",
                detail: "'\(text)' is not a generation; accepted: ?generation=NUMBER"
            )
        }
        return try .report(await backend.rollback(to: generation))
    }

    @Sendable private static func stop(
        _ request: Request,
        _ backend: any ControlBackend
    ) async throws -> Response {
        var mode: StopMode?
        if let text = request.uri.queryParameters["mode"] {
            guard let named = StopMode(rawValue: String(text)) else {
                let accepted = StopMode.allCases.map(\.rawValue).joined(separator: ", ")
                throw ProblemDetails(
                    status: 400,
                    title: "Bad Request",
                    detail: "'\(text)' is no way to stop; accepted: \(accepted)"
                )
            }
            mode = named
        }
        await backend.stop(mode)
        return Response(status: .accepted)
    }

    /// `?name=on` or `?name=off`; nil without it.
    private static func flag(_ name: String, of request: Request) throws -> Bool? {
        switch request.uri.queryParameters[Substring(name)] {
        case nil: return nil
        case "on": return true
        case "off": return false
        case .some(let value):
            throw ProblemDetails(
                status: 400,
                title: "Bad Request",
                detail: "'\(value)' is not a value of \(name); accepted: on, off"
            )
        }
    }
}
