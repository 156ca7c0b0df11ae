// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// Which configuration runs, where it came from and what is to be said about it.
package struct ConfigStatus: Equatable, Codable, Sendable {
    package var generation: UInt64
    /// Of the files behind it, in hexadecimal digits.
    package var digest: String
    /// Of the files that were read last; another than `digest` when they were not applied.
    package var readDigest: String
    /// When every worker used it.
    package var applied: Date
    /// The files that were read, in order.
    package var files: [String]
    /// Changed items that wait for a restart, by name.
    package var restartRequired: [String]
    /// Objects that differ between the files and what runs.
    package var drift: Int
    /// Objects that edits made, changed or removed.
    package var edits: Int
    /// The last reload, which need not have been applied.
    package var lastReload: ReloadReport?
    /// Reloads that have been reported since the start: a script that asked for one waits for more.
    package var reports: Int

    package init(
        generation: UInt64,
        digest: String,
        readDigest: String? = nil,
        applied: Date,
        files: [String] = [],
        restartRequired: [String] = [],
        drift: Int = 0,
        edits: Int = 0,
        lastReload: ReloadReport? = nil,
        reports: Int = 0
    ) {
        self.generation = generation
        self.digest = digest
        self.readDigest = readDigest ?? digest
        self.applied = applied
        self.files = files
        self.restartRequired = restartRequired
        self.drift = drift
        self.edits = edits
        self.lastReload = lastReload
        self.reports = reports
    }
}

/// One generation that ran.
package struct HistoryEntry: Equatable, Codable, Sendable {
    package var generation: UInt64
    package var digest: String
    package var applied: Date
    /// What asked for it.
    package var trigger: String
    /// Changes against the generation before.
    package var changes: Int
    /// Whether it runs now.
    package var isCurrent: Bool

    package init(
        generation: UInt64,
        digest: String,
        applied: Date,
        trigger: String,
        changes: Int,
        isCurrent: Bool
    ) {
        self.generation = generation
        self.digest = digest
        self.applied = applied
        self.trigger = trigger
        self.changes = changes
        self.isCurrent = isCurrent
    }
}

/// One object that runs otherwise than the files say.
package struct DriftEntry: Equatable, Codable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// In the files only.
        case missing
        /// Running only.
        case extra
        /// In both, not the same.
        case different
    }

    /// `service tcp 10.0.0.100:80`.
    package var object: String
    package var kind: Kind
    package var owner: Owner
    /// What differs.
    package var detail: String

    package init(object: String, kind: Kind, owner: Owner, detail: String) {
        self.object = object
        self.kind = kind
        self.owner = owner
        self.detail = detail
    }
}
