// SPDX-License-Identifier: Apache-2.0

/// The answer of `GET /livez` and `GET /readyz`.
package struct Probe: Equatable, Codable, Sendable {
    package var isPassing: Bool
    /// Why not, or what goes on.
    package var reason: String
    /// The configuration that runs; nil where it was not asked about.
    package var generation: UInt64?
    /// Of the generation's files, in hexadecimal digits.
    package var digest: String?

    package init(
        isPassing: Bool,
        reason: String,
        generation: UInt64? = nil,
        digest: String? = nil
    ) {
        self.isPassing = isPassing
        self.reason = reason
        self.generation = generation
        self.digest = digest
    }

    package static let passing = Probe(isPassing: true, reason: "ok")

    package static func failing(_ reason: String) -> Probe {
        Probe(isPassing: false, reason: reason)
    }

    /// What `dpvs probe` prints.
    package var text: String {
        let running = generation.map { ", generation \($0), digest \(digest ?? "")" } ?? ""
        return "\(isPassing ? "passing" : "failing"): \(reason)\(running)\n"
    }
}
