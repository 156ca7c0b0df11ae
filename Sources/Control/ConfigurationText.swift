// SPDX-License-Identifier: Apache-2.0
import Foundation
package import Model

extension ReloadReport {
    /// What `dpvs config reload` and `rollback` print.
    package var text: String {
        var lines = [heading]
        lines += changes.map { "  \($0)" }
        lines += problems.map(\.description)
        lines += restartRequired.map { "restart required: \($0)" }
        return lines.map { $0 + "\n" }.joined()
    }

    private var heading: String {
        let time = String(format: "%.1f ms", 1000 * duration)
        if isDryRun {
            return switch outcome {
            case .applied: "would be applied, nothing is done: \(changeCount)"
            case .unchanged: "would change nothing"
            case .rejected, .failed: "would be rejected"
            }
        }
        return switch outcome {
        case .applied: "applied in \(time): generation \(generation) runs"
        case .unchanged: "nothing changed: generation \(generation) runs on"
        case .rejected: "rejected: generation \(generation) runs on"
        case .failed: "failed: generation \(generation) runs on"
        }
    }

    /// Whether what was asked for runs.
    package var isSuccess: Bool { outcome == .applied || outcome == .unchanged }
}

extension Explanation {
    /// What `dpvs explain` prints: a line a step.
    package var text: String {
        let width = steps.map(\.name.count).max() ?? 0
        return
            steps.map { step in
                let pad = String(repeating: " ", count: width - step.name.count)
                return "\(step.name)\(pad)  \(step.text)\n"
            }
            .joined()
    }
}

extension ConfigStatus {
    /// What `dpvs config status` prints.
    package var text: String {
        var lines = [
            "generation \(generation), digest \(digest.prefix(12)), applied \(applied.text)"
        ]
        lines += files.map { "  \($0)" }
        if edits > 0 {
            lines.append(
                "edited by commands: \(edits == 1 ? "1 object" : "\(edits) objects"), "
                    + "see dpvs config export"
            )
        }
        if drift > 0 { lines.append("drift: \(drift), see dpvs config drift") }
        lines += restartRequired.map { "restart required: \($0)" }
        var text = lines.map { $0 + "\n" }.joined()
        if let lastReload {
            text += "last reload (\(lastReload.trigger), \(lastReload.finished.text)): "
            text += lastReload.text
        }
        return text
    }
}

extension [HistoryEntry] {
    /// What `dpvs config history` prints.
    package var text: String {
        var table = TextTable(
            .right("GENERATION"),
            .left("DIGEST"),
            .left("APPLIED"),
            .left("TRIGGER"),
            .right("CHANGES"),
            .left("")
        )
        for entry in self {
            table.append(
                String(entry.generation),
                String(entry.digest.prefix(12)),
                entry.applied.text,
                entry.trigger,
                String(entry.changes),
                entry.isCurrent ? "runs" : ""
            )
        }
        return table.text()
    }
}

extension [DriftEntry] {
    /// What `dpvs config drift` prints.
    package var text: String {
        if isEmpty { return "what runs is what the files say\n" }
        // Not a table: details are of any length, and all of them matters.
        return map { "\($0.object) (\($0.owner)): \($0.kind.rawValue)\n  \($0.detail)\n" }.joined()
    }
}

extension Date {
    /// UTC, to the second: `2026-11-24T04:00:00Z`.
    fileprivate var text: String { formatted(.iso8601) }
}
