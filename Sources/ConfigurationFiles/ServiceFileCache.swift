// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Synchronization

/// Service files as they were read last, so that those that did not change are neither parsed nor
/// checked again.
///
/// A file is the same when its path and its octets are, and those of the key files that it names.
/// Whoever reads files again and again keeps one; what is in it never changes what is read.
package final class ServiceFileCache: Sendable {
    private let entries = Mutex<[String: Entry]>([:])
    private let surroundings = Mutex<StateChecker.Surroundings?>(nil)
    /// Files that were parsed, for tests.
    private let parsed = Mutex(0)

    package init() {}

    package var parsedFiles: Int { parsed.withLock { $0 } }

    /// One file that was read.
    final class Entry: Sendable {
        let file: ServiceFile
        /// SHA-256 of the file, in hexadecimal digits.
        let digest: String
        /// Whether complaints may quote the file.
        let isQuoted: Bool
        private let checked = Mutex<Checked?>(nil)

        private struct Checked {
            var surroundings: StateChecker.Surroundings
            var diagnostics: [Diagnostic]
        }

        init(_ file: ServiceFile, digest: String, isQuoted: Bool) {
            self.file = file
            self.digest = digest
            self.isQuoted = isQuoted
        }

        /// What was said of the file's services in these surroundings; nil: that was not asked.
        func diagnostics(in surroundings: StateChecker.Surroundings) -> [Diagnostic]? {
            checked.withLock { known in
                guard let known, known.surroundings === surroundings else { return nil }
                return known.diagnostics
            }
        }

        func keep(_ diagnostics: [Diagnostic], in surroundings: StateChecker.Surroundings) {
            checked.withLock { $0 = Checked(surroundings: surroundings, diagnostics: diagnostics) }
        }
    }

    /// The file at `path`, whose octets are `bytes`.
    func file(_ path: String, _ bytes: [UInt8], keys: any SourceReader) -> Entry {
        let digest = SHA256.hexadecimal(bytes)
        let isQuoted = !keys.isOutside(path, of: path)
        if let known = entries.withLock({ $0[path] }), known.digest == digest,
            known.isQuoted == isQuoted, !known.file.lacksKeys,
            known.file.sources.allSatisfy({ (try? keys.read($0)) == $1 })
        {
            return known
        }
        let file = ServiceFile(bytes, path: path, keys: keys, isQuoted: isQuoted)
        let entry = Entry(file, digest: digest, isQuoted: isQuoted)
        parsed.withLock { $0 += 1 }
        entries.withLock { $0[path] = entry }
        return entry
    }

    /// The same object as last time where the surroundings are the same, so that files compare them
    /// at no cost.
    func remembered(_ current: StateChecker.Surroundings) -> StateChecker.Surroundings {
        surroundings.withLock { known in
            if let known, known == current { return known }
            known = current
            return current
        }
    }

    /// Forgets files that are not among `paths`.
    func keep(only paths: Set<String>) {
        entries.withLock { entries in
            if entries.count != paths.count { entries = entries.filter { paths.contains($0.key) } }
        }
    }
}
