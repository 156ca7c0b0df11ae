// SPDX-License-Identifier: Apache-2.0
import Model

extension DPVSConfParser {
    /// The value of an item's statement, or nil with a complaint.
    mutating func value(of statement: Statement, for item: ConfigurationItem) -> ItemValue? {
        let texts = statement.values
        switch item.kind {
        case .words(let allowed): return words(statement, item, allowed)
        case .integers(let range): return integers(statement, item, range)
        case .flag where texts.isEmpty: return .flag(true)
        default: break
        }
        guard let first = texts.first else {
            report(.error, statement.location, item.path, "has no value", nil, item.accepted)
            return nil
        }
        for surplus in texts.dropFirst() {
            report(
                .error,
                surplus.location,
                item.path,
                "is more than one value",
                surplus.text,
                item.accepted
            )
        }
        guard texts.count == 1 else { return nil }
        return single(first, item)
    }

    private mutating func single(
        _ text: (text: String, location: SourceLocation),
        _ item: ConfigurationItem
    ) -> ItemValue? {
        switch item.kind {
        case .integer(let range, let rounding):
            guard let number = Int(text.text), range.contains(number), text.text.first != "+" else {
                return refuse(text, item, "is not in range")
            }
            return .integer(Self.round(number, rounding))
        case .integerOr(let range, let word):
            if text.text.lowercased() == word { return .text(word) }
            guard let number = Int(text.text), range.contains(number), text.text.first != "+" else {
                return refuse(text, item, "is not in range")
            }
            return .integer(number)
        case .flag, .onOff:
            switch text.text.lowercased() {
            case "on": return .flag(true)
            case "off": return .flag(false)
            default: return refuse(text, item, "is neither on nor off")
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
            guard !text.text.isEmpty, text.text.count <= longest else {
                return refuse(text, item, "is too long")
            }
            return .text(text.text)
        case .duration:
            guard let duration = parseDuration(text.text, allowsPlainSeconds: true) else {
                return refuse(text, item, "is not a duration")
            }
            return .duration(duration)
        case .words, .integers: return nil
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
            guard let number = Int(value.text), range.contains(number) else {
                _ = refuse(value, item, "is not in range")
                return nil
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
        _ text: (text: String, location: SourceLocation),
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
