// SPDX-License-Identifier: Apache-2.0
import Model

/// Reads keepalived's files into lines: with the files that they include, with the lines that this
/// node's id selects, and with definitions and sequences written out.
///
/// The order is keepalived's: `include` is found first, then `@id`, then definitions.
struct KeepalivedText {
    private static let deepest = 16
    private static let mostFiles = 4096
    private static let mostOctets = 64 << 20
    private static let mostLines = 1_000_000
    private static let longestLine = 64 << 10

    private let reader: any SourceReader
    /// What `@NAME` is compared with.
    private let identity: String
    private(set) var files: [String: [UInt8]] = [:]
    private(set) var lines: [KeepalivedLine] = []
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var isPassing = false
    private var octets = 0
    private var isOver = false
    /// Definitions by name: one line, or several.
    private var definitions: [String: [String]] = [:]
    /// The definition that lines belong to until one does not end with a backslash.
    private var open: (name: String, lines: [String])?

    init(_ path: String, _ reader: any SourceReader, identity: String, named place: TextLocation) {
        self.reader = reader
        self.identity = identity
        read(path, from: place, depth: 0)
    }

    private mutating func read(_ path: String, from place: TextLocation, depth: Int) {
        guard !isOver else { return }
        guard depth < Self.deepest, files.count < Self.mostFiles else {
            return stop("includes too many files", at: place)
        }
        let bytes: [UInt8]
        do throws(SourceError) {
            bytes = try reader.read(path)
        } catch {
            isPassing = isPassing || error.isPassing
            diagnostics.append(
                Diagnostic(.error, at: place, path: path, "cannot be read: \(error.message)")
            )
            return
        }
        octets += bytes.count
        guard octets <= Self.mostOctets else { return stop("is too much to read", at: place) }
        files[path] = bytes
        for line in KeepalivedLine.lines(of: bytes, file: path) where !isOver {
            if let pattern = Self.included(line.text), open == nil {
                include(pattern, line, depth)
            } else {
                take(line, 0)
            }
        }
    }

    private mutating func stop(_ message: String, at place: TextLocation) {
        isOver = true
        diagnostics.append(Diagnostic(.error, at: place, path: place.file, message))
    }

    // MARK: - Includes

    /// What follows `include`, or one of its kinds that check more.
    private static func included(_ text: String) -> String? {
        let words = text.split(maxSplits: 1, whereSeparator: \.isWhitespace)
        let kinds = ["include", "includer", "includem", "includew", "includeb", "includea"]
        guard words.count == 2, kinds.contains(String(words[0])) else { return nil }
        return words[1].trimmingCharacters(in: "\"' \t")
    }

    /// No match is silent, as in keepalived.
    private mutating func include(_ pattern: String, _ line: KeepalivedLine, _ depth: Int) {
        let file = line.location.file
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
        let absolute = pattern.hasPrefix("/") ? pattern : folder + pattern
        for pattern in Self.alternatives(absolute) {
            do throws(SourceError) {
                for path in try reader.glob(pattern) {
                    read(path, from: line.location, depth: depth + 1)
                }
            } catch {
                isPassing = isPassing || error.isPassing
                let place = line.location
                diagnostics.append(
                    Diagnostic(.warning, at: place, path: "include", error.message, value: pattern)
                )
            }
        }
    }

    /// Patterns without braces that together mean one with them: `{a,b}.conf`.
    static func alternatives(_ pattern: String) -> [String] {
        guard let open = pattern.firstIndex(of: "{"),
            let close = pattern[open...].firstIndex(of: "}")
        else { return [pattern] }
        let (head, tail) = (pattern[..<open], pattern[pattern.index(after: close)...])
        return pattern[pattern.index(after: open)..<close]
            .split(separator: ",", omittingEmptySubsequences: false)
            .flatMap { alternatives("\(head)\($0)\(tail)") }
    }

    // MARK: - Conditions, definitions, sequences

