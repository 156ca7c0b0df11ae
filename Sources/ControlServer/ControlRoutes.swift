// SPDX-License-Identifier: Apache-2.0
import Control
import HTTPTypes
import Hummingbird
import MetricsExposition
import Model
import NIOCore

/// The whole API. `doc/control.md` shows this table; a test holds it to that, and writes it with RECORD=1.
enum ControlRoutes {
    static let all: [ControlRoute] = [
        .get(
            "/metrics",
            query: ["backends=off"],
            .monitoring,
            "the [metrics](metrics.md); `backends=off` leaves `dpvs_backend_...` out",
            handler: metrics
        ),
        .get(
            "/livez",
            .monitoring,
            """
            200, or 503 when workers have not turned for 5 s, with their numbers, or when the \
            control side has not gone round for 60 s: restart it
            """
        ) { try .probe(await $0.backend.liveness()) },
        .get(
            "/readyz",
            .monitoring,
            """
            200, or 503 with the reason: starting or draining, send no traffic; `generation` and \
            `digest` of what runs
            """
        ) { try .probe(await $0.backend.readiness()) },
        .get("/v1/status", .monitoring, "workers, ports, services, backends, drops") {
            try .json(await $0.backend.status())
        },
        .get("/v1/lldp", .read, "[neighbours on the links](lldp.md), by port") {
            try .json(await $0.backend.linkDiscovery())
        },
        .get(
            "/v1/doctor",
            query: ["seconds=S"],
            .read,
            """
            whether packets get through, looked at for S seconds (1; 0.1 to 50): see \
            [doctor.md](doctor.md#a-running-instance)
            """,
            handler: doctor
        ),
        .post(
            "/v1/explain",
            .read,
            "what would become of a packet, step by step: see [modes.md](modes.md)",
            handler: explain
        ),
        .get("/v1/config/status", .read, "the generation that runs, its files, the last reload") {
            try .json(await $0.backend.configurationStatus())
        },
        .get(
            "/v1/config/history",
            .read,
            "generations that rollback can return to, newest first"
        ) { try .json(await $0.backend.history()) },
        .get("/v1/config/drift", .read, "where what runs differs from what the files say") {
            try .json(await $0.backend.drift())
        },
        .get("/v1/config/running", .read, "all that the dataplane is told to do") {
            try .json(await $0.backend.running())
        },
        .post(
            "/v1/config/reload",
            .write,
            "reads the files and applies them; 422 when they have errors"
        ) { try .report(await $0.backend.reload()) },
        .post(
            "/v1/config/rollback",
            query: ["generation=N"],
            .write,
            "applies generation N again, as a new one",
            handler: rollback
        ),
        .post(
            "/v1/stop",
            query: ["mode=M"],
            .admin,
            """
            202, and the process ends: `drain`, [`warm`](warm-restart.md) or `now`; without mode \
            as configured
            """,
            handler: stop
        ),
    ]

    @Sendable private static func metrics(_ request: ControlRequest) async throws -> Response {
        let perBackend = try request.flag("backends") ?? true
        let format = ExpositionFormat(accept: request.headers[.accept])
        let text = Catalogue.expose(
            await request.backend.statistics(),
            as: format,
            perBackend: perBackend
        )
        var response = Response(
            status: .ok,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: text))
        )
        response.headers[.contentType] = format.contentType
        return response
    }

    @Sendable private static func explain(_ request: ControlRequest) async throws -> Response {
        let question = try await request.body(
            as: ExplanationRequest.self,
            expected: "no question: source, destination and protocol are needed"
        )
        return try .json(await request.backend.explain(question))
    }

    @Sendable private static func doctor(_ request: ControlRequest) async throws -> Response {
        let seconds = try request.query("seconds", accepted: "a number, 0.1 to 50") { text in
            Double(text).flatMap { LiveReport.accepted.contains($0) ? $0 : nil }
        }
        return try .json(await request.backend.liveReport(seconds: seconds ?? 1))
    }

    @Sendable private static func rollback(_ request: ControlRequest) async throws -> Response {
        let generation = try request.query("generation", accepted: "a number") { UInt64($0) }
        guard let generation else {
            throw ProblemDetails(.badRequest, "?generation=NUMBER is needed")
        }
        return try .report(await request.backend.rollback(to: generation))
    }

    @Sendable private static func stop(_ request: ControlRequest) async throws -> Response {
        let accepted = StopMode.allCases.map(\.rawValue).joined(separator: ", ")
        let mode = try request.query("mode", accepted: accepted, StopMode.init(rawValue:))
        await request.backend.stop(mode)
        return Response(status: .accepted)
    }
}
