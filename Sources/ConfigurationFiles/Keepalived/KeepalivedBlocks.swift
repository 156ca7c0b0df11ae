// SPDX-License-Identifier: Apache-2.0
import Model

/// Puts the lines of keepalived's files together to statements; meaning comes later.
///
/// A statement is a line: a keyword and values. A block has braces, of which the opening one may
/// stand on the next line.
struct KeepalivedBlocks {
    private static let deepest = 16

    private let tokens: [Token]
    private var position = 0
    private(set) var diagnostics: [Diagnostic] = []

    init(_ lines: [KeepalivedLine]) {
        tokens = lines.flatMap { $0.tokens + [Token(kind: .endOfLine, location: $0.location)] }
    }

    mutating func statements() -> [Statement] {
        var all: [Statement] = []
        while position < tokens.count {
            all += block(depth: 0)
            guard position < tokens.count else { break }
            let place = tokens[position].location
            diagnostics.append(Diagnostic(.warning, at: place, path: "", "'}' closes nothing"))
            position += 1
        }
        return all
    }

    /// Statements up to a closing brace, which is left, or the end.
    private mutating func block(depth: Int) -> [Statement] {
        var statements: [Statement] = []
        var current: Statement?
        while position < tokens.count {
            let token = tokens[position]
            switch token.kind {
            case .word(let text):
                if current == nil {
                    current = Statement(keyword: text, location: token.location)
                } else {
                    current?.values.append((text, token.location))
                }
                position += 1
            case .endOfLine:
                position += 1
                if let done = current, !opensNext() {
                    statements.append(done)
                    current = nil
                }
            case .open:
                position += 1
                var opened = current ?? Statement(keyword: "", location: token.location)
                opened.children = inside(token, opened.keyword, depth)
                statements.append(opened)
                current = nil
            case .close:
                if let done = current { statements.append(done) }
                return statements
            }
        }
        if let done = current { statements.append(done) }
        return statements
    }

    private mutating func inside(_ open: Token, _ keyword: String, _ depth: Int) -> [Statement] {
        guard depth < Self.deepest else {
            complain(at: open.location, "blocks are nested too deep", nil)
            position = tokens.count
            return []
        }
        let children = block(depth: depth + 1)
        if position < tokens.count {
            position += 1
        } else if diagnostics.allSatisfy({ $0.severity != .error }) {
            let message = "the block '\(keyword.printable)' is not closed"
            complain(at: open.location, message, "a '}' on a line of its own")
        }
        return children
    }

    private mutating func complain(at place: TextLocation, _ message: String, _ accepted: String?) {
        diagnostics.append(Diagnostic(.error, at: place, path: "", message, accepted: accepted))
    }

    private func opensNext() -> Bool { position < tokens.count && tokens[position].kind == .open }
}
