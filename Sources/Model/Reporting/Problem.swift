// SPDX-License-Identifier: Apache-2.0

/// One thing to say about a configuration, as reports carry it.
package struct Problem: Hashable, Codable, Sendable {
    package enum Severity: String, Codable, Sendable, CaseIterable {
        /// Nothing of the configuration is applied.
        case error
        /// Applied, but probably not what was meant.
        case warning
        /// Accepted and without effect in this version.
        case notInEffect = "not in effect"
    }

    package var severity: Severity
    /// `web.yaml:12:9`; nil: about no place in a file.
    package var location: String?
    /// The item with which the message begins, such as `services[0].port`; nil: with none.
    package var path: String?
    /// The item, the value, what is wrong with it and what is accepted.
    package var message: String

    package init(
        _ severity: Severity,
        at location: String? = nil,
        _ message: String,
        path: String? = nil
    ) {
        self.severity = severity
        self.location = location
        self.message = message
        self.path = path
    }

    /// The message without the item.
    package var sentence: Substring {
        guard let path, message.hasPrefix("\(path): ") else { return message[...] }
        return message.dropFirst(path.count + 2)
    }
}

extension Problem {
    package init(_ diagnostic: Diagnostic) {
        let severity: Severity =
            switch diagnostic.severity {
            case .error: .error
            case .warning: .warning
            case .notInEffect: .notInEffect
            }
        self.init(
            severity,
            at: diagnostic.location.description,
            diagnostic.text,
            path: diagnostic.path.isEmpty ? nil : diagnostic.path
        )
    }
}

extension Problem: CustomStringConvertible {
    /// `web.yaml:12:9: error: services[0].port: '99999' is not a port; accepted: 1...65535`.
    package var description: String {
        (location.map { $0 + ": " } ?? "") + "\(severity.rawValue): \(message)"
    }
}

extension [Problem] {
    package var errors: [Problem] { filter { $0.severity == .error } }

    package var hasErrors: Bool { contains { $0.severity == .error } }
}
