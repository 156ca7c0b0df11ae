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

    /// The objects of the files that were read last, and what was said of them.
    private final class Last: Sendable {
        private let content = Mutex((objects: PlacedObjects(), problems: Set<Problem>()))

        func keep(_ objects: PlacedObjects, _ problems: [Problem]) {
            content.withLock { $0 = (objects, Set(problems)) }
        }

        var objects: PlacedObjects { content.withLock { $0.objects } }
        var problems: Set<Problem> { content.withLock { $0.problems } }
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
        let objects = PlacedObjects(state, edits: edits, files: last.objects)
        var checker = StateChecker(objects, settings: state.settings, cache.checks)
        checker.check()
        let known = last.problems
        return checker.diagnostics.compactMap { diagnostic in
            let problem = Problem(diagnostic)
            if diagnostic.severity == .error { return problem }
            return diagnostic.location == .runtime || known.contains(problem) ? nil : problem
        }
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
