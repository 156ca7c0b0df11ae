// SPDX-License-Identifier: Apache-2.0
import Addressing
import Cryptography
import Model

/// How the low half of a link-local address is made: `ipv6_defs/addr_gen_mode`.
enum InterfaceIdentifier {
    enum Mode: String {
        case eui64
        case stablePrivacy = "stable-privacy"
        case random
        case none
    }

    /// From the MAC address: ff:fe goes into its middle, and the bit "universal" is inverted (RFC
    /// 4291 appendix A).
    static func eui64(_ mac: MACAddress) -> UInt64 {
        let (high, low) = (mac.rawValue >> 24, mac.rawValue & 0xFF_FFFF)
        return (high << 40 | 0xFFFE << 24 | low) ^ 0x0200_0000_0000_0000
    }

    /// The same for the same interface as long as the secret is, and telling nothing about it.
    ///
    /// RFC 7217 section 5; `attempt` is its DAD_Counter, and there is no Network_ID.
    static func stable(interface: String, attempt: Int, secret: String) -> UInt64 {
        let linkLocalPrefix: [UInt8] = [0xFE, 0x80, 0, 0, 0, 0, 0, 0]
        // Lengths, so that no two inputs look the same.
        let parts = [
            linkLocalPrefix, Array(interface.utf8), Array("\(attempt)".utf8), Array(secret.utf8),
        ]
        let digest = SHA256.hexadecimal(parts.flatMap { [UInt8(clamping: $0.count)] + $0 })
        // "Starting from the least significant bit".
        return UInt64(digest.suffix(16), radix: 16) ?? 0
    }

    /// The anycast identifiers of RFC 5453: the lowest, and the highest 128 of RFC 2526.
    static func isReserved(_ identifier: UInt64) -> Bool {
        identifier == 0 || (0xFDFF_FFFF_FFFF_FF80...0xFDFF_FFFF_FFFF_FFFF).contains(identifier)
    }
}

/// The link-local address of each interface, the same for the whole run.
struct LinkLocalAddresses {
    /// RFC 7217 section 6: `IDGEN_RETRIES`.
    private static var attempts: Int { 3 }

    /// What stands in for a secret that nobody has configured, and what random ones are made of.
    private let ownSecret = Self.makeSecret()
    private let seed = Self.makeSecret()

    private static func makeSecret() -> String {
        var source = SystemRandomNumberGenerator()
        return String(source.next(), radix: 16) + String(source.next(), radix: 16)
    }

    /// The address of `interface`; nil when it is to have none.
    ///
    /// An address in `taken` belongs to another node on the link: stable-privacy makes the next one
    /// then, the other modes know no other.
    func address(
        of interface: Interface,
        _ settings: Settings,
        taken: Set<IPAddress>
    ) -> IPv6Address? {
        // RFC 8200 section 5: "IPv6 requires that every link in the Internet have an MTU of 1280
        // octets or greater."
        guard let mac = interface.macAddress, interface.mtu >= 1280 else { return nil }
        let mode = settings.text("ipv6_defs.addr_gen_mode").flatMap(InterfaceIdentifier.Mode.init)
        switch mode ?? .eui64 {
        case .none: return nil
        case .eui64: return Self.linkLocal(InterfaceIdentifier.eui64(mac))
        case .random: return Self.identifiers(of: interface, secret: seed).first
        case .stablePrivacy:
            let secret = settings.text("ipv6_defs.stable_secret") ?? ownSecret
            return Self.identifiers(of: interface, secret: secret)
                .first { !taken.contains(.v6($0)) }
        }
    }

    /// What may be tried, in this order.
    private static func identifiers(of interface: Interface, secret: String) -> [IPv6Address] {
        (0...attempts)
            .map {
                InterfaceIdentifier.stable(
                    interface: interface.name,
                    attempt: $0,
                    secret: secret
                )
            }
            .filter { !InterfaceIdentifier.isReserved($0) }
            .map(linkLocal)
    }

    private static func linkLocal(_ identifier: UInt64) -> IPv6Address {
        IPv6Address(high: 0xFE80 << 48, low: identifier)
    }
}
