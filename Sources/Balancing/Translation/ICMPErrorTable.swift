// SPDX-License-Identifier: Apache-2.0

/// What an ICMP error of one family says, and what it is called in the other (RFC 7915 sections
/// 4.2 and 5.2).
public struct ICMPErrorFields: Equatable, BitwiseCopyable, Sendable {
    public var type: UInt8
    public var code: UInt8
    /// The second word of the message: MTU, pointer or nothing, and the length of RFC 4884.
    public var rest: UInt32

    public init(type: UInt8, code: UInt8, rest: UInt32 = 0) {
        self.type = type
        self.code = code
        self.rest = rest
    }

    /// What the links on either side of the translator take.
    public struct LinkMTUs: Equatable, BitwiseCopyable, Sendable {
        public var ipv4: UInt16
        public var ipv6: UInt16

        public init(ipv4: UInt16 = .max, ipv6: UInt16 = .max) {
            self.ipv4 = ipv4
            self.ipv6 = ipv6
        }
    }

    enum TypeV4 {
        static let unreachable: UInt8 = 3, timeExceeded: UInt8 = 11, parameter: UInt8 = 12
    }
    enum TypeV6 {
        static let unreachable: UInt8 = 1, tooBig: UInt8 = 2
        static let timeExceeded: UInt8 = 3, parameter: UInt8 = 4
    }

    /// Whether a message of `type` is an error about a quoted packet.
    ///
    /// Source quench is none any more: RFC 6633 section 3 deprecates it.
    static func isError(_ type: UInt8, isIPv6: Bool) -> Bool {
        isIPv6
            ? (TypeV6.unreachable...TypeV6.parameter).contains(type)
            : type == TypeV4.unreachable || type == TypeV4.timeExceeded || type == TypeV4.parameter
    }

    /// Octets that the error quotes when extensions (RFC 4884) follow the quotation; nil when none
    /// do.
    func quotedLength(isIPv6: Bool) -> Int? {
        let units: Int
        if isIPv6 {
            guard type == TypeV6.unreachable || type == TypeV6.timeExceeded else { return nil }
            units = Int(rest >> 24) &* 8
        } else {
            units = Int(rest >> 16 & 0xFF) &* 4
        }
        return units == 0 ? nil : units
    }

    /// The same error for a sender whose packets gain `growth` octets before they meet it: an MTU that it
    /// says is so much less.
    ///
    /// `quotedLength` is the length of the packet that it is about, for routers that say no MTU. Nobody
    /// can be asked for less than 68 octets of IPv4 or 1280 of IPv6.
    func leaving(_ growth: Int, isIPv6: Bool, quotedLength: Int) -> Self {
        var fields = self
        if isIPv6, type == TypeV6.tooBig, growth > 0 {
            fields.rest = UInt32(max(Translator.leastIPv6MTU, Int(rest) &- growth))
        } else if !isIPv6, type == TypeV4.unreachable, code == 4, growth > 0 {
            let left = max(68, Self.mtu(rest, quotedLength) &- growth)
            fields.rest = rest & 0xFFFF_0000 | UInt32(truncatingIfNeeded: left)
        }
        return fields
    }

    /// The same without the length of a quotation that extensions follow (RFC 4884).
    func withoutExtensions(isIPv6: Bool) -> Self {
        var fields = self
        if quotedLength(isIPv6: isIPv6) != nil {
            fields.rest &= isIPv6 ? 0x00FF_FFFF : 0xFF00_FFFF
        }
        return fields
    }

    // MARK: - From IPv4 to IPv6

    /// This ICMP error as ICMPv6, or nil when it has no counterpart and ends here.
    ///
    /// `quotedLength` is the length of the packet that it is about, for routers that say no MTU.
    func inIPv6(quotedLength: Int, _ mtus: LinkMTUs) -> Self? {
        switch (type, code) {
        case (TypeV4.unreachable, 2):
            // Protocol unreachable: the pointer is at the field "next header".
            Self(type: TypeV6.parameter, code: 1, rest: 6)
        case (TypeV4.unreachable, 3): Self(type: TypeV6.unreachable, code: 4)
        case (TypeV4.unreachable, 4):
            Self(type: TypeV6.tooBig, code: 0, rest: mtuInIPv6(quotedLength, mtus))
        case (TypeV4.unreachable, 9), (TypeV4.unreachable, 10), (TypeV4.unreachable, 13),
            (TypeV4.unreachable, 15):
            Self(type: TypeV6.unreachable, code: 1)
        case (TypeV4.unreachable, 0...1), (TypeV4.unreachable, 5...8),
            (TypeV4.unreachable, 11...12):
            Self(type: TypeV6.unreachable, code: 0)
        case (TypeV4.timeExceeded, _): Self(type: TypeV6.timeExceeded, code: code)
        case (TypeV4.parameter, 0), (TypeV4.parameter, 2):
            Self.pointerInIPv6(UInt8(truncatingIfNeeded: rest >> 24))
                .map { Self(type: TypeV6.parameter, code: 0, rest: UInt32($0)) }
        default: nil
        }
    }

