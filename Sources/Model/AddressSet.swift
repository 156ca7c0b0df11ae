// SPDX-License-Identifier: Apache-2.0
import Addressing

/// Addresses and networks of both families under one name, for lists of who may ask a service.
package struct AddressSet: ConfigurationObject {
    /// Some addresses that are in the set or, `isExcluded`, not.
    package struct Entry: Hashable, Sendable {
        package var range: AddressRange
        package var isExcluded: Bool

        package init(_ range: AddressRange, isExcluded: Bool = false) {
            self.range = range
            self.isExcluded = isExcluded
        }
    }

    package var name: String
    /// Of entries that hold an address, the smallest network counts.
    package var entries: [Entry]
    package var owner: Owner

    package var key: String { name }

    /// Entries of all sets together: what a machine has memory for.
    package static let mostEntries = 4_000_000

    package init(
        name: String,
        entries: [Entry] = [],
        owner: Owner = .runtime
    ) {
        self.name = name
        self.entries = entries
        self.owner = owner
    }

    /// Whether a set may have the name: it is never taken for an address.
    package static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 31 && AddressRange(text) == nil
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.:".contains($0)) }
    }

    package static let namingRule =
        "at most 31 letters, digits, '-', '_', '.' and ':', and no address"
}

extension AddressSet.Entry: LosslessStringConvertible, TextCodable {
    /// Reads `10.0.0.0/8`, `10.0.0.1-10.0.0.9` or one address, and `nomatch` behind it.
    package init?(_ text: String) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let first = words.first, words.count < 3, words.count == 1 || words[1] == "nomatch",
            let range = AddressRange(first)
        else { return nil }
        self.init(range, isExcluded: words.count == 2)
    }

    package var description: String { "\(range)\(isExcluded ? " nomatch" : "")" }
}

/// Whom a list is about: the addresses of a set, or some that stand in the list itself.
package enum AddressSource: Hashable, Sendable {
    case set(String)
    case range(AddressRange)

    /// Of a set, its name.
    package var setName: String? {
        if case .set(let name) = self { name } else { nil }
    }

    /// Addresses that stand in the list itself.
    package var range: AddressRange? {
        if case .range(let range) = self { range } else { nil }
    }
}

extension AddressSource: LosslessStringConvertible, TextCodable {
    package init?(_ text: String) {
        if let range = AddressRange(text) {
            self = .range(range)
        } else if AddressSet.isName(text) {
            self = .set(text)
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .set(let name): name
        case .range(let range): range.description
        }
    }
}

/// Who may ask a service.
package struct AccessLists: Equatable, Codable, Sendable {
    /// Clients that open connections; empty: all.
    package var allow: [AddressSource]
    /// Clients that open none, whatever `allow` says.
    package var deny: [AddressSource]

    package init(allow: [AddressSource] = [], deny: [AddressSource] = []) {
        self.allow = allow
        self.deny = deny
    }

    /// Sets that one list may name; addresses in the list itself count as one.
    package static let mostSets = 4

    package var isEmpty: Bool { allow.isEmpty && deny.isEmpty }
}

/// Senders whose packets are dropped before anything else is asked.
package struct Denial: ConfigurationObject {
    package var source: AddressSource
    package var owner: Owner

    package var key: AddressSource { source }

    package init(source: AddressSource, owner: Owner = .runtime) {
        self.source = source
        self.owner = owner
    }
}
