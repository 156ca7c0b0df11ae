// SPDX-License-Identifier: Apache-2.0
import Model

extension DPVSConfParser {
    /// The value of an item's statement, or nil with a complaint.
    ///
    /// Of an item that does nothing anything is taken: it does nothing either way.
    mutating func value(of statement: Statement, for item: ConfigurationItem) -> ItemValue? {
        guard !item.isInEffect else { return read(statement, item) }
        let before = (result.diagnostics.count, errors)
        let value = read(statement, item)
        result.diagnostics.removeLast(result.diagnostics.count - before.0)
        errors = before.1
        return value
    }

    private mutating func read(_ statement: Statement, _ item: ConfigurationItem) -> ItemValue? {
        let texts = statement.values
        switch item.kind {
        case .words(let allowed): return words(statement, item, allowed)
        case .integers(let range): return integers(statement, item, range)
        case .flag where texts.isEmpty: return .flag(true)
        case .anything: return nil
        default: break
        }
        guard let first = texts.first else {
            report(.error, statement.location, item.path, "has no value", nil, item.accepted)
            return nil
        }
        if let surplus = texts.dropFirst().first {
            let rest = texts.dropFirst().map(\.text).joined(separator: " ")
            guard case .integer = item.kind, surplus.text.first?.isLetter == true else {
                let message = "is more than one value"
                report(.error, surplus.location, item.path, message, rest, item.accepted)
                // What is missed without a value is not complained about, too.
                return single(first, item)
            }
            // Files of DPVS, which reads the first value, have a word about it there.
            let message = "is ignored: the item has one value, \(first.text)"
            report(.warning, surplus.location, item.path, message, rest)
        }
        if first.text.isEmpty, item.path == "ipv6_defs.stable_secret" {
            // As in DPVS's own list of items.
            report(.notInEffect, first.location, item.path, "is empty, and counts as not set")
            return nil
        }
        return single(first, item)
    }

    private mutating func single(
        _ text: (text: String, location: TextLocation),
        _ item: ConfigurationItem
    ) -> ItemValue? {
        switch item.kind {
        case .integer(let range, let rounding):
            guard let number = Self.number(text.text), range.contains(number) else {
                return refuse(text, item, Self.problem(text.text))
            }
            return .integer(Self.round(number, rounding))
        case .integerOr(let range, let word):
            if text.text.lowercased() == word { return .text(word) }
            guard let number = Self.number(text.text), range.contains(number) else {
                return refuse(text, item, Self.problem(text.text))
            }
            return .integer(number)
        case .flag, .onOff:
            switch text.text.lowercased() {
            case "on": return .flag(true)
            case "off": return .flag(false)
            default:
                let suggestion = nearest(to: text.text, in: ["on", "off"])
                return refuse(text, item, "is neither on nor off", suggestion: suggestion)
            }
        case .choice(let words):
            // DPVS compares without regard to case where it does not matter.
            guard let word = words.first(where: { $0.lowercased() == text.text.lowercased() })
            else {
                return refuse(
                    text,
                    item,
                    "is not known",
                    suggestion: nearest(to: text.text, in: words)
                )
            }
            return .text(word)
        case .text(let longest):
            guard !text.text.isEmpty else { return refuse(text, item, "is empty") }
            guard text.text.count <= longest else { return refuse(text, item, "is too long") }
            guard !text.text.hasControlCharacters else {
                return refuse(text, item, "has a control character")
            }
            return .text(text.text)
        case .duration:
            guard let duration = parseDuration(text.text, allowsPlainSeconds: true) else {
                return refuse(text, item, "is not a duration")
            }
            return .duration(duration)
        case .words, .integers, .anything: return nil
        }
    }

    private mutating func words(
        _ statement: Statement,
        _ item: ConfigurationItem,
        _ allowed: [String]
    ) -> ItemValue? {
        var words: [String] = []
        for value in statement.values {
            for word in value.text.split(separator: "|").map(String.init) {
                guard allowed.isEmpty || allowed.contains(word) else {
                    _ = refuse(
                        (word, value.location),
                        item,
                        "is not known",
                        suggestion: nearest(to: word, in: allowed)
                    )
                    return nil
                }
                words.append(word)
            }
        }
        guard !words.isEmpty else {
            report(.error, statement.location, item.path, "has no value", nil, item.accepted)
            return nil
        }
        return .words(words)
    }

    private mutating func integers(
        _ statement: Statement,
        _ item: ConfigurationItem,
        _ range: ClosedRange<Int>
    ) -> ItemValue? {
        var numbers: [Int] = []
        for value in statement.values {
            guard let number = Self.number(value.text), range.contains(number) else {
                return refuse(value, item, Self.problem(value.text))
            }
            numbers.append(number)
        }
        guard !numbers.isEmpty else {
            report(.error, statement.location, item.path, "has no value", nil, item.accepted)
            return nil
        }
        return .integers(numbers)
    }

    private mutating func refuse(
        _ text: (text: String, location: TextLocation),
        _ item: ConfigurationItem,
        _ message: String,
        suggestion: String? = nil
    ) -> ItemValue? {
        report(
            .error,
            text.location,
            item.path,
            message,
            text.text,
            item.accepted,
            suggestion: suggestion
        )
        return nil
    }

    /// Decimal digits, with a minus in front or not.
    private static func number(_ text: String) -> Int? {
        text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == "-") }) ? Int(text) : nil
    }

    /// Why a text is no number of an item: units and other bases are not taken.
    private static func problem(_ text: String) -> String {
        let digits = text.drop { $0 == "-" }
        let isWhole = !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
        return isWhole ? "is not in range" : "is not a whole number"
    }

    static func round(_ number: Int, _ rounding: ConfigurationItem.Rounding) -> Int {
        func powerOfTwo(_ number: Int) -> Int {
            number < 1 ? number : 1 << (Int.bitWidth - 1 - number.leadingZeroBitCount)
        }
        switch rounding {
        case .none: return number
        case .powerOfTwo: return powerOfTwo(number)
        case .powerOfTwoLessOne: return number == .max ? number : powerOfTwo(number + 1) - 1
        }
    }
}