    /// RFC 7915 section 4.2: the MTU "MUST NOT be set to a value smaller than the minimum IPv6 MTU".
    private func mtuInIPv6(_ quotedLength: Int, _ mtus: LinkMTUs) -> UInt32 {
        let told = Self.mtu(rest, quotedLength)
        let least = min(told &+ 20, Int(mtus.ipv6), Int(mtus.ipv4) &+ 20)
        return UInt32(max(Translator.leastIPv6MTU, least))
    }

    /// The next-hop MTU that an ICMP error says in `rest`; for routers older than RFC 1191, which
    /// say 0, the likely one: its section 7 has the plateaus, to be "the greatest plateau value that
    /// is less than the returned Total Length field".
    static func mtu(_ rest: UInt32, _ quotedLength: Int) -> Int {
        let told = Int(rest & 0xFFFF)
        guard told == 0 else { return told }
        return switch quotedLength {
        case 32_001...: 32_000
        case 17_915...: 17_914
        case 8_167...: 8_166
        case 4_353...: 4_352
        case 2_003...: 2_002
        case 1_493...: 1_492
        case 1_007...: 1_006
        case 509...: 508
        case 297...: 296
        default: 68
        }
    }

    /// RFC 7915 figure 3; fields without a counterpart end the error.
    private static func pointerInIPv6(_ pointer: UInt8) -> UInt8? {
        switch pointer {
        case 0...1: pointer
        case 2...3: 4
        case 8: 7
        case 9: 6
        case 12...15: 8
        case 16...19: 24
        default: nil
        }
    }

    // MARK: - From IPv6 to IPv4

    /// This ICMPv6 error as ICMP, or nil when it has no counterpart and ends here.
    ///
    /// `growth` is how many octets longer the quoted packet is in IPv6 than in IPv4.
    func inIPv4(growth: Int, _ mtus: LinkMTUs) -> Self? {
        switch (type, code) {
        case (TypeV6.unreachable, 0), (TypeV6.unreachable, 2), (TypeV6.unreachable, 3):
            Self(type: TypeV4.unreachable, code: 1)
        case (TypeV6.unreachable, 1): Self(type: TypeV4.unreachable, code: 10)
        case (TypeV6.unreachable, 4): Self(type: TypeV4.unreachable, code: 3)
        case (TypeV6.tooBig, _):
            Self(type: TypeV4.unreachable, code: 4, rest: mtuInIPv4(growth, mtus))
        case (TypeV6.timeExceeded, _): Self(type: TypeV4.timeExceeded, code: code)
        case (TypeV6.parameter, 0):
            Self.pointerInIPv4(rest)
                .map { Self(type: TypeV4.parameter, code: 0, rest: UInt32($0) << 24) }
        case (TypeV6.parameter, 1): Self(type: TypeV4.unreachable, code: 2)
        default: nil
        }
    }

    /// No IPv6 path has less than 1280 octets, whoever says so (RFC 8201 section 4).
    private func mtuInIPv4(_ growth: Int, _ mtus: LinkMTUs) -> UInt32 {
        let told = max(Translator.leastIPv6MTU, Int(rest))
        let least = min(told &- growth, Int(mtus.ipv4), Int(mtus.ipv6) &- growth)
        return UInt32(Translator.clamp(max(68, least)))
    }

    /// RFC 7915 figure 6.
    private static func pointerInIPv4(_ pointer: UInt32) -> UInt8? {
        switch pointer {
        case 0...1: UInt8(pointer)
        case 4...5: 2
        case 6: 9
        case 7: 8
        case 8...23: 12
        case 24...39: 16
        default: nil
        }
    }
}
