// SPDX-License-Identifier: Apache-2.0
import Control
import HTTPTypes
import Hummingbird
import MetricsExposition
import Model
import NIOCore

/// The whole API.
///
/// `doc/control.md` shows this table; a test holds it to that, and writes it with RECORD=1.
enum ControlRoutes {
    static let all: [ControlRoute] = own + connections

    private static let own: [ControlRoute] = [
        .get(
            "/metrics",
            query: ["service=PATTERN", "backends=off"],
            .monitoring,
            """
            the [metrics](metrics.md#large-configurations): of services that fit a pattern alone; \
            without `dpvs_backend_...`
            """,
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
        .get(
            "/v1/status",
            query: ["service=PATTERN", "problems=on", "skip=N", "limit=N"],
            .monitoring,
            """
            workers, ports, services, backends, drops; of services a page of those that fit a \
            pattern or have a problem, and `serviceTotals` of all that fit
            """,
            handler: status
        ),
        .get(
            "/v1/services",
            query: ["service=PATTERN"],
            .read,
            """
            services as they run, those that fit a pattern alone, with all that `ipvsadm` shows of \
            them
            """
        ) {
            try .json(await $0.backend.readings(of: ServiceFilter($0.queries("service"))))
        },
        .post(
            "/v1/counters/zero",
            query: ["service=PATTERN"],
            .write,
            """
            204; lets the traffic that `/v1/services` shows begin at 0, for services that fit a \
            pattern alone; metrics go on
            """,
            handler: zero
        ),
        .get(
            "/v1/services/{service}",
            .read,
            "the status of one service and its backends, by its name or its key",
            handler: service
        ),
        .get(
            "/v1/links",
            query: ["details=on"],
            .read,
            "ports, VLANs and tunnels: links, switches, counters; what devices say of themselves"
        ) { request in
            let hasDetails = try request.flag("details") ?? false
            return try .json(await request.backend.links(hasDetails: hasDetails))
        },
        .post(
            "/v1/links/{link}",
            query: ["promiscuous=on", "multicast=on", "up=off"],
            .write,
            """
            switches a device until the next start: whether it receives what is not for it, and every \
            multicast, and its link; 500 when the driver cannot
            """,
            handler: switchLink
        ),
        .get("/v1/workers", .read, "the threads that move packets, their queues and counters") {
            try .json(await $0.backend.lcores())
        },
        .get("/v1/addresses", .read, "own addresses, with the ports in use of local addresses") {
            try .json(await $0.backend.addresses())
        },
        .get("/v1/routes", .read, "routes: those that were given, and those of addresses") {
            try .json(await $0.backend.routes())
        },
        .get("/v1/neighbours", .read, "who is behind which address on which link") {
            try .json(await $0.backend.neighbours())
        },
        .get("/v1/multicast", .read, "the groups that interfaces receive") {
            try .json(await $0.backend.groups())
        },
        .get("/v1/memory", .read, "DPDK's memory: segments, zones, pools and rings") {
            try .json(await $0.backend.memory())
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
        .get(
            "/v1/watch",
            .read,
            "[what happens to what runs](#watching), as server-sent events, until one side ends it"
        ) { .events(try await $0.backend.watch()) },
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
        .get(
            "/v1/config/runtime",
            .read,
            "what [edits](reload.md#edits) made of objects: `base`, as files had them, and `wanted`"
        ) { try .json(await $0.backend.runtimeLayer()) },
        .get(
            "/v1/config/export",
            query: ["all=on"],
            .read,
            "the same as YAML of service files; `all=on`: everything that runs",
            handler: export
        ),
        .post(
            "/v1/config/edits",
            query: ["dry-run=on", "generation=N", "name=TEXT"],
            .write,
            bodyLimit: EditRequest.largestBatch,
            """
            applies a batch of [edits](reload.md#edits), at most 64 MiB, as one change; 422 with all \
            that is wrong, 409 when another generation than N runs; complaints call it TEXT
            """,
            handler: edits
        ),
        .post(
            "/v1/config/revert",
            query: ["dry-run=on", "object=NAME"],
            .write,
            """
            drops the edits of the objects that are named (`object=` may be there several times), \
            without one all; 404 when nothing was edited that is called so
            """,
            handler: revert
        ),
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
            "/v1/ipvsadm",
            .write,
            bodyLimit: EditRequest.largestBatch,
            """
            carries out a command line of [`ipvsadm`](ipvsadm.md), `{"words": [...], "input": "..."}`; \
            the answer is [what the program prints](#command-lines)
            """,
            handler: ipvsadm
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
        let services = ServiceFilter(request.queries("service"))
        let selection = Scrape.Selection(
            isOfServicesOnly: !services.isEverything,
            hasBackends: try request.flag("backends") ?? true
        )
        let format = ExpositionFormat(accept: request.headers[.accept])
        let statistics = await request.backend.statistics(of: services)
        return .pieces(Scrape(of: statistics, as: format, selection), format.contentType)
    }

    @Sendable private static func status(_ request: ControlRequest) async throws -> Response {
        let count: (String) -> Int? = { text in Int(text).flatMap { $0 >= 0 ? $0 : nil } }
        let selection = StatusSelection(
            services: ServiceFilter(request.queries("service")),
            onlyProblems: try request.flag("problems") ?? false,
            skip: try request.query("skip", accepted: "a number", count) ?? 0,
            limit: try request.query("limit", accepted: "a number", count)
        )
        return try .json(await request.backend.status(of: selection))
    }

    @Sendable private static func zero(_ request: ControlRequest) async throws -> Response {
        let services = request.queries("service")
        guard await request.backend.zero(ServiceFilter(services)) else {
            throw ProblemDetails(
                .notFound,
                "there is no service \(services.joined(separator: ", "))"
            )
        }
        return Response(status: .noContent)
    }

    @Sendable private static func service(_ request: ControlRequest) async throws -> Response {
        let wanted = try request.path("service")
        let selection = StatusSelection(services: ServiceFilter([wanted]))
        let found = await request.backend.status(of: selection).services
            .first { $0.name == wanted || $0.key.description == wanted }
        guard let found else { throw ProblemDetails(.notFound, "there is no service \(wanted)") }
        return try .json(found)
    }

    @Sendable private static func switchLink(_ request: ControlRequest) async throws -> Response {
        var switches = LinkSwitches()
        switches.isPromiscuous = try request.flag("promiscuous")
        switches.receivesAllMulticast = try request.flag("multicast")
        switches.isUp = try request.flag("up")
        guard switches != LinkSwitches() else {
            throw ProblemDetails(
                .badRequest,
                "nothing is to be switched: promiscuous, multicast, up"
            )
        }
        let name = try request.path("link")
        try await request.backend.change(name, switches)
        let link = await request.backend.links(hasDetails: false).first { $0.name == name }
        return try .json(link)
    }

    @Sendable private static func explain(_ request: ControlRequest) async throws -> Response {
        let question = try await request.body(
            as: ExplanationRequest.self,
            expected: "no question: source, destination and protocol are needed"
        )
        return try .json(await request.backend.explain(question))
    }

    @Sendable private static func export(_ request: ControlRequest) async throws -> Response {
        let text = await request.backend.export(isWhole: try request.flag("all") ?? false)
        var response = Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: text)))
        response.headers[.contentType] = "application/yaml"
        return response
    }

    @Sendable private static func edits(_ request: ControlRequest) async throws -> Response {
        var question = EditRequest(batch: try await request.body())
        question.isDryRun = try request.flag("dry-run") ?? false
        question.name = request.queries("name").last ?? question.name
        question.generation = try generation(of: request)
        return try .report(await request.backend.edit(question))
    }

    @Sendable private static func revert(_ request: ControlRequest) async throws -> Response {
        let objects = request.queries("object")
        return try .report(
            await request.backend.revert(
                objects.isEmpty ? nil : objects,
                isDryRun: try request.flag("dry-run") ?? false
            )
        )
    }

    private static func generation(of request: ControlRequest) throws -> UInt64? {
        try request.query("generation", accepted: "a number") { UInt64($0) }
    }

    @Sendable private static func doctor(_ request: ControlRequest) async throws -> Response {
        let seconds = try request.query("seconds", accepted: "a number, 0.1 to 50") { text in
            Double(text).flatMap { LiveReport.accepted.contains($0) ? $0 : nil }
        }
        return try .json(await request.backend.liveReport(seconds: seconds ?? 1))
    }

    @Sendable private static func rollback(_ request: ControlRequest) async throws -> Response {
        guard let generation = try generation(of: request) else {
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
