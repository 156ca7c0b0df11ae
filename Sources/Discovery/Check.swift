// SPDX-License-Identifier: Apache-2.0

/// One thing that the doctor looked at.
package struct Check: Equatable, Codable, Sendable {
    package enum State: String, Codable, Sendable {
        case ok
        /// It works, but not as well as it could.
        case note
        /// It does not start, or not with what was asked for.
        case missing
    }

    /// "device dpdk0", "memory".
    package var subject: String
    package var state: State
    /// One sentence without a full stop.
    package var finding: String
    /// What to do on the node: a command or a kernel argument.
    package var node: String?
    /// What to write into the pod.
    package var pod: String?

    package init(
        subject: String,
        state: State,
        finding: String,
        node: String? = nil,
        pod: String? = nil
    ) {
        self.subject = subject
        self.state = state
        self.finding = finding
        self.node = node
        self.pod = pod
    }

    static func ok(_ subject: String, _ finding: String) -> Check {
        Check(subject: subject, state: .ok, finding: finding)
    }

    static func note(
        _ subject: String,
        _ finding: String,
        node: String? = nil,
        pod: String? = nil
    ) -> Check {
        Check(subject: subject, state: .note, finding: finding, node: node, pod: pod)
    }

    static func missing(
        _ subject: String,
        _ finding: String,
        node: String? = nil,
        pod: String? = nil
    ) -> Check {
        Check(subject: subject, state: .missing, finding: finding, node: node, pod: pod)
    }

    /// A line, and one for each thing to do.
    package var text: String {
        let lines = [
            "\(state.rawValue.padded(to: 8))\(subject): \(finding)", node.map { "  node: \($0)" },
            pod.map { "  pod:  \($0)" },
        ]
        return lines.compactMap { $0.map { $0 + "\n" } }.joined()
    }
}

extension String {
    /// Blanks behind it up to `width` characters.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
