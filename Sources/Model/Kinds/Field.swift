// SPDX-License-Identifier: Apache-2.0

/// One attribute of a kind of object, described once: what it is called, what it takes, and how it
/// is compared, told and copied.
package struct Field<Object: Sendable>: Sendable {
    /// As sentences call it: `drain timeout`.
    package let name: String
    /// The stored property that holds it, or that it is a part of: a test finds properties that no
    /// field is about.
    package let property: String
    /// What it takes, with its unit: `0...65535`.
    package let accepted: String
    /// What of it nobody gets to see: a change of nothing else is told as `quic keys changed`.
    package let secret: String?
    /// Whether two objects have the same there.
    let isSame: @Sendable (Object, Object) -> Bool
    private let text: @Sendable (Object) -> String
    private let copy: @Sendable (Object, inout Object) -> Void

    /// `text` says what an object has there, in words.
    package init<Value: Equatable & Sendable>(
        _ name: String,
        _ property: String,
        _ path: any WritableKeyPath<Object, Value> & Sendable,
        accepted: String,
        secret: String? = nil,
        text: @escaping @Sendable (Object) -> String
    ) {
        self.name = name
        self.property = property
        self.accepted = accepted
        self.secret = secret
        self.text = text
        isSame = { $0[keyPath: path] == $1[keyPath: path] }
        copy = { $1[keyPath: path] = $0[keyPath: path] }
    }

    /// What differs between two versions of an object; nil when nothing does.
    package func change(from old: Object, to new: Object) -> FieldChange? {
        guard !isSame(old, new) else { return nil }
        return FieldChange(field: name, from: text(old), to: text(new), secret: secret)
    }

    /// Gives `target` what `source` has there.
    package func take(from source: Object, into target: inout Object) { copy(source, &target) }
}

extension Field {
    /// An attribute that is told as it describes itself.
    package init<Value: Equatable & Sendable & CustomStringConvertible>(
        _ name: String,
        _ property: String,
        _ path: any WritableKeyPath<Object, Value> & Sendable,
        accepted: String
    ) {
        self.init(name, property, path, accepted: accepted) { $0[keyPath: path].description }
    }

    /// The same of one that may be missing; `absent` is told then.
    package init<Value: Equatable & Sendable & CustomStringConvertible>(
        _ name: String,
        _ property: String,
        _ path: any WritableKeyPath<Object, Value?> & Sendable,
        accepted: String,
        absent: String = "(none)"
    ) {
        self.init(name, property, path, accepted: accepted) {
            $0[keyPath: path]?.description ?? absent
        }
    }

    /// A time, as it would stand in a file.
    package init(
        _ name: String,
        _ property: String,
        _ path: any WritableKeyPath<Object, Duration?> & Sendable,
        accepted: String
    ) {
        self.init(name, property, path, accepted: accepted) {
            $0[keyPath: path]?.text ?? "(none)"
        }
    }

    /// One of some words.
    package init<Value: Equatable & Sendable & CaseIterable & RawRepresentable<String>>(
        _ name: String,
        _ property: String,
        _ path: any WritableKeyPath<Object, Value> & Sendable
    ) {
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        self.init(name, property, path, accepted: "one of \(words)") {
            $0[keyPath: path].rawValue
        }
    }
}

/// One attribute that became another: `weight 100 → 50`.
package struct FieldChange: Equatable, Codable, Sendable, CustomStringConvertible {
    package var field: String
    package var from: String
    package var to: String
    /// What changed, when nobody gets to see it.
    package var secret: String?

    package init(field: String, from: String, to: String, secret: String? = nil) {
        self.field = field
        self.from = from
        self.to = to
        self.secret = secret
    }

    package var description: String {
        guard from == to else { return "\(field) \(from) → \(to)" }
        return secret.map { "\(field) \($0) changed" } ?? "\(field) still \(to), said otherwise"
    }
}

extension ClosedRange<Int> {
    /// `0...65535`, as messages tell what is accepted.
    package var accepted: String { "\(lowerBound)...\(upperBound)" }
}