    /// `depth` counts definitions inside each other.
    private mutating func take(_ line: KeepalivedLine, _ depth: Int) {
        guard !isOver else { return }
        guard depth < Self.deepest * 4, lines.count < Self.mostLines,
            line.text.utf8.count < Self.longestLine
        else { return stop("definitions grow without end", at: line.location) }
        if open != nil { return continueDefinition(line.text) }
        guard let text = selected(line.text) else { return }
        if let (name, value) = Self.definition(text) {
            return define(name, value)
        }
        if text.hasPrefix("~SEQ") || text.hasPrefix("~LST") {
            for text in KeepalivedSequence.lines(of: text) { take(line.saying(text), depth + 1) }
            return
        }
        let replaced = replacing(text, in: line)
        if replaced == text {
            lines.append(text == line.text ? line : line.saying(text))
        } else {
            for text in replaced.split(separator: "\n") {
                take(line.saying(String(text)), depth + 1)
            }
        }
    }

    /// The line without a condition, when that holds.
    private func selected(_ text: String) -> String? {
        guard text.hasPrefix("@") else { return text }
        let isInverted = text.dropFirst().hasPrefix("^")
        let rest = text.dropFirst(isInverted ? 2 : 1)
        let name = rest.prefix { !$0.isWhitespace }
        guard !name.isEmpty, (name == identity) != isInverted else { return nil }
        return String(rest.dropFirst(name.count).drop(while: \.isWhitespace))
    }

    /// `$NAME=VALUE`.
    private static func definition(_ text: String) -> (name: String, value: String)? {
        guard text.hasPrefix("$"), let sign = text.firstIndex(of: "=") else { return nil }
        let name = text[text.index(after: text.startIndex)..<sign]
        let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        guard isName, let first = name.first, !first.isNumber else { return nil }
        let value = text[text.index(after: sign)...].drop(while: \.isWhitespace)
        return (String(name), String(value))
    }

    private mutating func define(_ name: String, _ value: String) {
        guard value.hasSuffix("\\") else {
            definitions[name] = [value]
            return
        }
        let first = Self.withoutBackslash(value)
        open = (name, first.isEmpty ? [] : [first])
    }

    private mutating func continueDefinition(_ text: String) {
        guard var definition = open else { return }
        let isLast = !text.hasSuffix("\\")
        let line = isLast ? text : Self.withoutBackslash(text)
        if !line.isEmpty { definition.lines.append(line) }
        open = isLast ? nil : definition
        if isLast { definitions[definition.name] = definition.lines }
    }

    private static func withoutBackslash(_ text: String) -> String {
        text.dropLast().trimmingCharacters(in: " \t")
    }

    // MARK: - Variables

    /// Every `$NAME` and `${NAME}` that is known by what it stands for; others stay.
    private func replacing(_ text: String, in line: KeepalivedLine) -> String {
        guard text.contains("$") else { return text }
        var result = ""
        var rest = text[...]
        while let sign = rest.firstIndex(of: "$") {
            result += rest[..<sign]
            rest = rest[sign...]
            let (name, length) = Self.variable(rest)
            if let name, let value = value(of: name, in: line) {
                result += value
            } else {
                result += rest.prefix(length)
            }
            rest = rest.dropFirst(length)
        }
        return result + rest
    }

    /// The name of the variable that a text begins with, and how long its use is.
    private static func variable(_ text: Substring) -> (name: String?, length: Int) {
        let rest = text.dropFirst()
        if rest.first == "{" {
            guard let close = rest.firstIndex(of: "}") else { return (nil, 1) }
            let name = String(rest[rest.index(after: rest.startIndex)..<close])
            return (name, name.count + 3)
        }
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        return (name.isEmpty ? nil : String(name), name.count + 1)
    }

    private func value(of name: String, in line: KeepalivedLine) -> String? {
        if let lines = definitions[name] { return lines.joined(separator: "\n") }
        let words = name.split(separator: " ")
        switch words.first {
        case "_PWD":
            let file = line.location.file
            return file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
        case "_HASH": return "#"
        case "_BANG": return "!"
        // The same file must always say the same.
        case "_RANDOM": return words.count > 1 ? String(words[1]) : "0"
        default: return nil
        }
    }
}

extension StringProtocol {
    func trimmingCharacters(in set: String) -> String {
        guard let first = firstIndex(where: { !set.contains($0) }),
            let last = lastIndex(where: { !set.contains($0) })
        else { return "" }
        return String(self[first...last])
    }
}
