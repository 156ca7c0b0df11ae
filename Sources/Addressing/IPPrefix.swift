// SPDX-License-Identifier: Apache-2.0

/// An address and how many of its leading bits name the network: `10.0.0.1/24`.
///
/// The host bits are kept: an interface address needs them, a route asks for `network`.
public struct IPPrefix: Hashable, Sendable, BitwiseCopyable {
    public let address: IPAddress
    /// Leading bits that count: 0...32 or 0...128.
    public let length: Int

    /// Returns nil when `length` is more than the family has.
    public init?(_ address: IPAddress, length: Int) {
        guard (0...address.family.width).contains(length) else { return nil }
        self.address = address
        self.length = length
    }

    /// The prefix that holds `address` alone.
    public init(host address: IPAddress) {
        self.address = address
        self.length = address.family.width
    }

    public static func any(_ family: AddressFamily) -> IPPrefix {
        let zero: IPAddress = family == .ipv4 ? .v4(.any) : .v6(.any)
        return IPPrefix(host: zero).shortened(to: 0)
    }

    /// The same with every host bit cleared.
    public var network: IPPrefix { IPPrefix(masked(address), length) }

    /// The lowest and the highest address inside.
    public var bounds: ClosedRange<IPAddress> {
        switch masked(address) {
        case .v4(let first):
            return .v4(first)...(.v4(IPv4Address(rawValue: first.rawValue | ~mask4)))
        case .v6(let first):
            let (high, low) = mask6
            return .v6(first)
                ... .v6(IPv6Address(high: first.high | ~high, low: first.low | ~low))
        }
    }

    public var isHost: Bool { length == address.family.width }

    public func contains(_ other: IPAddress) -> Bool {
        other.family == address.family && masked(other) == masked(address)
    }

    private init(_ address: IPAddress, _ length: Int) {
        self.address = address
        self.length = length
    }

    private func shortened(to length: Int) -> IPPrefix { IPPrefix(address, length) }

    private var mask4: UInt32 { length == 0 ? 0 : .max << UInt32(32 - length) }

    private var mask6: (high: UInt64, low: UInt64) {
        let high: UInt64 = length == 0 ? 0 : .max << UInt64(max(0, 64 - length))
        let low: UInt64 = length <= 64 ? 0 : .max << UInt64(128 - length)
        return (high, low)
    }

    private func masked(_ address: IPAddress) -> IPAddress {
        switch address {
        case .v4(let address): return .v4(IPv4Address(rawValue: address.rawValue & mask4))
        case .v6(let address):
            let (high, low) = mask6
            return .v6(IPv6Address(high: address.high & high, low: address.low & low))
        }
    }
}

extension IPPrefix: LosslessStringConvertible {
    /// Reads `address/length`; a bare address is the prefix of that host.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let address = IPAddress(first) else {
            return nil
        }
        guard parts.count == 2 else {
            self.init(host: address)
            return
        }
        guard let length = Int(plainDecimal: parts[1].utf8) else { return nil }
        self.init(address, length: length)
    }

    public var description: String { "\(address)/\(length)" }
}

extension IPPrefix: Comparable {
    public static func < (left: Self, right: Self) -> Bool {
        (left.address, left.length) < (right.address, right.length)
    }
}
