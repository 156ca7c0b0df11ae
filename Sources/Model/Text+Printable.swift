// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text with control characters written as `\n`, `\t` or `\u{1B}`, as Swift writes them.
    ///
    /// Names come from files and from other machines: raw, they could move the cursor of a terminal,
    /// forge a line of a log, or turn the direction of what follows.
    package var printable: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where scalar.isControl:
                text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    /// The same, at most 120 characters of it: in a message a value serves to be found again.
    package var quotable: String {
        let text = printable
        let start = text.prefix(120)
        return start.endIndex == text.endIndex ? text : "\(start)…"
    }

    /// Whether something in it is no character to be seen.
    package var hasControlCharacters: Bool { unicodeScalars.contains(where: \.isControl) }
}

extension Unicode.Scalar {
    /// Control characters, line separators, and marks that turn the direction of text.
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: isDirectionMark
        default: false
        }
    }

    /// U+200E, U+200F, U+202A...U+202E, U+2066...U+2069 (Unicode Standard Annex 9).
    private var isDirectionMark: Bool {
        [0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069].contains { $0.contains(value) }
    }
}
