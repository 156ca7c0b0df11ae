// SPDX-License-Identifier: Apache-2.0

/// The answer of `GET /livez` and `GET /readyz`.
package struct Probe: Equatable, Codable, Sendable {
    package var isPassing: Bool
    /// Why not, or what goes on.
    package var reason: String

    package init(isPassing: Bool, reason: String) {
        self.isPassing = isPassing
        self.reason = reason
    }

    package static let passing = Probe(isPassing: true, reason: "ok")

    package static func failing(_ reason: String) -> Probe {
        Probe(isPassing: false, reason: reason)
    }
}
