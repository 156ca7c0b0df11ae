// SPDX-License-Identifier: Apache-2.0

/// A 48-bit link-layer address; the first octet on the wire is the most significant.
public struct MACAddress: Hashable, Sendable, BitwiseCopyable {
    /// Below 2^48.
    public let rawValue: UInt64

    /// Keeps the low 48 bits.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue & 0xFFFF_FFFF_FFFF
    }

    public static let zero = MACAddress(rawValue: 0)
    public static let broadcast = MACAddress(rawValue: .max)

    /// The group bit: broadcast and multicast (IEEE 802.3).
    public var isMulticast: Bool { rawValue >> 40 & 1 == 1 }
}

extension MACAddress: LosslessStringConvertible {
    /// Reads `02:00:00:00:00:01`; hyphens serve as well, but not both.
    public init?(_ text: some StringProtocol) {
        let separator: Character = text.contains("-") ? "-" : ":"
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var value: UInt64 = 0
        for part in parts {
            guard part.utf8.count == 2, part.first != "+", let octet = UInt8(part, radix: 16) else {
                return nil
            }
            value = value << 8 | UInt64(octet)
        }
        self.init(rawValue: value)
    }

    public var description: String {
        (0..<6)
            .map { index in
                let octet = UInt8(truncatingIfNeeded: rawValue >> UInt64(40 - 8 * index))
                return (octet < 16 ? "0" : "") + String(octet, radix: 16)
            }
            .joined(separator: ":")
    }
}
