// SPDX-License-Identifier: Apache-2.0
import Control
import HTTPTypes
import Hummingbird
import Model
import NIOCore

extension Response {
    static func json(
        _ value: some Encodable,
        status: HTTPResponse.Status = .ok,
        contentType: String = "application/json"
    ) throws -> Response {
        let body = ByteBuffer(bytes: try ControlJSON.encode(value))
        var response = Response(status: status, body: ResponseBody(byteBuffer: body))
        response.headers[.contentType] = contentType
        response.headers[.cacheControl] = "no-store"
        return response
    }

    /// A body that is made while the client takes it.
    static func pieces(
        _ pieces: some Sequence<[UInt8]> & Sendable,
        _ contentType: String
    ) -> Response {
        let body = ResponseBody { writer in
            for piece in pieces { try await writer.write(ByteBuffer(bytes: piece)) }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: contentType, .cacheControl: "no-store"],
            body: body
        )
    }

    /// RFC 9457.
    static func problem(_ problem: ProblemDetails, headers: HTTPFields = [:]) -> Response {
        let status = HTTPResponse.Status(code: problem.status, reasonPhrase: problem.title)
        let json = try? Response.json(
            problem,
            status: status,
            contentType: ProblemDetails.contentType
        )
        var response = json ?? Response(status: status)
        for field in headers { response.headers.append(field) }
        return response
    }

    /// The report when what was asked for runs, else the problem that has it.
    static func report(_ report: ReloadReport) throws -> Response {
        if let problem = ProblemDetails(report) { throw problem }
        return try .json(report)
    }

    /// 200 or 503 with the reason, for supervisors that read the status only.
    static func probe(_ probe: Probe) throws -> Response {
        try .json(probe, status: probe.isPassing ? .ok : .serviceUnavailable)
    }
}
