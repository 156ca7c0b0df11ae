// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// A message of neighbour discovery (RFC 4861 section 4) that every node must believe: it has passed
/// the checks that sections 6.1 and 7.1 ask of all of them.
///
///     0      1      2          4           8               24
///     +------+------+----------+-----------+---------------+-----------
///     | type | code | checksum | flags ... | target (NS,NA)| options ...
///     +------+------+----------+-----------+---------------+-----------
struct NeighbourDiscovery {
    static let routerSolicitation: UInt8 = 133, routerAdvertisement: UInt8 = 134
    static let neighbourSolicitation: UInt8 = 135, neighbourAdvertisement: UInt8 = 136
    static let types: ClosedRange<UInt8> = 133...136
    /// With it "the packet could not possibly have been forwarded by a router" (section 7.1.1).
    static let hopLimit: UInt8 = 255

    static let target = 8
    static let sourceLinkLayer: UInt8 = 1, targetLinkLayer: UInt8 = 2

    /// Flags of an advertisement, the first octet of its second word.
    struct Flags: OptionSet {
        var rawValue: UInt8

        static let router = Flags(rawValue: 0x80)
        static let solicited = Flags(rawValue: 0x40)
        static let override = Flags(rawValue: 0x20)
    }

    let type: UInt8
    let source: IPv6Address
    let destination: IPv6Address
    /// Link-layer addresses of the options, when they are there.
    private(set) var sourceMAC: MACAddress?
    private(set) var targetMAC: MACAddress?
    private let bytes: FrameBytes
    private let base: Int

    /// Nil when any check fails; the message is then to be discarded silently.
    init?(_ datagram: Datagram) {
        guard
            let type = datagram.messageType, Self.types.contains(type),
            let source = datagram.source.ipv6, let destination = datagram.destination.ipv6,
            source != .loopback,
            datagram.hopLimit == Self.hopLimit,
            datagram.bytes.octet(datagram.transport + 1) == 0,
            datagram.hasValidMessage,
            datagram.payload >= Self.shortest(type)
        else { return nil }
        self.type = type
        self.source = source
        self.destination = destination
        bytes = datagram.bytes
        base = datagram.transport
        guard readOptions(from: base + Self.shortest(type), to: datagram.end) else { return nil }
    }

    private static func shortest(_ type: UInt8) -> Int {
        switch type {
        case routerSolicitation: 8
        case routerAdvertisement: 16
        default: 24
        }
    }

    /// "All included options have a length that is greater than zero", and they fit.
    private mutating func readOptions(from start: Int, to end: Int) -> Bool {
        var offset = start
        while offset < end {
            guard
                let type = bytes.octet(offset), let units = bytes.octet(offset + 1), units > 0,
                offset + Int(units) * 8 <= end
            else { return false }
            let mac = units == 1 ? bytes.macAddress(offset + 2) : nil
            switch type {
            case Self.sourceLinkLayer where sourceMAC == nil: sourceMAC = mac
            case Self.targetLinkLayer where targetMAC == nil: targetMAC = mac
            default: break
            }
            offset += Int(units) * 8
        }
        return true
    }

    // MARK: - Fields

    var flags: Flags { Flags(rawValue: bytes.octet(base + 4) ?? 0) }

    /// Of a solicitation or advertisement of a neighbour; nil when it is a group, which is not valid.
    var target: IPv6Address? {
        bytes.ipv6Address(base + Self.target).flatMap { $0.isMulticast ? nil : $0 }
    }

    /// Seconds for which the sender of a router advertisement is a default router.
    var routerLifetime: UInt16 { bytes.word(base + 6) ?? 0 }
}
