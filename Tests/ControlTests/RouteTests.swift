// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Model
import NIOCore
import Testing

@testable import ControlServer

@Suite struct RouteTests {
    @Test func `metrics come in the format that the scraper accepts`() async throws {
        try await ask { client in
            let text = try await client.execute(uri: "/metrics", method: .get)
            #expect(text.status == .ok)
            #expect(text.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(text.text.contains("dpvs_backend_weight{"))
            let accept: HTTPFields = [.accept: "application/openmetrics-text"]
            let open = try await client.execute(uri: "/metrics", method: .get, headers: accept)
            #expect(open.text.hasSuffix("# EOF\n"))
        }
    }

    @Test(arguments: [
        ("gzip", true), ("deflate, GZIP;q=0.5", true), ("*", true), ("gzip;q=0, *", false),
        ("identity", false), ("", false),
    ])
    func `metrics are compressed for who takes that`(accepted: String, isPacked: Bool) async throws
    {
        try await ask { client in
            let headers: HTTPFields = [.acceptEncoding: accepted]
            let answer = try await client.execute(uri: "/metrics", method: .get, headers: headers)
            #expect(answer.headers[.contentEncoding] == (isPacked ? "gzip" : nil))
            let start = Array(answer.body.readableBytesView.prefix(2))
            #expect((start == [0x1F, 0x8B]) == isPacked)
            let plain = try await client.execute(uri: "/metrics", method: .get)
            #expect(!isPacked || answer.body.readableBytes < plain.body.readableBytes / 2)
            let small = try await client.execute(uri: "/livez", method: .get, headers: headers)
            #expect(small.headers[.contentEncoding] == nil)
        }
    }

