// SPDX-License-Identifier: Apache-2.0
package import Model

/// What `dpvs check` found in files, without a daemon.
package struct CheckReport: Equatable, Codable, Sendable {
    package var files: [String]
    /// Of all of them: what `dpvs config status` shows when they run.
    package var digest: String
    /// In the order of files and lines.
    package var problems: [Problem]

    package init(files: [String], digest: String, problems: [Problem]) {
        self.files = files
        self.digest = digest
        self.problems = problems
    }

    package var hasErrors: Bool { problems.contains { $0.severity == .error } }

    package var text: String {
        let lines = problems.filter { $0.severity != .notInEffect }.map(\.description)
        let idle = problems.filter { $0.severity == .notInEffect }
        var text = lines.map { $0 + "\n" }.joined()
        if !idle.isEmpty {
            text += "not in effect in this version:\n"
            text += idle.map { "  \($0.location.map { $0 + ": " } ?? "")\($0.message)\n" }.joined()
        }
        return text + summary + "\n"
    }

    private var summary: String {
        func count(_ severity: Problem.Severity, _ one: String, _ many: String) -> String {
            let number = problems.count { $0.severity == severity }
            return "\(number) \(number == 1 ? one : many)"
        }
        return [
            "\(files.count) \(files.count == 1 ? "file" : "files")",
            count(.error, "error", "errors"),
            count(.warning, "warning", "warnings"),
            count(.notInEffect, "item not in effect", "items not in effect"),
        ]
        .joined(separator: ", ")
    }
}

/// What applying files to what runs would do: `dpvs plan`.
package struct PlanReport: Equatable, Codable, Sendable {
    /// In the order in which they would be carried out.
    package var changes: [String]
    /// Changed items that need a restart, by name.
    package var restartRequired: [String]
    package var problems: [Problem]

    package init(changes: [String], restartRequired: [String], problems: [Problem]) {
        self.changes = changes
        self.restartRequired = restartRequired
        self.problems = problems
    }

    package var hasErrors: Bool { problems.contains { $0.severity == .error } }

    package var text: String {
        var lines = problems.filter { $0.severity != .notInEffect }.map(\.description)
        if hasErrors {
            lines.append("nothing would be applied")
        } else {
            lines.append(changes.isEmpty ? "no changes" : "changes: \(changes.count)")
            lines += changes.map { "  \($0)" }
            lines += restartRequired.map { "restart required: \($0)" }
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
