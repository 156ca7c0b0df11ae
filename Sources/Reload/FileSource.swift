// SPDX-License-Identifier: Apache-2.0
package import ConfigurationFiles
import Linux
package import Model
import Synchronization

/// The files of one configuration on disk.
package struct FileSource: ConfigurationSource {
    package var loader: ConfigurationLoader
    /// Copies share it, so whoever reads the files first does so for the others.
    private let cache = ServiceFileCache()
    private let last = Last()

    /// The files that were read last, and the last state that was checked.
    private final class Last: Sendable {
        struct Content {
            var objects = PlacedObjects()
            /// What was said of them.
            var problems: Set<Problem> = []
            /// Of a state without errors.
            var checker: StateChecker?
        }

        private let content = Mutex(Content())

        func keep(_ objects: PlacedObjects, _ problems: [Problem]) {
            content.withLock { $0 = Content(objects: objects, problems: Set(problems)) }
        }

        func keep(_ checker: StateChecker) {
            content.withLock { $0.checker = checker }
        }

        var value: Content { content.withLock { $0 } }
    }

    package init(_ loader: ConfigurationLoader) {
        self.loader = loader
    }

    /// How often files that change while they are read are read again.
    private static let attempts = 5

    package func load() -> LoadResult {
        var attempt = 1
        while true {
            let files = FileTree()
            let loaded = loader.load(files, cache)
            if files.isUnchanged || attempt == Self.attempts {
                let problems = loaded.diagnostics.map(Problem.init)
                if !problems.hasErrors { last.keep(loaded.objects, problems) }
                return LoadResult(
                    state: loaded.state,
                    problems: problems,
                    digest: loaded.digest,
                    files: loaded.files,
                    directories: directories(of: loaded, files),
                    isPassing: loaded.isPassing
                )
            }
            attempt += 1
        }
    }

    /// Warnings that the files had already, and those about earlier edits, are not said again.
    package func check(_ state: DesiredState, edits: PlacedObjects) -> [Problem] {
        let last = last.value
        return diagnostics(of: state, edits, last)
            .compactMap { diagnostic in
                let problem = Problem(diagnostic)
                if diagnostic.severity == .error { return problem }
                let isKnown = diagnostic.location == .runtime || last.problems.contains(problem)
                return isKnown ? nil : problem
            }
    }

    private func diagnostics(
        of state: DesiredState,
        _ edits: PlacedObjects,
        _ last: Last.Content
    ) -> [Diagnostic] {
        if let known = last.checker?.diagnostics(of: state, edits: edits) { return known }
        let objects = PlacedObjects(state, edits: edits, files: last.objects)
        var checker = StateChecker(objects, settings: state.settings, cache.checks)
        checker.check()
        if !checker.hasErrors { self.last.keep(checker) }
        return checker.diagnostics
    }

    private func directories(of loaded: LoadedConfiguration, _ files: FileTree) -> [String] {
        let folders = ([loader.conf] + loaded.files.keys)
            .map { path in
                path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            }
        let named = loader.servicesDirectory.map { [$0] } ?? []
        return Set(folders + named + files.volumes).sorted()
    }
}
