// SPDX-License-Identifier: Apache-2.0
package import Model

/// Why a request failed, as RFC 9457 says it: `application/problem+json`.
package struct ProblemDetails: Error, Equatable, Codable, Sendable {
    package static let contentType = "application/problem+json"

    /// RFC 9457 section 4.2.1: with this type the title is that of the HTTP status.
    package var type = "about:blank"
    /// The HTTP status code.
    package var status: Int
    package var title: String
    /// What is wrong with this request, and what would not be.
    package var detail: String?
    /// An extension member: of a reload that did not succeed.
    package var report: ReloadReport?

    package init(status: Int, title: String, detail: String? = nil, report: ReloadReport? = nil) {
        self.status = status
        self.title = title
        self.detail = detail
        self.report = report
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
}

extension ProblemDetails: CustomStringConvertible {
    package var description: String {
        detail.map { "\(title.lowercased()): \($0)" } ?? title.lowercased()
    }
}
