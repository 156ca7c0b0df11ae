// SPDX-License-Identifier: Apache-2.0
import Model

/// A keyword with its values and, when it is a block, the statements inside.
struct Statement {
    var keyword: String
    var location: TextLocation
    var values: [(text: String, location: TextLocation)] = []
    /// nil when there are no braces.
    var children: [Statement]?
}

/// Puts tokens together to statements; meaning comes later.
///
/// A block whose brace is missing would take in all that follows, and each line would be a mistake.
/// So where braces are missing at all, the block that lacks one is looked for: by a closing brace
/// that stands under an outer block's keyword, and by a keyword that only an outer block has.
struct StatementParser {
    /// Deeper nesting than any item of the catalogue has.
    private static let deepest = 16
    /// Statements of one file: a hundred times those of the largest machine.
    private static let most = 50_000

    /// A block that is open.
    private struct Frame {
        var keyword: String
        var path: String
        var location: TextLocation
        var indent: Int
    }

    private let tokens: [Token]
    private var position = 0
    private var count = 0
    private var frames: [Frame] = []
    /// Closing braces that are too few.
    private var missing: Int
    /// Open blocks that end here without a brace.
    private var unwinding = 0
    private(set) var diagnostics: [Diagnostic] = []
    /// Whether it is not known which block lacks its brace: then the statements mean nothing.
    private(set) var isLost = false

    init(_ tokens: [Token]) {
        self.tokens = tokens
        missing = tokens.count { $0.kind == .open } - tokens.count { $0.kind == .close }
    }

    mutating func statements() -> [Statement] {
        var all: [Statement] = []
        while position < tokens.count {
            all += block()
            guard position < tokens.count else { break }
            complain(at: tokens[position].location, "'}' closes nothing")
            position += 1
        }
        return all
    }

    /// Statements up to a closing brace, which is left, or the end.
    private mutating func block() -> [Statement] {
        var statements: [Statement] = []
        var current: Statement?
        while position < tokens.count {
            let token = tokens[position]
            switch token.kind {
            case .word(let text):
                if current == nil {
                    if noteUnclosed(before: text) { return statements }
                    guard isWithinLimit(token) else { return statements }
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
                if current == nil { complain(at: token.location, "'{' opens no block") }
                opened.children = inside(opened, token)
                if !opened.keyword.isEmpty { statements.append(opened) }
                current = nil
                if unwinding > 0 { return statements }
            case .close:
                if let done = current { statements.append(done) }
                noteUnclosed(at: token)
                return statements
            }
        }
        if let done = current { statements.append(done) }
        return statements
    }

    private mutating func inside(_ block: Statement, _ open: Token) -> [Statement] {
        guard frames.count < Self.deepest else {
            complain(at: open.location, "blocks are nested too deep")
            position = tokens.count
            isLost = true
            return []
        }
        let above = frames.last?.path ?? ""
        let indent = tokens[..<position].last { $0.location == block.location }?.indent
        frames.append(
            Frame(
                keyword: block.keyword,
                path: above.isEmpty ? block.keyword : "\(above).\(block.keyword)",
                location: open.location,
                indent: indent ?? open.indent
            )
        )
        let children = self.block()
        let frame = frames.removeLast()
        if unwinding > 0 {
            unwinding -= 1
        } else if position < tokens.count {
            position += 1
        } else if !isLost {
            // One that is said is enough: those around it are open because of it.
            isLost = true
            complain(unclosed: frame)
        }
        return children
    }

    private func opensNext() -> Bool {
        let next = tokens[position...].first { $0.kind != .endOfLine }
        return next?.kind == .open
    }

    private mutating func isWithinLimit(_ token: Token) -> Bool {
        count += 1
        guard count > Self.most else { return true }
        complain(at: token.location, "the file has more than \(Self.most) statements")
        position = tokens.count
        isLost = true
        return false
    }

    // MARK: - Missing braces

    /// Whether `keyword` begins a statement of an outer block, so that this one must have ended.
    private mutating func noteUnclosed(before keyword: String) -> Bool {
        guard missing > 0, let path = frames.last?.path, !Self.isKnown(keyword, in: path) else {
            return false
        }
        let outer = frames.indices.last { index in
            Self.isKnown(keyword, in: index == 0 ? "" : frames[index - 1].path)
        }
        guard let outer, frames.count - outer <= missing else { return false }
        unwind(frames.count - outer)
        return true
    }

    /// Notices that a closing brace stands under the keyword of an outer block.
    private mutating func noteUnclosed(at brace: Token) {
        guard missing > 0, brace.location.column == brace.indent, let frame = frames.last,
            brace.indent < frame.indent,
            let outer = frames.lastIndex(where: { $0.indent == brace.indent }),
            frames.count - 1 - outer <= missing
        else { return }
        unwind(frames.count - 1 - outer)
    }

    private mutating func unwind(_ blocks: Int) {
        missing -= blocks
        unwinding = blocks
        for frame in frames.suffix(blocks).reversed() { complain(unclosed: frame) }
    }

    private static func isKnown(_ keyword: String, in path: String) -> Bool {
        let full = path.isEmpty ? keyword : "\(path).\(keyword)"
        return ItemCatalogue.blocks.contains(full) || ItemCatalogue.item(full) != nil
    }

    private mutating func complain(unclosed frame: Frame) {
        diagnostics.append(
            Diagnostic(
                .error,
                at: frame.location,
                path: "",
                "the block '\(frame.keyword.printable)' is not closed",
                accepted: "a '}' on a line of its own"
            )
        )
    }

    private mutating func complain(at location: TextLocation, _ message: String) {
        diagnostics.append(Diagnostic(.error, at: location, path: "", message))
    }
}
