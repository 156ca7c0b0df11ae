// SPDX-License-Identifier: Apache-2.0

/// An address of either family.
public enum IPAddress: Hashable, Sendable, BitwiseCopyable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    public var family: AddressFamily {
        switch self {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }

    public var ipv4: IPv4Address? {
        if case .v4(let address) = self { address } else { nil }
    }

    public var ipv6: IPv6Address? {
        if case .v6(let address) = self { address } else { nil }
    }
}

/// The two versions of the Internet Protocol.
public enum AddressFamily: String, Hashable, Sendable, CaseIterable {
    case ipv4, ipv6

    /// Bits in an address.
    public var width: Int { self == .ipv4 ? 32 : 128 }
}

extension IPAddress: LosslessStringConvertible {
    public init?(_ text: some StringProtocol) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by number.
    public static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left < right
        case (.v6(let left), .v6(let right)): left < right
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}

/// An address and a port, written `10.0.0.1:80` and `[2001:db8::1]:80`.
public struct Endpoint: Hashable, Sendable, BitwiseCopyable {
    public var address: IPAddress
    public var port: UInt16

    public init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }
}

extension Endpoint: LosslessStringConvertible {
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        var host = String(text[..<colon])
        guard let port = UInt16(plainDecimal: digits.utf8) else { return nil }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        guard let address = IPAddress(host), isBracketed == (address.family == .ipv6) else {
            return nil
        }
        self.init(address, port)
    }

    public var description: String {
        switch address {
        case .v4(let address): "\(address):\(port)"
        case .v6(let address): "[\(address)]:\(port)"
        }
    }
}
