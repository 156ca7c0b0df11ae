// SPDX-License-Identifier: Apache-2.0
package import ConfigurationFiles
import Linux
package import Model

/// The files of one configuration on disk.
package struct FileSource: ConfigurationSource {
    package var loader: ConfigurationLoader
    /// Copies share it, so whoever reads the files first does so for the others.
    private let cache = ServiceFileCache()

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
                return LoadResult(
                    state: loaded.state,
                    problems: loaded.diagnostics.map(Problem.init),
                    digest: loaded.digest,
                    files: loaded.files,
                    directories: directories(of: loaded, files),
                    isPassing: loaded.isPassing
                )
            }
            attempt += 1
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

extension Problem {
    package init(_ diagnostic: Diagnostic) {
        let severity: Severity =
            switch diagnostic.severity {
            case .error: .error
            case .warning: .warning
            case .notInEffect: .notInEffect
            }
        self.init(severity, at: diagnostic.location.description, diagnostic.text)
    }
}
