// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A call of libbpf that failed, and why.
package struct BPFError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The function, or what it was to do.
    package var call: String
    /// An errno value.
    package var code: Int32
    /// The program, map or interface in question.
    package var subject: String
    /// What libbpf and the kernel's verifier said, line by line.
    package var log: [String]

    package init(_ call: String, _ code: Int32, on subject: String = "", log: [String] = []) {
        self.call = call
        self.code = code
        self.subject = subject
        self.log = log
    }

    /// "Operation not permitted".
    package var reason: String { unsafe String(cString: strerror(code)) }

    /// This process may not; the kernel could.
    package var isForbidden: Bool { code == EPERM || code == EACCES }

    /// The verifier's objection: the last line that is no statistics; else what libbpf said first.
    package var objection: String? {
        let words = ["libbpf:", "processed ", "--", "verification time", "stack depth"]
        let said = log.last { line in !line.isEmpty && !words.contains { line.hasPrefix($0) } }
        return said ?? log.first
    }

    package var description: String {
        let place = subject.isEmpty ? "" : "\(subject): "
        return "\(place)\(reason) (\(call))" + (objection.map { ": \($0)" } ?? "")
    }
}
