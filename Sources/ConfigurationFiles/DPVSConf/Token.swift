// SPDX-License-Identifier: Apache-2.0
import Model

/// A word of `dpvs.conf` and where it stands.
struct Token: Equatable {
    enum Kind: Equatable {
        case word(String)
        case open
        case close
        case endOfLine
    }

    var kind: Kind
    var location: TextLocation
    /// The column in which its line begins, blanks left aside.
    var indent = 1
}

/// Cuts `dpvs.conf` into tokens.
///
/// Words are separated by blanks; a word in double quotes keeps its blanks. A word that begins with
/// `!` or `#` ends the line. `<...>` is an annotation and means nothing. Braces stand alone or at
/// the end of a word's place; CR and LF both end a line.
struct Lexer {
    private let bytes: [UInt8]
    private let file: String
    private var position = 0
    private var line = 1
    private var column = 1
    private var indent: Int?
    private(set) var diagnostics: [Diagnostic] = []

    init(_ bytes: [UInt8], file: String) {
        // A byte-order mark says nothing here.
        self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        self.file = file
    }

    private var location: TextLocation {
        TextLocation(file: file, line: line, column: column)
    }

    mutating func tokens() -> [Token] {
        var tokens: [Token] = []
        while let byte = peek() {
            if indent == nil, byte > UInt8(ascii: " ") { indent = column }
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                tokens.append(Token(kind: .endOfLine, location: location))
                advanceLine(byte)
            case UInt8(ascii: " "), UInt8(ascii: "\t"), 0x0B, 0x0C: advance()
            case UInt8(ascii: "!"), UInt8(ascii: "#"): skipLine()
            case UInt8(ascii: "<"): skipAnnotation()
            case UInt8(ascii: "{"): tokens.append(brace(.open))
            case UInt8(ascii: "}"): tokens.append(brace(.close))
            case UInt8(ascii: "\""): tokens.append(quoted())
            default: tokens.append(word())
            }
        }
        tokens.append(Token(kind: .endOfLine, location: location))
        return tokens
    }

    // MARK: - Pieces

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func advance() {
        // Columns count characters: continuation octets of UTF-8 add none.
        if bytes[position] & 0xC0 != 0x80 { column += 1 }
        position += 1
    }

    private mutating func advanceLine(_ byte: UInt8) {
        position += 1
        if byte == UInt8(ascii: "\r"), peek() == UInt8(ascii: "\n") { position += 1 }
        line += 1
        column = 1
        indent = nil
    }

    private static func endsLine(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private mutating func skipLine() {
        while let byte = peek(), !Self.endsLine(byte) { advance() }
    }

    private mutating func skipAnnotation() {
        let start = location
        while let byte = peek(), !Self.endsLine(byte) {
            advance()
            if byte == UInt8(ascii: ">") { return }
        }
        diagnostics.append(
            Diagnostic(
                .error,
                at: start,
                path: "",
                "the annotation '<' is not closed on its line",
                accepted: "<...>"
            )
        )
    }

    private mutating func brace(_ kind: Token.Kind) -> Token {
        defer { advance() }
        return token(kind, at: location)
    }

    private mutating func quoted() -> Token {
        let start = location
        advance()
        var text: [UInt8] = []
        while let byte = peek(), !Self.endsLine(byte) {
            advance()
            if byte == UInt8(ascii: "\"") {
                return token(.word(String(decoding: text, as: UTF8.self)), at: start)
            }
            text.append(byte)
        }
        diagnostics.append(
            Diagnostic(.error, at: start, path: "", "the quote is not closed on its line")
        )
        return token(.word(String(decoding: text, as: UTF8.self)), at: start)
    }

    private mutating func word() -> Token {
        let start = location
        let first = position
        while let byte = peek(), byte > UInt8(ascii: " "), byte != UInt8(ascii: "\""),
            byte != UInt8(ascii: "{"), byte != UInt8(ascii: "}")
        {
            advance()
        }
        // A control octet that is no blank is a word of its own, so that the loop moves on.
        if position == first { advance() }
        let text = String(decoding: bytes[first..<position], as: UTF8.self)
        return token(.word(text), at: start)
    }

    private func token(_ kind: Token.Kind, at place: TextLocation) -> Token {
        Token(kind: kind, location: place, indent: indent ?? 1)
    }
}
