// SPDX-License-Identifier: Apache-2.0

extension IPv6Address {
    /// The address as one number, in host order.
    public var rawValue: UInt128 { UInt128(high) << 64 | UInt128(low) }

    public init(rawValue: UInt128) {
        self.init(
            high: UInt64(truncatingIfNeeded: rawValue >> 64),
            low: UInt64(truncatingIfNeeded: rawValue)
        )
    }

    // MARK: - Groups (RFC 4291 section 2.7)

    /// ff02::1, every node on the link.
    public static let allNodes = IPv6Address(high: 0xFF02 << 48, low: 1)
    /// ff02::2, every router on the link.
    public static let allRouters = IPv6Address(high: 0xFF02 << 48, low: 2)
    /// ff02::16, every router that speaks MLDv2 (RFC 3810 section 5.2.14).
    public static let allMLDv2Routers = IPv6Address(high: 0xFF02 << 48, low: 0x16)

    /// ff02::1:ffXX:XXXX: who is asked for this address (RFC 4291 section 2.7.1).
    public var solicitedNode: IPv6Address {
        IPv6Address(high: 0xFF02 << 48, low: 0x0001_FF00_0000 | low & 0xFF_FFFF)
    }

    /// Whether this is the solicited-node group of some address.
    public var isSolicitedNode: Bool {
        high == 0xFF02 << 48 && low >> 24 == 0x0001_FF
    }

    /// Where Ethernet delivers a multicast packet for this address (RFC 2464 section 7).
    public var groupMAC: MACAddress { MACAddress(rawValue: 0x3333 << 32 | low & 0xFFFF_FFFF) }

    /// ::ffff:0:0/96, an IPv4 address in IPv6 clothes: never on the wire (RFC 4291 section 2.5.5.2).
    public var isIPv4Mapped: Bool { high == 0 && low >> 32 == 0xFFFF }
}
