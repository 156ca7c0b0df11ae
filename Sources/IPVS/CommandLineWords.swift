// SPDX-License-Identifier: Apache-2.0
import Model

/// The words of a command line as the options and values that they are.
///
/// As popt reads them: letters may stand together, and the last of them may have a value (`-At
/// 10.0.0.1:80`, `-w5`); long names take theirs from the next word or behind `=`; `--` ends the
/// options.
struct CommandLineWords: Equatable {
    struct Occurrence: Equatable {
        var option: Option
        var value: String?
    }

    /// nil: there are no words but options of the program itself.
    private(set) var command: Option?
    private(set) var commandValue: String?
    private(set) var options: [Occurrence] = []
    /// Words that belong to no option.
    private(set) var rest: [String] = []

    init(_ words: [String]) throws(Complaint) {
        var left = words[...]
        while let word = left.popFirst() {
            if word == "--" {
                rest += left
                break
            } else if word.hasPrefix("--") {
                try readLong(word.dropFirst(2), &left)
            } else if word.hasPrefix("-"), word.count > 1 {
                try readShort(word.dropFirst(), &left)
            } else {
                rest.append(word)
            }
        }
        if command == nil, let first = options.first(where: { !$0.option.isOurs }) {
            throw Complaint(
                "\(first.option.words) stands before the command; the first option is the command, such "
                    + "as -A, -a or -L"
            )
        }
    }

    private mutating func readLong(
        _ text: Substring,
        _ left: inout ArraySlice<String>
    ) throws(Complaint) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let option = Option.long(name) else {
            let names = Option.allCases.map(\.rawValue)
            let hint = nearest(to: name, in: names).map { ", did you mean --\($0)?" } ?? ""
            throw Complaint("there is no option --\(name.printable)\(hint)")
        }
        if parts.count == 2, option.value == .none {
            throw Complaint("--\(name) takes no value")
        }
        try take(option, attached: parts.count == 2 ? String(parts[1]) : nil, &left)
    }

    private mutating func readShort(
        _ letters: Substring,
        _ left: inout ArraySlice<String>
    ) throws(Complaint) {
        var letters = letters
        while let letter = letters.popFirst() {
            guard let option = Option.short(letter, after: command) else {
                throw Complaint("there is no option -\(String(letter).printable)")
            }
            switch option.value {
            case .none: try take(option, attached: nil, &left)
            case .optionalNumber where letters.first.map { !$0.isNumber && $0 != "=" } ?? false:
                // The next word belongs to a letter that follows.
                var nothing: ArraySlice<String> = []
                try take(option, attached: nil, &nothing)
            case .needed, .optionalNumber:
                let text = letters.hasPrefix("=") ? letters.dropFirst() : letters
                try take(option, attached: text.isEmpty ? nil : String(text), &left)
                return
            }
        }
    }

    private mutating func take(
        _ option: Option,
        attached: String?,
        _ left: inout ArraySlice<String>
    ) throws(Complaint) {
        var value = attached
        switch option.value {
        case .none: break
        case .needed:
            value = value ?? left.popFirst()
            if value == nil { throw Complaint("\(option.words) needs a value") }
        case .optionalNumber:
            if value == nil, let next = left.first, !next.isEmpty, next.allSatisfy(\.isNumber) {
                value = left.popFirst()
            }
        }
        guard option.isCommand else {
            options.append(Occurrence(option: option, value: value))
            return
        }
        if let command, command != option {
            throw Complaint("\(command.words) and \(option.words) are two commands; give one")
        }
        if command == nil, let first = options.first(where: { !$0.option.isOurs }) {
            throw Complaint(
                "\(first.option.words) stands before the command \(option.words); the command comes first"
            )
        }
        command = option
        commandValue = value
    }
}

extension Option {
    /// Of this program, not of `ipvsadm`: they may stand anywhere.
    var isOurs: Bool { self == .json || self == .instance || self == .socket }
}
