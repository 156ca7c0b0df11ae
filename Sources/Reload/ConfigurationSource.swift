// SPDX-License-Identifier: Apache-2.0
package import Model

/// Where desired states come from: files, or a test.
package protocol ConfigurationSource: Sendable {
    /// Reads everything once; never throws: what is wrong is among the problems.
    func load() -> LoadResult

    /// What is to be said about `state`, which is what files say with edits over it; `edits` has the
    /// places of those that are new.
    func check(_ state: DesiredState, edits: PlacedObjects) -> [Problem]
}

/// What the files of one moment say.
package struct LoadResult: Equatable, Sendable {
    /// Means something only when no problem is an error.
    package var state: DesiredState
    package var problems: [Problem]
    /// Of names and contents of all files, in hexadecimal digits.
    package var digest: String
    /// Digests by path.
    package var files: [String: String]
    /// Directories in which a change may change the result.
    package var directories: [String]
    /// Whether an error is about the system, for the moment, and not about the files.
    package var isPassing: Bool

    package init(
        state: DesiredState,
        problems: [Problem] = [],
        digest: String,
        files: [String: String] = [:],
        directories: [String] = [],
        isPassing: Bool = false
    ) {
        self.state = state
        self.problems = problems
        self.digest = digest
        self.files = files
        self.directories = directories
        self.isPassing = isPassing
    }

    package var hasErrors: Bool { problems.hasErrors }
}

/// Carries a desired state out.
package protocol ChangeExecutor: Sendable {
    /// Returns when every worker uses `target`; `changes` say in sentences what is new in it.
    ///
    /// Throws when `target` cannot be carried out; then what ran before still runs. What is said of a
    /// target that runs, for example that a worker has stalled and will use it later, is returned.
    func apply(
        _ target: DesiredState,
        changes: [String],
        generation: UInt64
    ) async throws -> [Problem]
}
