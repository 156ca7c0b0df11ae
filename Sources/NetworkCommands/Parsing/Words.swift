// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

/// The words behind an object and its command, read from left to right.
struct Words {
    private var rest: ArraySlice<String>

    init(_ words: some Sequence<String>) { rest = Array(words)[...] }

    var isEmpty: Bool { rest.isEmpty }
    var first: String? { rest.first }

    mutating func next() -> String? { rest.popFirst() }

    /// The word behind the keyword `key`.
    mutating func value(of key: String) throws(UsageError) -> String {
        guard let word = rest.popFirst() else {
            throw UsageError("'\(key)' needs a value behind it")
        }
        return word
    }

    /// The word behind `key`, read by `parse`; `accepted` says what that takes.
    mutating func value<Value>(
        of key: String,
        accepted: String,
        _ parse: (String) -> Value?
    ) throws(UsageError) -> Value {
        let word = try value(of: key)
        guard let value = parse(word) else {
            throw UsageError("'\(word)' is not a value of \(key); accepted: \(accepted)")
        }
        return value
    }

    mutating func number(
        of key: String,
        in range: ClosedRange<Int>
    ) throws(UsageError) -> Int {
        try value(of: key, accepted: "\(range.lowerBound)...\(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    mutating func address(of key: String) throws(UsageError) -> IPAddress {
        try value(of: key, accepted: "an address") { IPAddress($0) }
    }

    /// Complains about a word that no keyword is, of which `keywords` are those that may stand here.
    static func unknown(_ word: String, _ keywords: [String]) -> UsageError {
        let near = nearest(to: word, in: keywords).map { "; did you mean '\($0)'?" } ?? ""
        return UsageError(
            "'\(word)' is not understood; accepted: \(keywords.joined(separator: ", "))\(near)"
        )
    }

    /// Complains about what is left.
    func end() throws(UsageError) {
        if let first = rest.first { throw UsageError("'\(first)' is one word too many") }
    }
}

extension Optional {
    /// The value, which the command needs.
    func required(_ what: String) throws(UsageError) -> Wrapped {
        guard let value = self else { throw UsageError("\(what) is missing") }
        return value
    }
}
