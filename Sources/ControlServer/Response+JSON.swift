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

    /// RFC 9457.
    static func problem(
        _ status: HTTPResponse.Status,
        _ detail: String? = nil,
        headers: HTTPFields = [:]
    ) -> Response {
        let problem = ProblemDetails(
            status: status.code,
            title: status.reasonPhrase,
            detail: detail
        )
        return .problem(problem, headers: headers)
    }

    static func problem(_ problem: ProblemDetails, headers: HTTPFields = [:]) -> Response {
        let status = HTTPResponse.Status(code: problem.status)
        let json = try? Response.json(
            problem,
            status: status,
            contentType: ProblemDetails.contentType
        )
        var response = json ?? Response(status: status)
        for field in headers { response.headers.append(field) }
        return response
    }

    /// 200 when what was asked for runs, else 422 or 500 with the report in the problem.
    static func report(_ report: ReloadReport) throws -> Response {
        let status: HTTPResponse.Status
        let detail: String
        switch report.outcome {
        case .applied, .unchanged: return try .json(report)
        case .rejected:
            status = .unprocessableContent
            detail = "the configuration has errors, nothing changed"
        case .failed:
            status = .internalServerError
            detail = "the configuration could not be carried out"
        }
        let problem = ProblemDetails(
            status: status.code,
            title: status.reasonPhrase,
            detail: detail,
            report: report
        )
        return .problem(problem)
    }

    /// 200 or 503 with the reason, for supervisors that read the status only.
    static func probe(_ probe: Probe) throws -> Response {
        try .json(probe, status: probe.isPassing ? .ok : .serviceUnavailable)
    }
}
