// SPDX-License-Identifier: Apache-2.0

/// What `POST /v1/config/edits` asks for.
package struct EditRequest: Equatable, Sendable {
    /// The octets of a batch of edits: YAML, which JSON is, too.
    package var batch: [UInt8]
    /// What complaints call it: `request`, or the file that a command has read.
    package var name: String
    /// The generation that must run; nil: any.
    package var generation: UInt64?
    /// Whether to say only what would change.
    package var isDryRun: Bool

    package static let defaultName = "request"
    /// Octets of a batch: several times what ten thousand services need.
    package static let largestBatch = 64 << 20

    package init(
        batch: [UInt8],
        name: String = defaultName,
        generation: UInt64? = nil,
        isDryRun: Bool = false
    ) {
        self.batch = batch
        self.name = name
        self.generation = generation
        self.isDryRun = isDryRun
    }
}
