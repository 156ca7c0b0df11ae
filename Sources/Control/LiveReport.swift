// SPDX-License-Identifier: Apache-2.0

/// Whether packets get through a running instance: the answer of `GET /v1/doctor`.
package struct LiveReport: Equatable, Codable, Sendable {
    /// One thing that was looked at.
    package struct Check: Equatable, Codable, Sendable {
        package enum State: String, Codable, Sendable {
            case ok
            /// It works, but not as well as it could, or it cannot be told.
            case note
            /// Packets are lost or changed.
            case fault
        }

        /// "port dpdk0 receives", "worker 1".
        package var subject: String
        package var state: State
        /// One sentence without a full stop.
        package var finding: String
        /// What to do.
        package var remedy: String?

        package init(_ state: State, _ subject: String, _ finding: String, remedy: String? = nil) {
            self.subject = subject
            self.state = state
            self.finding = finding
            self.remedy = remedy
        }
    }

    /// For how long one may have it looked, in seconds.
    package static let accepted = 0.1...50

    /// For how long it was looked, in seconds.
    package var seconds: Double
    package var checks: [Check]

    package init(seconds: Double, checks: [Check]) {
        self.seconds = seconds
        self.checks = checks
    }

    package var isGood: Bool { !checks.contains { $0.state == .fault } }

    /// What `dpvs doctor --live` prints.
    package var text: String {
        let width = 6
        let lines = checks.flatMap { check in
            let state = check.state.rawValue
            let blanks = String(repeating: " ", count: width - state.count)
            let line = "\(state)\(blanks)\(check.subject): \(check.finding)"
            return [line] + (check.remedy.map { ["  do: \($0)"] } ?? [])
        }
        let faults = checks.count { $0.state == .fault }
        let summary =
            faults == 0
            ? "no fault found" : faults == 1 ? "1 fault found" : "\(faults) faults found"
        return (lines + [summary]).joined(separator: "\n") + "\n"
    }
}
