// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What options say; they stand anywhere in a command line.
package struct Options: Equatable, Sendable {
    /// `-v`: more of everything, by worker.
    package var isVerbose = false
    /// `-s`: what was counted.
    package var wantsStatistics = false
    /// `-4`, `-6`, `-f`; nil: both.
    package var family: AddressFamily?
    /// `-C`: colours for what changes from one look to the next.
    package var isColoured = false
    /// `-i`: seconds between two looks.
    package var interval: Int?
    /// `-c`: how many looks.
    package var count: Int?
    /// `-F`: an object that is there already, or not there, is no mistake.
    package var isForced = false
    package var isJSON = false
    package var instance: String?
    package var socket: String?
    package var wantsHelp = false
    package var wantsVersion = false

    package init() {}
}

/// Why a command line is none.
package struct UsageError: Error, Equatable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

extension Options {
    /// An option's long name, its short one, and what its value is called; nil: it takes none.
    private struct Spelling: Sendable {
        var long: String
        var short: Character?
        var value: String?

        init(_ long: String, _ short: Character? = nil, value: String? = nil) {
            self.long = long
            self.short = short
            self.value = value
        }
    }

    private static let spellings = [
        Spelling("verbose", "v"), Spelling("help", "h"), Spelling("version", "V"),
        Spelling("inet", "4"), Spelling("inet6", "6"), Spelling("family", "f", value: "a family"),
        Spelling("statistics", "s"), Spelling("stats"), Spelling("color", "C"),
        Spelling("interval", "i", value: "seconds"), Spelling("count", "c", value: "a number"),
        Spelling("force", "F"), Spelling("json", "j"), Spelling("instance", value: "a name"),
        Spelling("socket", value: "a path"),
    ]

    /// Takes the options out of `arguments`; what is left are the words of the command, in order.
    ///
    /// Short options may stand together (`-sv`), with a value behind the last (`-i1`, `-i 1`); long ones
    /// may be cut short while they can only be one (`--stat`). Behind `--` are words alone.
    package mutating func take(
        from arguments: [String]
    ) throws(UsageError) -> [String] {
        var words: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                break
            } else if argument.hasPrefix("--") {
                try takeLong(argument.dropFirst(2), &rest)
            } else if argument.hasPrefix("-"), argument.count > 1 {
                try takeShort(argument.dropFirst(), &rest)
            } else {
                words.append(argument)
            }
        }
        if count != nil, interval == nil { throw UsageError("-c needs -i, the seconds between") }
        return words
    }

    private mutating func takeShort(
        _ letters: Substring,
        _ rest: inout ArraySlice<String>
    ) throws(UsageError) {
        var letters = letters
        while let letter = letters.popFirst() {
            guard let option = Self.spellings.first(where: { $0.short == letter }) else {
                throw UsageError(
                    "there is no option -\(letter); options are \(Self.names)"
                )
            }
            guard let what = option.value else {
                try set(option.long, "")
                continue
            }
            guard let value = letters.isEmpty ? rest.popFirst() : String(letters) else {
                throw UsageError("-\(letter) needs \(what)")
            }
            try set(option.long, value)
            return
        }
    }

    private mutating func takeLong(
        _ text: Substring,
        _ rest: inout ArraySlice<String>
    ) throws(UsageError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        let exact = Self.spellings.filter { $0.long == name }
        let found = exact.isEmpty ? Self.spellings.filter { $0.long.hasPrefix(name) } : exact
        let isClear = found.count == 1 || name.hasPrefix("st") && "statistics".hasPrefix(name)
        guard let option = found.first, isClear, !name.isEmpty else {
            let reason = found.isEmpty ? "there is no option" : "more than one option begins with"
            throw UsageError("\(reason) --\(name); options are \(Self.names)")
        }
        guard let what = option.value else {
            guard parts.count == 1 else { throw UsageError("--\(option.long) takes no value") }
            try set(option.long, "")
            return
        }
        guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
            throw UsageError("--\(option.long) needs \(what)")
        }
        try set(option.long, value)
    }

    private static var names: String {
        spellings.filter { $0.long != "stats" }
            .map { option in (option.short.map { "-\($0) " } ?? "") + "--\(option.long)" }
            .joined(separator: ", ")
    }

    private mutating func set(_ option: String, _ value: String) throws(UsageError) {
        switch option {
        case "verbose": isVerbose = true
        case "help": wantsHelp = true
        case "version": wantsVersion = true
        case "inet": family = .ipv4
        case "inet6": family = .ipv6
        case "family":
            let families: [String: AddressFamily] = [
                "inet": .ipv4, "ipv4": .ipv4, "4": .ipv4, "inet6": .ipv6, "ipv6": .ipv6, "6": .ipv6,
            ]
            guard let known = families[value] else {
                throw UsageError("'\(value)' is no family; families are inet, inet6")
            }
            family = known
        case "statistics", "stats": wantsStatistics = true
        case "color": isColoured = true
        case "interval": interval = try number(value, "the seconds of -i")
        case "count": count = try number(value, "the count of -c")
        case "force": isForced = true
        case "json": isJSON = true
        case "instance": instance = value
        default: socket = value
        }
    }

    private func number(_ text: String, _ what: String) throws(UsageError) -> Int {
        guard let number = Int(text), (1...1_000_000).contains(number) else {
            throw UsageError("'\(text)' is not \(what); accepted: 1...1000000")
        }
        return number
    }
}
