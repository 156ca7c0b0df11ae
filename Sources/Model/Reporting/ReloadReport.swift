// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// What came of one reload or rollback.
package struct ReloadReport: Equatable, Codable, Sendable {
    package enum Outcome: String, Codable, Sendable, CaseIterable {
        /// Every worker uses the new generation.
        case applied
        /// The files say what already runs.
        case unchanged
        /// The files have errors; nothing changed.
        case rejected
        /// The files are good and could not be carried out; `problems` says why.
        case failed
    }

    package var outcome: Outcome
    /// What asked for it: `start`, `file`, `signal`, `command`, `rollback to 3`.
    package var trigger: String
    /// The generation that runs now.
    package var generation: UInt64
    /// Of the files of this generation, in hexadecimal digits.
    package var digest: String
    package var finished: Date
    /// Seconds from reading the files until every worker used them.
    package var duration: Double
    /// What was done, in order, one sentence each.
    package var changes: [String]
    /// Changed items that wait for a restart, by name.
    package var restartRequired: [String]
    package var problems: [Problem]
    /// Whether this is what would come of it, and nothing was done.
    package var isDryRun = false

    package init(
        outcome: Outcome,
        trigger: String,
        generation: UInt64,
        digest: String,
        finished: Date,
        duration: Double,
        changes: [String] = [],
        restartRequired: [String] = [],
        problems: [Problem] = []
    ) {
        self.outcome = outcome
        self.trigger = trigger
        self.generation = generation
        self.digest = digest
        self.finished = finished
        self.duration = duration
        self.changes = changes
        self.restartRequired = restartRequired
        self.problems = problems
    }
}

extension ReloadReport {
    /// "1 change", "7 changes".
    package var changeCount: String { changes.count == 1 ? "1 change" : "\(changes.count) changes" }
}
