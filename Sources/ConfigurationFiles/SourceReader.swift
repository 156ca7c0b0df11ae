// SPDX-License-Identifier: Apache-2.0

/// Where configuration files come from: a directory tree of one moment, or a test's memory.
package protocol SourceReader: Sendable {
    /// The octets of a file.
    func read(_ path: String) throws(SourceError) -> [UInt8]
    /// Paths that match a pattern with `*` and `?`, sorted.
    func glob(_ pattern: String) -> [String]
    /// Names in a directory, sorted.
    func list(_ directory: String) throws(SourceError) -> [String]
}

/// A file or directory that cannot be read.
package struct SourceError: Error, Equatable, Sendable {
    package var path: String
    package var message: String

    package init(path: String, message: String) {
        self.path = path
        self.message = message
    }
}

/// Files that exist in memory only.
package struct MemorySource: SourceReader {
    package var files: [String: [UInt8]]

    package init(_ files: [String: String]) {
        self.files = files.mapValues { Array($0.utf8) }
    }

    package init(bytes files: [String: [UInt8]]) {
        self.files = files
    }

    package func read(_ path: String) throws(SourceError) -> [UInt8] {
        guard let bytes = files[path] else {
            throw SourceError(path: path, message: "no such file")
        }
        return bytes
    }

    package func glob(_ pattern: String) -> [String] {
        files.keys.filter { matches($0, pattern: pattern) }.sorted()
    }

    package func list(_ directory: String) throws(SourceError) -> [String] {
        let prefix = directory.hasSuffix("/") ? directory : directory + "/"
        let names = files.keys.filter { $0.hasPrefix(prefix) }
            .map { $0.dropFirst(prefix.count) }
            .filter { !$0.contains("/") }
        guard !names.isEmpty else {
            throw SourceError(path: directory, message: "no such directory")
        }
        return names.map(String.init).sorted()
    }
}

/// Whether `path` fits `pattern`, in which `*` and `?` stand for characters other than `/`.
package func matches(_ path: String, pattern: String) -> Bool {
    let path = Array(path)
    let pattern = Array(pattern)
    // Positions in the path that some reading of the pattern so far ends at.
    var ends: Set<Int> = [0]
    for character in pattern {
        var next: Set<Int> = []
        for end in ends {
            switch character {
            case "*":
                var reach = end
                next.insert(reach)
                while reach < path.count, path[reach] != "/" {
                    reach += 1
                    next.insert(reach)
                }
            case "?":
                if end < path.count, path[end] != "/" { next.insert(end + 1) }
            default:
                if end < path.count, path[end] == character { next.insert(end + 1) }
            }
        }
        ends = next
    }
    return ends.contains(path.count)
}
