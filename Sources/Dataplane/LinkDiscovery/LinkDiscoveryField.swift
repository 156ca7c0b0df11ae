// SPDX-License-Identifier: Apache-2.0
import Addressing

/// One field of a link-layer discovery message (IEEE Std 802.1AB-2016 clause 8.4).
///
///     7 bits   9 bits   0...511 octets
///     +------+--------+---------------
///     | kind | length | value ...
///     +------+--------+---------------
struct LinkDiscoveryField {
    /// An open set; what is not named here is skipped.
    struct Kind: RawRepresentable, Equatable {
        var rawValue: UInt8

        static let end = Kind(rawValue: 0)
        static let chassis = Kind(rawValue: 1), port = Kind(rawValue: 2)
        static let timeToLive = Kind(rawValue: 3)
        static let portDescription = Kind(rawValue: 4)
        static let systemName = Kind(rawValue: 5), systemDescription = Kind(rawValue: 6)
        static let capabilities = Kind(rawValue: 7)
        static let managementAddress = Kind(rawValue: 8)
        static let organisation = Kind(rawValue: 127)
    }

    /// What kind of name a chassis or a port has: tables 8-2 and 8-3.
    enum Naming {
        static let chassisMAC: UInt8 = 4, chassisAddress: UInt8 = 5
        static let portMAC: UInt8 = 3, portAddress: UInt8 = 4, interfaceName: UInt8 = 5
    }

    /// Longest text of a field: clauses 8.5.5 to 8.5.7.
    private static var longestText: Int { 255 }

    var kind: Kind
    var value: [UInt8]

    init(_ kind: Kind, _ value: [UInt8] = []) {
        self.kind = kind
        self.value = Array(value.prefix(511))
    }

    init(_ kind: Kind, text: String) {
        self.init(kind, Array(text.utf8.prefix(Self.longestText)))
    }

    /// Takes the next field off `octets`; nil when there is none, or not a whole one: then octets
    /// are left.
    init?(takenFrom octets: inout ArraySlice<UInt8>) {
        guard octets.count >= 2 else { return nil }
        let head = octets.prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
        let length = Int(head & 0x1FF)
        guard octets.count >= 2 + length else { return nil }
        kind = Kind(rawValue: UInt8(head >> 9))
        value = Array(octets.dropFirst(2).prefix(length))
        octets = octets.dropFirst(2 + length)
    }

    /// As it stands in a message.
    var octets: [UInt8] {
        let head = UInt16(kind.rawValue) << 9 | UInt16(value.count)
        return head.octets + value
    }
}

extension FixedWidthInteger {
    /// In network order.
    var octets: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8)
            .map { UInt8(truncatingIfNeeded: self >> Self($0)) }
    }
}
