// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// Something that happened to what runs: a line of `GET /v1/watch` and of `dpvs watch`.
package struct RunningEvent: Equatable, Codable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// What runs when somebody begins to watch: the latest report.
        case running
        /// Every worker uses a new state; its report says which and what is new in it.
        case applied
        /// Somebody asked for a state that is not applied, or for the one that runs.
        case rejected, failed, unchanged
        /// A backend of a service was taken out because it does not answer, or is back.
        case backend
        /// The link of a port went up or down.
        case link
        /// A worker stands still, or goes on.
        case worker
    }

    /// One more than the event before, whoever watches; a gap is what this watcher has missed.
    package var number: UInt64
    package var time: Date
    package var kind: Kind
    /// What happened, in one sentence.
    package var text: String
    /// Of a reload, an edit, a rollback or what the kernel has taken over; nil otherwise.
    package var report: ReloadReport?
    /// How many of the report's changes are left out, because they are too many for a line.
    package var omittedChanges: Int

    /// The changes that a line has at most.
    package static let mostChanges = 100

    package init(
        number: UInt64,
        time: Date,
        kind: Kind,
        text: String,
        report: ReloadReport? = nil
    ) {
        self.number = number
        self.time = time
        self.kind = kind
        self.text = text
        self.report = report
        omittedChanges = max(0, (report?.changes.count ?? 0) - Self.mostChanges)
        if omittedChanges > 0 {
            self.report?.changes = Array(report?.changes.prefix(Self.mostChanges) ?? [])
        }
    }
}

extension RunningEvent.Kind {
    package init(_ outcome: ReloadReport.Outcome) {
        switch outcome {
        case .applied: self = .applied
        case .unchanged: self = .unchanged
        case .rejected: self = .rejected
        case .failed: self = .failed
        }
    }
}
