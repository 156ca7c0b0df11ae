// SPDX-License-Identifier: Apache-2.0

/// `~SEQ(NAME, START, STEP, END) TEXT`, `~SEQx` and `~LST(NAME, A, B, ...) TEXT`: the text once for
/// each value.
enum KeepalivedSequence {
    /// Lines that one sequence may make.
    private static let most = 65_536

    /// The text once for each value; a line that is no sequence, or one that says nothing, as it is.
    static func lines(of line: String) -> [String] {
        guard let open = line.firstIndex(of: "("), let close = line[open...].firstIndex(of: ")")
        else { return [] }
        let kind = line[..<open]
        let text = line[line.index(after: close)...].drop(while: \.isWhitespace)
        let words = line[line.index(after: open)..<close].split(separator: ",")
            .map { $0.trimmingCharacters(in: " \t") }
        guard let name = words.first, !text.isEmpty else { return [] }
        let values =
            kind == "~LST"
            ? Array(words.dropFirst()) : numbers(words, isHexadecimal: kind == "~SEQx")
        return values.map { value in
            String(text).replacing("${\(name)}", with: value).replacing("$\(name)", with: value)
        }
    }

    /// END; START, END; or START, STEP, END.
    private static func numbers(_ words: [String], isHexadecimal: Bool) -> [String] {
        let radix = isHexadecimal ? 16 : 10
        let bounds = words.dropFirst().compactMap { Int($0, radix: radix) }
        guard bounds.count == words.count - 1, let end = bounds.last else { return [] }
        let start = bounds.count > 1 ? bounds[0] : 1
        let step = bounds.count > 2 ? bounds[1] : start <= end ? 1 : -1
        guard step != 0 else { return [] }
        return stride(from: start, through: end, by: step).prefix(most)
            .map { String($0, radix: radix) }
    }
}
