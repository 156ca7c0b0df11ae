// SPDX-License-Identifier: Apache-2.0

/// Where configuration files come from: a directory tree of one moment, or a test's memory.
package protocol SourceReader: Sendable {
    /// The octets of a file.
    func read(_ path: String) throws(SourceError) -> [UInt8]
    /// Paths that match a pattern, sorted: see `matches`.
    func glob(_ pattern: String) throws(SourceError) -> [String]
    /// Names in a directory, sorted.
    func list(_ directory: String) throws(SourceError) -> [String]
    /// Whether a file is, with links followed, not below the directory of another one.
    func isOutside(_ path: String, of main: String) -> Bool
}

/// A file or directory that cannot be read.
package struct SourceError: Error, Equatable, Sendable {
    package enum Kind: Sendable {
        /// There is no such file or directory.
        case missing
        /// The system lacks something for the moment: the same may work a second later.
        case passing
        case other
    }

    package var path: String
    package var message: String
    package var kind: Kind

    package init(path: String, message: String, _ kind: Kind = .other) {
        self.path = path
        self.message = message
        self.kind = kind
    }

    package var isPassing: Bool { kind == .passing }
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
            throw SourceError(path: path, message: "no such file", .missing)
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
            throw SourceError(path: directory, message: "no such directory", .missing)
        }
        return names.map(String.init).sorted()
    }

    package func isOutside(_ path: String, of main: String) -> Bool {
        !path.hasPrefix(main.lastIndex(of: "/").map { String(main[...$0]) } ?? "")
    }
}

/// Whether `path` fits `pattern`, in which `*`, `?` and `[a-z]` stand for characters other than `/`.
package func matches(_ path: String, pattern: String) -> Bool {
    let path = Array(path)
    // Positions in the path that some reading of the pattern so far ends at.
    var ends: Set<Int> = [0]
    for piece in pieces(of: Array(pattern)) {
        var next: Set<Int> = []
        for end in ends {
            guard piece == .any else {
                if end < path.count, piece.accepts(path[end]) { next.insert(end + 1) }
                continue
            }
            var reach = end
            next.insert(reach)
            while reach < path.count, path[reach] != "/" {
                reach += 1
                next.insert(reach)
            }
        }
        ends = next
    }
    return ends.contains(path.count)
}

/// What one place of a pattern takes.
private enum Piece: Equatable {
    /// Any number of characters.
    case any
    case one
    case character(Character)
    case among([ClosedRange<Character>], isInverted: Bool)

    func accepts(_ character: Character) -> Bool {
        switch self {
        case .any, .one: character != "/"
        case .character(let own): character == own
        case .among(let ranges, let isInverted):
            character != "/" && ranges.contains { $0.contains(character) } != isInverted
        }
    }
}

private func pieces(of pattern: [Character]) -> [Piece] {
    var pieces: [Piece] = []
    var rest = pattern[...]
    while let character = rest.popFirst() {
        switch character {
        case "*": pieces.append(.any)
        case "?": pieces.append(.one)
        case "[":
            if let set = set(&rest) { pieces.append(set) } else { pieces.append(.character("[")) }
        default: pieces.append(.character(character))
        }
    }
    return pieces
}

/// The rest of a `[...]`; nil, and nothing is taken, where it has no end.
private func set(_ rest: inout ArraySlice<Character>) -> Piece? {
    var inside = rest
    let isInverted = inside.first == "!" || inside.first == "^"
    if isInverted { inside.removeFirst() }
    // A bracket that comes first stands for itself (glob(7)).
    guard let end = inside.dropFirst().firstIndex(of: "]") else { return nil }
    var ranges: [ClosedRange<Character>] = []
    var members = inside[..<end]
    while let first = members.popFirst() {
        if members.first == "-", let last = members.dropFirst().first, first <= last {
            members.removeFirst(2)
            ranges.append(first...last)
        } else {
            ranges.append(first...first)
        }
    }
    rest = rest[(end + 1)...]
    return .among(ranges, isInverted: isInverted)
}
