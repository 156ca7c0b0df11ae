// SPDX-License-Identifier: Apache-2.0
import Addressing
import CommandWire
import Control
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import ControlServer

/// Connections over the API, and command lines that are carried out there.
@Suite struct ConnectionRouteTests {
    private struct Page: Decodable {
        var connections: [ConnectionReading]
        var next: String?
    }

    @Test func `connections arrive as JSON, page by page when a limit says so`() async throws {
        try await ask { client in
            let all = try await client.execute(uri: "/v1/connections", method: .get)
            let page = try all.decode(Page.self)
            #expect(page.connections.count == 3 && page.next == nil)
            #expect(page.connections[0] == .sample(0) && page.connections[2] == .sample(2))
            let first = try await client.execute(uri: "/v1/connections?limit=2", method: .get)
                .decode(Page.self)
            #expect(first.connections.map(\.client.port) == [50_000, 50_001])
            let next = try #require(first.next)
            #expect(next == "0:2")
            let rest =
                try await client.execute(
                    uri: "/v1/connections?limit=2&after=\(next)",
                    method: .get
                )
                .decode(Page.self)
            #expect(rest.connections.map(\.client.port) == [50_002] && rest.next == nil)
        }
    }

    @Test func `the same comes as lines for who accepts those`() async throws {
        try await ask { client in
            let answer = try await client.execute(
                uri: "/v1/connections?limit=1",
                method: .get,
                headers: [.accept: "text/csv"]
            )
            #expect(answer.headers[.contentType] == "text/csv")
            #expect(
                String(buffer: answer.body) == """
                    worker,protocol,state,mode,client,virtual,local,backend,service,expires\r
                    1,tcp,established,fnat,10.0.0.7:50000,10.0.0.100:80,10.0.1.200:1025,10.0.1.2:80,tcp 10.0.0.100:80,90\r

                    """
            )
        }
    }

    @Test(arguments: [
        ("state", ["tcp established": 3]), ("backend", ["10.0.1.2:80": 3]),
        ("client", ["10.0.0.7": 3]), ("service", ["tcp 10.0.0.100:80": 3]),
    ])
    func `connections are counted by what is asked`(
        grouping: String,
        groups: [String: Int]
    ) async throws {
        try await ask { client in
            let counts =
                try await client.execute(
                    uri: "/v1/connections/count?by=\(grouping)",
                    method: .get
                )
                .decode(ConnectionCounts.self)
            let named = Dictionary(
                uniqueKeysWithValues: counts.groups.map { ($0.name, $0.connections) }
            )
            #expect(counts.total == 3 && named == groups && counts.omitted == 0)
        }
    }

    @Test(arguments: [
        ("", "nothing says which connections are to end; all=on ends all"),
        (
            "?client=x",
            "'x' is not a value of client; accepted: an address, a network, or an address and a port"
        ),
        ("?protocol=dccp", "'dccp' is not a value of protocol; accepted: tcp, udp, sctp, icmp"),
        (
            "?limit=1",
            "'limit' is no parameter of /v1/connections; accepted: service, backend, client, virtual, protocol, state, all"
        ),
    ])
    func `only connections that are named end`(query: String, says: String) async throws {
        try await ask { client in
            let answer = try await client.execute(uri: "/v1/connections\(query)", method: .delete)
            #expect(try answer.problem == ProblemDetails(.badRequest, says))
            for good in ["?all=on", "?client=10.0.0.0/24"] {
                let done = try await client.execute(uri: "/v1/connections\(good)", method: .delete)
                #expect(try done.decode(EndedConnections.self).ended == 3)
            }
        }
    }

    @Test(arguments: [
        (#"{"words":["-ln"]}"#, 0, "TCP  10.0.0.100:80", ""),
        (#"{"words":["-lnc"]}"#, 0, "[1]tcp 90s    ESTABLISHED 10.0.0.7:50000", ""),
        (#"{"words":["-Dt","10.0.0.9:80"]}"#, 1, "", "No such service: tcp 10.0.0.9:80\n"),
        (#"{"words":["-Q"]}"#, 2, "", "-Q needs -z ADDRESS"),
        (#"{"words":["-R"],"input":"-D -t 10.0.0.9:80\n"}"#, 1, "", "line 1: No such service"),
        (#"{"words":["-ln","--json"]}"#, 0, "\"generation\" : 7", ""),
    ])
    func `a command line is answered with what the program prints`(
        body: String,
        status: UInt8,
        output: String,
        complaint: String
    ) async throws {
        try await ask { client in
            let answer = try await client.execute(
                uri: "/v1/ipvsadm",
                method: .post,
                body: ByteBuffer(string: body)
            )
            #expect(answer.headers[.contentType] == CommandOutput.contentType)
            var octets = Array(answer.body.readableBytesView)
            var (printed, said, ended): (String, String, UInt8?) = ("", "", nil)
            while let frame = CommandOutput.next(in: &octets) {
                switch frame {
                case .output(let text): printed += String(decoding: text, as: UTF8.self)
                case .complaint(let text): said += String(decoding: text, as: UTF8.self)
                case .status(let status): ended = status
                }
            }
            #expect(ended == status && octets.isEmpty)
            #expect(output.isEmpty ? printed.isEmpty : printed.contains(output))
            #expect(complaint.isEmpty ? said.isEmpty : said.hasPrefix(complaint))
        }
    }

    @Test func `a request without words is no command line`() async throws {
        try await ask { client in
            let answer = try await client.execute(
                uri: "/v1/ipvsadm",
                method: .post,
                body: ByteBuffer(string: #"{"words":"-ln"}"#)
            )
            #expect(try answer.problem.status == 400)
        }
    }
}
