// SPDX-License-Identifier: Apache-2.0

/// One thing that is new in a desired state: an object and what became of it.
///
/// A report for people, logs and the API. What is carried out is the new state as a whole, which
/// workers see at one instant.
package struct Change: Equatable, Codable, Sendable {
    /// What it is about.
    package struct Subject: Equatable, Codable, Sendable {
        /// `service`, `backend`, `setting`.
        package var kind: String
        /// Empty: all of them.
        package var key: String
        /// `service web (tcp 10.0.0.100:80)`.
        package var title: String
        /// Whether it is a part of another object, which the title names.
        package var isPart = false

        package init(kind: String, key: String, title: String, isPart: Bool = false) {
            self.kind = kind
            self.key = key
            self.title = title
            self.isPart = isPart
        }
    }

    package enum Verb: Equatable, Codable, Sendable {
        /// The text is what a reader wants to know besides: ` with 2 backends`.
        case added(String)
        case removed
        case changed([FieldChange])
        case reordered
        /// An item of `dpvs.conf`; `source` says where its value comes from now.
        case set(from: String, to: String, _ source: String)
        /// Named blocks of `dpvs.conf`, and what became of each.
        case blocks([String])
    }

    package var subject: Subject
    package var verb: Verb

    package init(_ subject: Subject, _ verb: Verb) {
        self.subject = subject
        self.verb = verb
    }
}

extension Change: CustomStringConvertible {
    /// One line: `service web (tcp 10.0.0.100:80): backend 10.0.1.3:80 weight 100 → 50`.
    package var description: String {
        switch verb {
        case .added(let words) where subject.isPart: "\(subject.title)\(words) added"
        case .added(let words): "\(subject.title) added\(words)"
        case .removed: "\(subject.title) removed"
        case .changed(let fields):
            subject.title + (subject.isPart ? " " : ": ")
                + fields.map(\.description).joined(separator: ", ")
        case .reordered: "\(subject.title) reordered"
        case .set(let old, let new, let source):
            old == new
                ? "\(subject.title): still \(new), \(source)" : "\(subject.title): \(old) → \(new)"
        case .blocks(let words): "\(subject.title): " + words.joined(separator: ", ")
        }
    }
}
