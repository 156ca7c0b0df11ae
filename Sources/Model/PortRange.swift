// SPDX-License-Identifier: Apache-2.0

/// Ports that lie next to each other: one, some or all.
package struct PortRange: Hashable, Sendable, Comparable {
    package var first: UInt16
    package var last: UInt16

    package init(_ ports: ClosedRange<UInt16>) {
        first = ports.lowerBound
        last = ports.upperBound
    }

    package init(_ port: UInt16) { self.init(port...port) }

    /// Every port; 0 as well, for protocols that have none.
    package static let all = PortRange(0...65535)

    /// The only port; nil when there are more.
    package var single: UInt16? { first == last ? first : nil }

    package func contains(_ other: PortRange) -> Bool { first <= other.first && other.last <= last }

    package func overlaps(_ other: PortRange) -> Bool { first <= other.last && other.first <= last }

    package static func < (left: Self, right: Self) -> Bool {
        (left.first, left.last) < (right.first, right.last)
    }
}

extension PortRange: LosslessStringConvertible {
    /// Reads `80`, `8000-8999` or `all`.
    package init?(_ text: some StringProtocol) {
        if text == "all" {
            self = .all
            return
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            .map { Self.port($0) }
        switch parts.count {
        case 1:
            guard let port = parts[0] else { return nil }
            self.init(port)
        case 2:
            guard let first = parts[0], let last = parts[1], first < last else { return nil }
            self.init(first...last)
        default: return nil
        }
    }

    package init?(_ description: String) { self.init(description[...]) }

    private static func port(_ text: some StringProtocol) -> UInt16? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !text.hasPrefix("0") else {
            return nil
        }
        return UInt16(text)
    }

    package var description: String {
        self == .all ? "all" : single.map(String.init) ?? "\(first)-\(last)"
    }
}

extension PortRange: Codable {
    /// A single port is a number, everything else a text.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text: String
        if let number = try? container.decode(UInt16.self) {
            text = String(number)
        } else {
            text = try container.decode(String.self)
        }
        guard let value = PortRange(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "'\(text)' names no ports"
            )
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let single { try container.encode(single) } else { try container.encode(description) }
    }
}
