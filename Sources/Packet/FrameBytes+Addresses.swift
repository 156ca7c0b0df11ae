// SPDX-License-Identifier: Apache-2.0
public import Addressing

extension FrameBytes {
    /// The IPv4 address at `offset`, or nil outside the frame.
    public func ipv4Address(_ offset: Int) -> IPv4Address? {
        long(offset).map(IPv4Address.init(rawValue:))
    }

    /// The IPv6 address at `offset`.
    public func ipv6Address(_ offset: Int) -> IPv6Address? {
        guard
            let first = long(offset), let second = long(offset &+ 4),
            let third = long(offset &+ 8), let fourth = long(offset &+ 12)
        else { return nil }
        return IPv6Address(
            high: UInt64(first) << 32 | UInt64(second),
            low: UInt64(third) << 32 | UInt64(fourth)
        )
    }

    /// Writes an address: 16 octets.
    public func set(_ address: IPv6Address, at offset: Int) {
        set(UInt32(truncatingIfNeeded: address.high >> 32), at: offset)
        set(UInt32(truncatingIfNeeded: address.high), at: offset &+ 4)
        set(UInt32(truncatingIfNeeded: address.low >> 32), at: offset &+ 8)
        set(UInt32(truncatingIfNeeded: address.low), at: offset &+ 12)
    }

    /// Writes an address: 4 or 16 octets.
    public func set(_ address: IPAddress, at offset: Int) {
        switch address {
        case .v4(let address): set(address.rawValue, at: offset)
        case .v6(let address): set(address, at: offset)
        }
    }
}
