// SPDX-License-Identifier: Apache-2.0

/// Why the API does not do what it was asked to: the closed list of its errors.
///
/// Each has one HTTP status, and a status means one of them, so that a client knows which it was.
package enum Refusal: Int, CaseIterable, Sendable {
    /// The request itself is wrong: a parameter or its body.
    case badRequest = 400
    /// The client's access is not enough.
    case forbidden = 403
    /// There is no such path or object.
    case notFound = 404
    /// The path takes other methods.
    case methodNotAllowed = 405
    /// The request was made for another state than the one that runs now.
    case conflict = 409
    /// The body has more octets than the path takes.
    case tooLarge = 413
    /// The configuration that was asked for has errors.
    case rejected = 422
    /// The daemon could not carry it out.
    case failed = 500
    /// The daemon has no room for the request now; it may be asked again.
    case unavailable = 503

    /// The HTTP status code.
    package var status: Int { rawValue }

    /// The reason phrase of the status (RFC 9110 section 15).
    package var title: String {
        switch self {
        case .badRequest: "Bad Request"
        case .forbidden: "Forbidden"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .conflict: "Conflict"
        case .tooLarge: "Content Too Large"
        case .rejected: "Unprocessable Content"
        case .failed: "Internal Server Error"
        case .unavailable: "Service Unavailable"
        }
    }

    /// What a command ends with that gets this for an answer.
    package var exitStatus: ExitStatus {
        switch self {
        case .badRequest: .usage
        case .unavailable: .unreachable
        case .forbidden, .notFound, .methodNotAllowed, .conflict, .tooLarge, .rejected, .failed:
            .problem
        }
    }
}