    @Test func `backends can be left out of the metrics`() async throws {
        try await ask { client in
            let less = try await client.execute(uri: "/metrics?backends=off", method: .get)
            #expect(!less.text.contains("dpvs_backend_weight"))
            let wrong = try await client.execute(uri: "/metrics?backends=maybe", method: .get)
            #expect(try wrong.problem.status == 400)
            #expect(
                try wrong.problem.detail == "'maybe' is not a value of backends; accepted: on, off"
            )
        }
    }

    @Test func `metrics of some services are asked for by patterns`() async throws {
        try await ask { client in
            let some = try await client.execute(
                uri: "/metrics?service=none&service=w*b&backends=on",
                method: .get
            )
            #expect(some.text.contains("dpvs_backend_weight{"))
            #expect(!some.text.contains("dpvs_ready"))
            let none = try await client.execute(uri: "/metrics?service=mail", method: .get)
            #expect(none.status == .ok && none.text == "")
            let key = try await client.execute(
                uri: "/metrics?service=tcp%2010.0.0.100:80&backends=off",
                method: .get
            )
            #expect(key.text.contains("dpvs_service_weight{"))
            #expect(!key.text.contains("dpvs_backend_"))
        }
    }

    @Test(arguments: [
        ("", 1), ("?service=w*", 1), ("?service=mail", 0), ("?problems=on", 0), ("?limit=0", 0),
        ("?skip=1&limit=5", 0),
    ])
    func `a status lists the services that are asked for`(query: String, count: Int) async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/status\(query)", method: .get)
            let status = try answer.decode(Status.self)
            #expect(status.services.count == count)
            #expect(status.serviceTotals.services == (query.contains("mail") ? 0 : 1))
            let wrong = try await client.execute(uri: "/v1/status?limit=-1", method: .get)
            #expect(
                try wrong.problem.detail == "'-1' is not a value of limit; accepted: a number"
            )
        }
    }

    @Test(arguments: ["web", "tcp%2010.0.0.100:80"])
    func `one service is a path of its own, by name or key`(name: String) async throws {
        try await ask { client in
            let one = try await client.execute(uri: "/v1/services/\(name)", method: .get)
            #expect(try one.decode(ServiceStatus.self).name == "web")
            let none = try await client.execute(uri: "/v1/services/w*", method: .get)
            #expect(try none.problem == ProblemDetails(.notFound, "there is no service w*"))
        }
    }

    @Test func `probes answer 200, or 503 with the reason`() async throws {
        let draining = SampleBackend(ready: .failing("draining"))
        try await ask(draining) { client in
            let live = try await client.execute(uri: "/livez", method: .get)
            #expect(live.status == .ok)
            let ready = try await client.execute(uri: "/readyz", method: .get)
            #expect(ready.status == .serviceUnavailable)
            #expect(try ready.decode(Probe.self) == .failing("draining"))
        }
    }

    @Test func `the running state is what the dataplane does`() async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/config/running", method: .get)
            #expect(try answer.decode(DesiredState.self).services == [.sample()])
        }
    }

    @Test func `reports about configurations arrive as they are`() async throws {
        try await ask { client in
            let status = try await client.execute(uri: "/v1/config/status", method: .get)
            #expect(try status.decode(ConfigStatus.self) == .sample)
            let history = try await client.execute(uri: "/v1/config/history", method: .get)
            #expect(try history.decode([HistoryEntry].self) == .sample)
            let drift = try await client.execute(uri: "/v1/config/drift", method: .get)
            #expect(try drift.decode([DriftEntry].self) == .sample)
        }
    }

    @Test(arguments: [("", 1), ("?service=web", 1), ("?service=nobody", 0)])
    func `services arrive with what they have counted`(query: String, count: Int) async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/services\(query)", method: .get)
            let readings = try answer.decode(ServiceReadings.self)
            #expect(readings.generation == 7 && readings.services.count == count)
            #expect(readings.services.allSatisfy { $0.traffic.connections == 12 })
            let zero = try await client.execute(uri: "/v1/counters/zero\(query)", method: .post)
            #expect(zero.status == (count > 0 ? .noContent : .notFound))
        }
    }

    @Test func `neighbours on links arrive as they are`() async throws {
        try await ask { client in
            let links = try await client.execute(uri: "/v1/lldp", method: .get)
            #expect(try links.decode([LinkDiscoveryStatus].self) == .sample)
        }
    }

    @Test func `what there is of the network arrives as it is`() async throws {
        try await ask { client in
            func get<Value: Decodable>(_ path: String) async throws -> Value {
                try await client.execute(uri: path, method: .get).decode(Value.self)
            }
            let links: [LinkStatus] = try await get("/v1/links")
            #expect(links == [LinkStatus].sample())
            let detailed: [LinkStatus] = try await get("/v1/links?details=on")
            #expect(detailed == [LinkStatus].sample(hasDetails: true))
            let workers: [LcoreStatus] = try await get("/v1/workers")
            #expect(workers == [LcoreStatus.sample])
            let addresses: [AddressStatus] = try await get("/v1/addresses")
            #expect(addresses == [AddressStatus.sample])
            let routes: [RouteStatus] = try await get("/v1/routes")
            #expect(routes == [RouteStatus.sample])
            let neighbours: [NeighbourStatus] = try await get("/v1/neighbours")
            #expect(neighbours == [NeighbourStatus.sample])
            let groups: [GroupStatus] = try await get("/v1/multicast")
            #expect(groups == [GroupStatus.sample])
            let memory: MemoryStatus = try await get("/v1/memory")
            #expect(memory == MemoryStatus.sample)
        }
    }

    @Test(arguments: [
        ("dpdk0?promiscuous=on", 200), ("dpdk0?up=off", 500), ("dpdk1?promiscuous=on", 404),
        ("dpdk0", 400), ("dpdk0?multicast=maybe", 400),
    ])
    func `a device is switched, or it is said why not`(what: String, status: Int) async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/links/\(what)", method: .post)
            #expect(answer.status.code == status)
        }
    }

    @Test(arguments: [("", 1.0), ("?seconds=0.5", 0.5)])
    func `a running instance is looked at for as long as it is asked to`(
        query: String,
        seconds: Double
    ) async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/doctor\(query)", method: .get)
            #expect(try answer.decode(LiveReport.self) == .sample(seconds: seconds))
        }
    }

    @Test(arguments: ["0", "-1", "51", "nan", "inf", "soon", ""])
    func `nobody can have it looked for ever`(seconds: String) async throws {
        try await ask { client in
            let answer = try await client.execute(
                uri: "/v1/doctor?seconds=\(seconds)",
                method: .get
            )
            #expect(answer.status.code == 400)
        }
    }

    @Test(arguments: [
        (ReloadReport.Outcome.applied, 200), (.unchanged, 200), (.rejected, 422), (.failed, 500),
    ])
    func `a reload that was not applied is an error with its report`(
        outcome: ReloadReport.Outcome,
        status: Int
    ) async throws {
        try await ask(SampleBackend(outcome: outcome)) { client in
            let answer = try await client.execute(uri: "/v1/config/reload", method: .post)
            #expect(answer.status.code == status)
            let report =
                status == 200 ? try answer.decode(ReloadReport.self) : try answer.problem.report
            #expect(report == .sample(outcome))
        }
    }

    @Test(arguments: [
        ("?generation=3", 200), ("?generation=9", 404), ("?generation=-1", 400),
        ("?generation=", 400), ("", 400),
    ])
    func `rollback takes a generation that is remembered`(query: String, status: Int) async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/config/rollback\(query)", method: .post)
            #expect(answer.status.code == status)
        }
    }

    @Test func `edits come with their name, their generation and whether they are a dry run`()
        async throws
    {
        try await ask { client in
            let answer = try await client.execute(
                uri: "/v1/config/edits?name=a%20b.yaml&dry-run=on&generation=7",
                method: .post,
                body: ByteBuffer(string: "edits: []")
            )
            let report = try answer.decode(ReloadReport.self)
            #expect(report.changes == ["a b.yaml", "edits: []"] && report.isDryRun)
        }
    }

    @Test(arguments: [
        ("?generation=7", 200), ("?generation=8", 409), ("?generation=x", 400), ("?dry-run=1", 400),
    ])
    func `edits for another generation are refused`(query: String, status: Int) async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/config/edits\(query)", method: .post)
            #expect(answer.status.code == status)
        }
    }

    @Test(arguments: [
        ("", 200, ["all"]), ("?object=a&object=tcp%201.2.3.4:80", 200, ["a", "tcp 1.2.3.4:80"]),
        ("?object=nothing", 404, []),
    ])
    func `edits are reverted by object`(query: String, status: Int, objects: [String]) async throws
    {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/config/revert\(query)", method: .post)
            #expect(answer.status.code == status)
            if status == 200 { #expect(try answer.decode(ReloadReport.self).changes == objects) }
        }
    }

    @Test func `edits are exported as YAML`() async throws {
        try await ask { client in
            for (query, text) in [("", "# edits\n"), ("?all=on", "# all\n")] {
                let answer = try await client.execute(
                    uri: "/v1/config/export\(query)",
                    method: .get
                )
                #expect(answer.headers[.contentType] == "application/yaml")
                #expect(answer.text == text)
            }
        }
    }

    @Test func `asking for a change with GET is 405`() async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/config/reload", method: .get)
            #expect(answer.status == .methodNotAllowed)
            #expect(answer.headers[.allow] == "POST")
        }
    }

    @Test func `an unknown path is 404 as problem JSON`() async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v3/x", method: .get)
            #expect(answer.status == .notFound)
            #expect(answer.headers[.contentType] == "application/problem+json")
            #expect(
                try answer.problem
                    == ProblemDetails(.notFound, "there is no /v3/x")
            )
        }
    }

    @Test func `a wrong method is 405 and says the right ones`() async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/metrics", method: .delete)
            #expect(answer.status == .methodNotAllowed)
            #expect(answer.headers[.allow] == "GET, HEAD")
            #expect(try answer.problem.detail == "/metrics takes GET, HEAD")
        }
    }

    @Test func `HEAD answers without a body`() async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/status", method: .head)
            #expect(answer.status == .ok)
            #expect(answer.text == "")
        }
    }

    @Test func `a body that no request needs is 413`() async throws {
        try await ask { client in
            let body = ByteBuffer(repeating: 0, count: ControlRoute.usualBodyLimit + 1)
            let answer = try await client.execute(uri: "/v1/status", method: .get, body: body)
            #expect(answer.status == .contentTooLarge)
            #expect(try answer.problem.detail == "a body has at most 65536 octets")
        }
    }

    @Test(arguments: ControlRoutes.all.map { ($0.method, $0.path, $0.access) })
    func `TCP serves reads for monitoring and nothing else`(
        method: HTTPRequest.Method,
        path: String,
        access: Access
    ) async throws {
        let isMonitoring = ["/metrics", "/livez", "/readyz", "/v1/status"].contains(path)
        #expect((access == .monitoring) == isMonitoring)
        try await ask(access: .monitoring) { client in
            let answer = try await client.execute(uri: path, method: method)
            #expect((answer.status == .forbidden) == !isMonitoring)
        }
    }

    @Test func `who may read cannot change anything, and who may change cannot stop`() async throws
    {
        try await ask(access: .read) { client in
            let reading = try await client.execute(uri: "/v1/config/running", method: .get)
            #expect(reading.status == .ok)
            let change = try await client.execute(uri: "/v1/config/reload", method: .post)
            #expect(change.status == .forbidden)
        }
        try await ask(access: .write) { client in
            let change = try await client.execute(uri: "/v1/config/reload", method: .post)
            #expect(change.status == .ok)
            let stop = try await client.execute(uri: "/v1/stop", method: .post)
            #expect(stop.status == .forbidden)
        }
    }

    @Test func `a parameter that the path does not have is 400 and names those it has`()
        async throws
    {
        try await ask { client in
            let metrics = try await client.execute(uri: "/metrics?backend=off", method: .get)
            #expect(try metrics.problem.status == 400)
            let detail = try metrics.problem.detail ?? ""
            #expect(detail == "'backend' is no parameter of /metrics; accepted: service, backends")
            let live = try await client.execute(uri: "/livez?x", method: .get)
            #expect(try live.problem.detail == "'x' is no parameter of /livez; accepted: none")
        }
    }

    @Test(arguments: Refusal.allCases)
    func `each error of the list is problem JSON with its own status`(refusal: Refusal) async throws
    {
        let route = ControlRoute.get("/fails", .read, "an error") { _ in
            throw ProblemDetails(refusal, "on purpose")
        }
        try await ask(routes: [route]) { client in
            let answer = try await client.execute(uri: "/fails", method: .get)
            #expect(answer.status.code == refusal.status)
            #expect(answer.status.reasonPhrase == refusal.title)
            #expect(try answer.problem == ProblemDetails(refusal, "on purpose"))
            #expect(try answer.problem.refusal == refusal)
            #expect(ControlError.refused(try answer.problem).exitCode == refusal.exitStatus)
        }
        #expect(refusal.exitStatus != .success)
    }

    @Test func `a segment of the path is a parameter, decoded`() async throws {
        let route = ControlRoute.get("/v1/things/{name}/parts", .read, "the name") {
            try .json([try $0.path("name")])
        }
        try await ask(routes: [route]) { client in
            let answer = try await client.execute(uri: "/v1/things/a%2Fb%20c/parts", method: .get)
            #expect(try answer.decode([String].self) == ["a/b c"])
            let wrong = try await client.execute(uri: "/v1/things/a%FF/parts", method: .get)
            #expect(try wrong.problem.detail == "{name} is missing or no text")
            let post = try await client.execute(uri: "/v1/things/a/parts", method: .post)
            #expect(post.headers[.allow] == "GET, HEAD")
        }
    }

    @Test func `each route has a limit of its own for the body`() async throws {
        let routes = [
            ControlRoute.post("/large", .write, bodyLimit: 100_000, "a sum") {
                try .json((try await $0.body(as: [Int].self, expected: "no list")).reduce(0, +))
            },
            ControlRoute.post("/small", .write, bodyLimit: 8, "nothing") { _ in try .json(0) },
        ]
        try await ask(routes: routes) { client in
            let list = ByteBuffer(string: "[" + String(repeating: "1,", count: 40_000) + "2]")
            let large = try await client.execute(uri: "/large", method: .post, body: list)
            #expect(try large.decode(Int.self) == 40_002)
            let small = try await client.execute(uri: "/small", method: .post, body: list)
            #expect(try small.problem.detail == "a body has at most 8 octets")
            #expect(small.headers[.connection] == "close")
            let wrong = try await client.execute(
                uri: "/large",
                method: .post,
                body: ByteBuffer(string: "{")
            )
            #expect(try wrong.problem.detail == "the body is no list")
        }
    }

    @Test func `the page lists every route, no more and no less`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "doc/control.md")
        let table = ControlRoutes.all.map(\.row)
        let isRow: (Substring) -> Bool = { line in
            ["GET", "POST", "DELETE"].contains { line.hasPrefix("| `\($0) ") }
        }
        var page = try String(contentsOf: file, encoding: .utf8)
        if ProcessInfo.processInfo.environment["RECORD"] == "1" {
            let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
            let first = try #require(lines.firstIndex(where: isRow))
            let rest = lines[first...].filter { !isRow($0) }
            page = (lines[..<first] + table.map { $0[...] } + rest).joined(separator: "\n")
            try page.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(page.split(separator: "\n").filter(isRow).map(String.init) == table)
    }
}

/// Asks the routes of a daemon that only answers.
func ask(
    _ backend: SampleBackend = SampleBackend(),
    access: Access = .admin,
    routes: [ControlRoute] = ControlRoutes.all,
    _ questions: @Sendable (any TestClientProtocol) async throws -> Void
) async throws {
    let responder = ControlResponder(backend: backend, access: access, routes: routes)
    try await Application(responder: responder).test(.router) { try await questions($0) }
}

extension TestResponse {
    var text: String { String(buffer: body) }
    var problem: ProblemDetails { get throws { try decode(ProblemDetails.self) } }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try ControlJSON.decode(type, from: .init(body.readableBytesView))
    }
}
