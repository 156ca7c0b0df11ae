// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A batch of edits as a program writes it: `{"edits": [{"add": {"route": {"to": ...}}}]}`.
package struct EditList: Equatable, Sendable {
    /// What an edit does; the words are those of `dpvs edit`.
    package enum Verb: String, Equatable, Sendable {
        case add, set, put, remove
    }

    /// The value of a field.
    package indirect enum Value: Equatable, Sendable {
        case text(String)
        case number(Int)
        case flag(Bool)
        case object([String: Value])
        case list([Value])
        /// The default of the field.
        case none
    }

    package struct Edit: Equatable, Sendable {
        package var verb: Verb
        package var kind: String
        package var fields: [String: Value]
    }

    package private(set) var edits: [Edit] = []

    package init() {}

    package var isEmpty: Bool { edits.isEmpty }

    /// Fields without a value are left out.
    package mutating func append(_ verb: Verb, _ kind: String, _ fields: [String: Value?]) {
        edits.append(Edit(verb: verb, kind: kind, fields: fields.compactMapValues(\.self)))
    }

    /// The batch as JSON.
    package func batch() throws -> [UInt8] {
        Array(try ControlJSON.encode(["edits": edits]))
    }
}

extension EditList.Edit: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode([verb.rawValue: [kind: fields]])
    }
}

extension EditList.Value: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .flag(let flag): try container.encode(flag)
        case .object(let fields): try container.encode(fields)
        case .list(let values): try container.encode(values)
        case .none: try container.encodeNil()
        }
    }
}
