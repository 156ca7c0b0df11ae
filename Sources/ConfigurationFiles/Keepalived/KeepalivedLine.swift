// SPDX-License-Identifier: Apache-2.0
import Model

/// A line of a keepalived file without its comment, and where it stands.
struct KeepalivedLine: Equatable {
    var text: String
    var location: TextLocation
    /// Whether the text is what stands in the file, so that columns in it mean something.
    var isVerbatim = true

    /// The lines of a file: without comments, which `#` and `!` begin anywhere outside quotes, and
    /// without empty ones.
    static func lines(of bytes: [UInt8], file: String) -> [KeepalivedLine] {
        var lines: [KeepalivedLine] = []
        let text = String(decoding: bytes, as: UTF8.self)
        for (index, line)
            in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            let code = withoutComment(line)
            let begin = code.prefix { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }.count
            let trimmed = code.dropFirst(begin).trimmingSuffix()
            guard !trimmed.isEmpty else { continue }
            let location = TextLocation(file: file, line: index + 1, column: begin + 1)
            lines.append(KeepalivedLine(text: String(trimmed), location: location))
        }
        return lines
    }

    private static func withoutComment(_ line: Substring) -> Substring {
        var quote: Character?
        for index in line.indices {
            let character = line[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "#" || character == "!" {
                return line[..<index]
            }
        }
        return line
    }

    /// The same line with another text, in which columns mean nothing.
    func saying(_ text: String) -> KeepalivedLine {
        KeepalivedLine(text: text, location: location, isVerbatim: false)
    }

    /// The words of the line; braces are words of their own.
    var tokens: [Token] {
        var tokens: [Token] = []
        var word: String?
        var begin = 0
        var quote: Character?
        func location(_ column: Int) -> TextLocation {
            guard isVerbatim else { return self.location }
            var place = self.location
            place.column += column
            return place
        }
        func flush() {
            if let text = word {
                tokens.append(Token(kind: .word(text), location: location(begin)))
            }
            word = nil
        }
        func add(_ character: Character, at column: Int) {
            if word == nil {
                word = ""
                begin = column
            }
            word?.append(character)
        }
        for (column, character) in text.enumerated() {
            if let open = quote {
                if character == open { quote = nil } else { add(character, at: column) }
                continue
            }
            switch character {
            case "\"", "'":
                quote = character
                // Nothing in quotes is a word, too.
                if word == nil {
                    word = ""
                    begin = column
                }
            case " ", "\t": flush()
            // A variable that nobody has defined stays as it is.
            case "{" where word?.hasSuffix("$") == true: add(character, at: column)
            case "}" where word?.contains("${") == true: add(character, at: column)
            case "{", "}":
                flush()
                let kind: Token.Kind = character == "{" ? .open : .close
                tokens.append(Token(kind: kind, location: location(column)))
            default: add(character, at: column)
            }
        }
        flush()
        return tokens
    }
}

extension Substring {
    fileprivate func trimmingSuffix() -> Substring {
        guard let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return self[...last]
    }
}
