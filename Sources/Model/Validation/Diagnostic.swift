// SPDX-License-Identifier: Apache-2.0

/// A place in a file or a request; line and column count from 1, columns in characters.
///
/// Line 0 is all of it: what an edit made is known to come from edits, and not from which line.
package struct TextLocation: Hashable, Sendable, Codable, CustomStringConvertible {
    package var file: String
    package var line: Int
    package var column: Int

    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// Of what stands in no file that can be named.
    package static let runtime = TextLocation(file: Owner.runtime.description, line: 0, column: 0)

    package var description: String {
        line == 0 ? file.printable : "\(file.printable):\(line):\(column)"
    }
}

/// One thing to say about a configuration.
package struct Diagnostic: Hashable, Sendable, Codable {
    package enum Severity: String, Sendable, Codable {
        /// Nothing of the configuration is applied.
        case error
        /// Applied, but probably not what was meant.
        case warning
        /// Accepted and without effect in this version.
        case notInEffect = "not in effect"
    }

    package var severity: Severity
    package var location: TextLocation
    /// The item as a path of keywords: `netif_defs.device.mtu`, `services[2].port`.
    package var path: String
    /// A sentence without the value: "is not a port".
    package var message: String
    /// What stands in the file.
    package var value: String?
    /// What could stand there: "1...65535", "one of rr, wrr".
    package var accepted: String?
    /// The accepted word nearest to `value`.
    package var suggestion: String?

    package init(
        _ severity: Severity,
        at location: TextLocation,
        path: String,
        _ message: String,
        value: String? = nil,
        accepted: String? = nil,
        suggestion: String? = nil
    ) {
        self.severity = severity
        self.location = location
        self.path = path
        self.message = message
        self.value = value
        self.accepted = accepted
        self.suggestion = suggestion
    }
}

extension Diagnostic: CustomStringConvertible {
    /// `web.yaml:12:9: error: services[0].port: '99999' is not a port; accepted: 1...65535`.
    package var description: String { "\(location): \(severity.rawValue): \(text)" }

    /// The same without place and severity.
    package var text: String {
        var text = path.isEmpty ? "" : "\(path): "
        if let value { text += "'\(value.quotable)' " }
        text += message.printable
        if let suggestion { text += "; did you mean '\(suggestion.printable)'?" }
        // Who is told the word does not need a list of all.
        if let accepted, suggestion == nil || accepted.count < Self.longestList {
            text += "\(suggestion == nil ? ";" : "") accepted: \(accepted.printable)"
        }
        return text
    }

    /// Characters of what is accepted, beside a suggestion.
    private static let longestList = 100

    /// The same with nothing of what the file says: it may be a file that this user may not read.
    package var withoutText: Diagnostic {
        var other = self
        other.path = ""
        other.value = nil
        other.suggestion = nil
        other.accepted = nil
        other.message =
            "this does not belong into a configuration; a file outside its directory is not quoted"
        return other
    }
}
