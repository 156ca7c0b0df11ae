// SPDX-License-Identifier: Apache-2.0
import Cryptography
package import Model
import Synchronization

/// Service files as they were read last, so that those that did not change are neither parsed nor
/// checked again.
///
/// A file is the same when its path and its octets are, and those of the key files that it names.
/// Whoever reads files again and again keeps one; what is in it never changes what is read.
package final class ServiceFileCache: Sendable {
    private let entries = Mutex<[String: Entry]>([:])
    /// What was said of services in files that did not change.
    package let checks = CheckCache()
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

        init(_ file: ServiceFile, digest: String, isQuoted: Bool) {
            self.file = file
            self.digest = digest
            self.isQuoted = isQuoted
        }
    }

    /// The file at `path`, whose octets are `bytes`.
    func file(_ path: String, _ bytes: [UInt8], keys: any SourceReader) -> Entry {
        let digest = SHA256.hexadecimal(bytes)
        let isQuoted = !keys.isOutside(path, of: path)
        let known = entries.withLock { $0[path] }
        if let known, known.digest == digest,
            known.isQuoted == isQuoted, !known.file.lacksKeys,
            known.file.sources.allSatisfy({ (try? keys.read($0)) == $1 })
        {
            return known
        }
        var file = ServiceFile(bytes, path: path, keys: keys, isQuoted: isQuoted)
        if let known { file.objects.share(with: known.file.objects) }
        let entry = Entry(file, digest: digest, isQuoted: isQuoted)
        parsed.withLock { $0 += 1 }
        entries.withLock { $0[path] = entry }
        return entry
    }

    /// Whether no file was read last.
    var isEmpty: Bool { entries.withLock { $0.isEmpty } }

    /// Forgets files that are not among `paths`.
    func keep(only paths: Set<String>) {
        entries.withLock { entries in
            if entries.count != paths.count { entries = entries.filter { paths.contains($0.key) } }
        }
    }
}
