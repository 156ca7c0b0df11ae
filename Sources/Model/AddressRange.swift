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

    /// All of them, lowest first; nil when there are more than `most`.
    package func addresses(most: Int) -> [IPAddress]? {
        var all: [IPAddress] = []
        var next: IPAddress? = first
        while let address = next, address <= last {
            guard all.count < most else { return nil }
            all.append(address)
            next = address.next
        }
        return all
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

    /// The same, and what keepalived writes: `192.168.100.5-254` to the last octet given, and of IPv6
    /// to the last group, `2001:db8::5-ff`; never a network, which has addresses that no host has.
    package init?(shortText text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard !text.contains("/"), let first = parts.first.flatMap({ IPAddress($0) }) else {
            return nil
        }
        guard parts.count == 2 else {
            guard parts.count == 1 else { return nil }
            self.init(first, first)
            return
        }
        guard let last = IPAddress(parts[1]) ?? first.withEnd(parts[1]) else { return nil }
        self.init(first, last)
    }

    package var description: String {
        guard let prefix else { return "\(first)-\(last)" }
        return prefix.isHost ? first.description : prefix.description
    }
}

extension IPAddress {
    /// The next one; nil after the last of the family.
    package var next: IPAddress? {
        switch self {
        case .v4(let address):
            return address.rawValue == .max ? nil : .v4(IPv4Address(rawValue: address.rawValue + 1))
        case .v6(let address):
            let low = address.low &+ 1
            guard low == 0 else { return .v6(IPv6Address(high: address.high, low: low)) }
            return address.high == .max ? nil : .v6(IPv6Address(high: address.high + 1, low: 0))
        }
    }

    /// The same with another last octet, or of IPv6 another last group in hexadecimal digits.
    fileprivate func withEnd(_ text: some StringProtocol) -> IPAddress? {
        let isPlain = text.allSatisfy { $0.isASCII && $0.isHexDigit }
        switch self {
        case .v4(let address):
            guard isPlain, let octet = UInt8(text) else { return nil }
            return .v4(IPv4Address(rawValue: address.rawValue & ~0xFF | UInt32(octet)))
        case .v6(let address):
            guard isPlain, let group = UInt16(text, radix: 16) else { return nil }
            return .v6(IPv6Address(high: address.high, low: address.low & ~0xFFFF | UInt64(group)))
        }
    }
}
