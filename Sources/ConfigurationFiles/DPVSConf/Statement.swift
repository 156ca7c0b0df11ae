// SPDX-License-Identifier: Apache-2.0

/// A keyword with its values and, when it is a block, the statements inside.
struct Statement {
    var keyword: String
    var location: SourceLocation
    var values: [(text: String, location: SourceLocation)] = []
    /// nil when there are no braces.
    var children: [Statement]?
}

/// Puts tokens together to statements; meaning comes later.
struct StatementParser {
    /// Deeper nesting than any item of the catalogue has.
    private static let deepest = 16

    private let tokens: [Token]
    private var position = 0
    private(set) var diagnostics: [Diagnostic] = []

    init(_ tokens: [Token]) {
        self.tokens = tokens
    }

    mutating func statements() -> [Statement] {
        var all: [Statement] = []
        while position < tokens.count {
            all += block(depth: 0)
            guard position < tokens.count else { break }
            diagnostics.append(
                Diagnostic(.error, at: tokens[position].location, path: "", "'}' closes nothing")
            )
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
                // The brace of a block may stand on the next line.
                if let done = current, !opensNext() {
                    statements.append(done)
                    current = nil
                }
            case .open:
                position += 1
                var opened = current ?? Statement(keyword: "", location: token.location)
                if current == nil {
                    diagnostics.append(
                        Diagnostic(.error, at: token.location, path: "", "'{' opens no block")
                    )
                }
                opened.children = inside(opened, token, depth)
                if !opened.keyword.isEmpty { statements.append(opened) }
                current = nil
            case .close:
                if let done = current { statements.append(done) }
                return statements
            }
        }
        if let done = current { statements.append(done) }
        return statements
    }

    private mutating func inside(_ block: Statement, _ open: Token, _ depth: Int) -> [Statement] {
        guard depth < Self.deepest else {
            diagnostics.append(
                Diagnostic(.error, at: open.location, path: "", "blocks are nested too deep")
            )
            position = tokens.count
            return []
        }
        let children = self.block(depth: depth + 1)
        if position < tokens.count {
            position += 1
        } else {
            diagnostics.append(
                Diagnostic(
                    .error,
                    at: open.location,
                    path: "",
                    "the block '\(block.keyword)' is not closed",
                    accepted: "a '}' on a line of its own"
                )
            )
        }
        return children
    }

    private func opensNext() -> Bool {
        let next = tokens[position...].first { $0.kind != .endOfLine }
        return next?.kind == .open
    }
}
