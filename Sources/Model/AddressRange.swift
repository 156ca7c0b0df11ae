// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Addresses of one family that lie next to each other: a network, or from one to another.
package struct AddressRange: Hashable, Sendable {
    package let first: IPAddress
    /// Of the same family, not below `first`.
    package let last: IPAddress

    package init(_ prefix: IPPrefix) {
        first = prefix.bounds.lowerBound
        last = prefix.bounds.upperBound
    }

    /// Nil when the families differ or `last` comes before `first`.
    package init?(_ first: IPAddress, _ last: IPAddress) {
        guard first.family == last.family, first <= last else { return nil }
        self.first = first
        self.last = last
    }

    package static func any(_ family: AddressFamily) -> AddressRange {
        AddressRange(IPPrefix.any(family))
    }

    package var family: AddressFamily { first.family }

    package func contains(_ address: IPAddress) -> Bool {
        address.family == family && (first...last).contains(address)
    }

    /// The network that holds exactly these addresses; nil when none does.
    private var prefix: IPPrefix? {
        (0...family.width).lazy.compactMap { IPPrefix(first, length: $0) }
            .first { $0.bounds == first...last }
    }
}

extension AddressRange: LosslessStringConvertible, TextCodable {
    /// Reads `10.1.0.0/16`, `10.1.0.1-10.1.0.9` or one address.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        if parts.count == 2 {
            guard let first = IPAddress(parts[0]), let last = IPAddress(parts[1]) else {
                return nil
            }
            self.init(first, last)
        } else {
            guard let prefix = IPPrefix(text), prefix == prefix.network else { return nil }
            self.init(prefix)
        }
    }

    package init?(_ description: String) { self.init(description[...]) }

    package var description: String {
        guard let prefix else { return "\(first)-\(last)" }
        return prefix.isHost ? first.description : prefix.description
    }
}
