// SPDX-License-Identifier: Apache-2.0
package import Model

/// Why a request failed, as RFC 9457 says it: `application/problem+json`.
package struct ProblemDetails: Error, Equatable, Codable, Sendable {
    package static let contentType = "application/problem+json"

    /// RFC 9457 section 4.2.1: with this type the title is that of the HTTP status.
    package private(set) var type = "about:blank"
    /// The HTTP status code.
    package private(set) var status: Int
    package private(set) var title: String
    /// What is wrong with this request, and what would not be.
    package private(set) var detail: String?
    /// An extension member: of a change of the configuration that was not applied.
    package private(set) var report: ReloadReport?

    package init(_ refusal: Refusal, _ detail: String, report: ReloadReport? = nil) {
        status = refusal.status
        title = refusal.title
        self.detail = detail
        self.report = report
    }

    /// An answer without a problem in it, such as that of another server.
    init(unknownStatus status: Int) {
        self.status = status
        title = "HTTP status \(status)"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // RFC 9457 section 3.1: every member is optional.
        type = try container.decodeIfPresent(String.self, forKey: .type) ?? "about:blank"
        status = try container.decodeIfPresent(Int.self, forKey: .status) ?? 0
        title = try container.decodeIfPresent(String.self, forKey: .title) ?? "unknown problem"
        detail = try container.decodeIfPresent(String.self, forKey: .detail)
        report = try container.decodeIfPresent(ReloadReport.self, forKey: .report)
    }

    /// Which of the API's errors it is; nil for the answer of something else.
    package var refusal: Refusal? { Refusal(rawValue: status) }

    /// The problem of a change that was not applied; nil when what was asked for runs.
    package init?(_ report: ReloadReport) {
        switch report.outcome {
        case .applied, .unchanged: return nil
        case .rejected:
            self.init(.rejected, "the configuration has errors, nothing changed", report: report)
        case .failed:
            self.init(.failed, "the configuration could not be carried out", report: report)
        }
    }
}

extension ProblemDetails: CustomStringConvertible {
    package var description: String {
        detail.map { "\(title.lowercased()): \($0)" } ?? title.lowercased()
    }
}
