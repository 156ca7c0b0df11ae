// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// What a frame says, for tests to compare; nil fields are not there.
public struct DecodedFrame: Equatable, Sendable, CustomStringConvertible {
    /// The whole frame.
    public var octets: [UInt8] = []
    public var destinationMAC = MACAddress.zero
    public var sourceMAC = MACAddress.zero
    public var etherType: UInt16 = 0
    public var arp: ARP?
    public var source: Endpoint?
    public var destination: Endpoint?
    public var protocolNumber: UInt8?
    public var timeToLive: UInt8?
    public var tcpFlags: UInt8?
    public var sequence: UInt32?
    public var acknowledgment: UInt32?
    public var icmp: ICMP?
    public var data: [UInt8] = []
    /// Whether hop-by-hop options say that routers should look (RFC 2711).
    public var hasRouterAlert = false
    /// Whether every checksum that is there is right.
    public var hasValidChecksums = true

    public struct ARP: Equatable, Sendable {
        public var operation: UInt16
        public var senderMAC: MACAddress
        public var sender: IPv4Address
        public var targetMAC: MACAddress
        public var target: IPv4Address
    }

    public struct ICMP: Equatable, Sendable {
        public var type: UInt8
        public var code: UInt8
        public var rest: UInt32

        public init(type: UInt8, code: UInt8, rest: UInt32) {
            self.type = type
            self.code = code
            self.rest = rest
        }
    }

    /// Reads what our own tests and the code under test write: Ethernet, ARP, IPv4, IPv6.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= 14 else { return nil }
        octets = bytes
        let reader = Reader(bytes: bytes)
        destinationMAC = MACAddress(rawValue: reader.number(0, 6))
        sourceMAC = MACAddress(rawValue: reader.number(6, 6))
        etherType = UInt16(reader.number(12, 2))
        switch etherType {
        case 0x0806:
            guard bytes.count >= 42 else { return nil }
            arp = ARP(
                operation: UInt16(reader.number(20, 2)),
                senderMAC: MACAddress(rawValue: reader.number(22, 6)),
                sender: IPv4Address(rawValue: UInt32(reader.number(28, 4))),
                targetMAC: MACAddress(rawValue: reader.number(32, 6)),
                target: IPv4Address(rawValue: UInt32(reader.number(38, 4)))
            )
        case 0x0800:
            guard bytes.count >= 34, readIPv4(reader) else { return nil }
        case 0x86DD:
            guard bytes.count >= 54, readIPv6(bytes) else { return nil }
        default: break
        }
    }

    private mutating func readIPv4(_ reader: Reader) -> Bool {
        let headerLength = Int(reader.number(14, 1) & 0xF) * 4
        let total = Int(reader.number(16, 2))
        guard headerLength >= 20, total >= headerLength, reader.bytes.count >= 14 + total else {
            return false
        }
        let header = Array(reader.bytes[14..<(14 + headerLength)])
        let payload = Array(reader.bytes[(14 + headerLength)..<(14 + total)])
        hasValidChecksums = Checksum.of(header) == 0
        timeToLive = UInt8(reader.number(22, 1))
        protocolNumber = UInt8(reader.number(23, 1))
        let from = IPAddress.v4(IPv4Address(rawValue: UInt32(reader.number(26, 4))))
        let to = IPAddress.v4(IPv4Address(rawValue: UInt32(reader.number(30, 4))))
        source = Endpoint(from, 0)
        destination = Endpoint(to, 0)
        let pseudo =
            Array(reader.bytes[26..<34]) + [0, UInt8(reader.number(23, 1))]
            + [UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        readTransport(payload, pseudo)
        return true
    }

    /// IPv6, with hop-by-hop options at most before the transport header.
    private mutating func readIPv6(_ bytes: [UInt8]) -> Bool {
        let reader = Reader(bytes: bytes)
        let end = 54 + Int(reader.number(18, 2))
        guard bytes.count >= end else { return false }
        timeToLive = UInt8(reader.number(21, 1))
        var next = UInt8(reader.number(20, 1))
        var start = 54
        if next == 0, end >= 62 {
            hasRouterAlert = reader.number(56, 4) == 0x0502_0000
            next = UInt8(reader.number(54, 1))
            start += 8 * (1 + Int(reader.number(55, 1)))
        }
        guard start <= end else { return false }
        protocolNumber = next
        let payload = Array(bytes[start..<end])
        func address(_ offset: Int) -> IPAddress {
            .v6(IPv6Address(high: reader.number(offset, 8), low: reader.number(offset + 8, 8)))
        }
        source = Endpoint(address(22), 0)
        destination = Endpoint(address(38), 0)
        let length = [0, 0, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        readTransport(payload, Array(bytes[22..<54]) + length + [0, 0, 0, next])
        return true
    }

    private mutating func readTransport(_ payload: [UInt8], _ pseudo: [UInt8]) {
        let inner = Reader(bytes: payload)
        switch protocolNumber {
        case 6 where payload.count >= 20:
            readPorts(inner)
            tcpFlags = UInt8(inner.number(13, 1))
            sequence = UInt32(inner.number(4, 4))
            acknowledgment = UInt32(inner.number(8, 4))
            data = Array(payload.dropFirst(Int(inner.number(12, 1) >> 4) * 4))
            hasValidChecksums = hasValidChecksums && Checksum.of(pseudo + payload) == 0
        case 17 where payload.count >= 8:
            readPorts(inner)
            data = Array(payload.dropFirst(8))
            // IPv6 has no UDP without a checksum (RFC 8200 section 8.1).
            if inner.number(6, 2) != 0 || etherType == 0x86DD {
                hasValidChecksums = hasValidChecksums && Checksum.of(pseudo + payload) == 0
            }
        case 1 where payload.count >= 8: readICMP(payload, [])
        case 58 where payload.count >= 8: readICMP(payload, pseudo)
        default: data = payload
        }
    }

    private mutating func readICMP(_ payload: [UInt8], _ pseudo: [UInt8]) {
        let inner = Reader(bytes: payload)
        icmp = ICMP(
            type: UInt8(inner.number(0, 1)),
            code: UInt8(inner.number(1, 1)),
            rest: UInt32(inner.number(4, 4))
        )
        data = Array(payload.dropFirst(8))
        hasValidChecksums = hasValidChecksums && Checksum.of(pseudo + payload) == 0
    }

    // MARK: - Neighbour discovery and multicast listeners (RFC 4861, RFC 3810)

    /// Whether this is talk among nodes of the link: types 130 to 137 and 143 of ICMPv6.
    public var isLinkTalk: Bool {
        protocolNumber == 58
            && icmp.map { (130...137).contains($0.type) || $0.type == 143 } ?? false
    }

    /// The target of a solicitation or advertisement.
    public var target: IPv6Address? {
        guard isLinkTalk, icmp?.type == 135 || icmp?.type == 136, data.count >= 16 else {
            return nil
        }
        let reader = Reader(bytes: data)
        return IPv6Address(high: reader.number(0, 8), low: reader.number(8, 8))
    }

    /// The link-layer address of the only option.
    public var linkLayerOption: MACAddress? {
        let start = target == nil ? 0 : 16
        guard isLinkTalk, data.count == start + 8, data[start + 1] == 1 else { return nil }
        return MACAddress(rawValue: Reader(bytes: data).number(start + 2, 6))
    }

    /// The groups of a report of version 2.
    public var reportedGroups: [IPv6Address] {
        guard icmp?.type == 143 else { return [] }
        let reader = Reader(bytes: data)
        return stride(from: 4, through: data.count - 16, by: 20)
            .map { IPv6Address(high: reader.number($0, 8), low: reader.number($0 + 8, 8)) }
    }

    private mutating func readPorts(_ reader: Reader) {
        source?.port = UInt16(reader.number(0, 2))
        destination?.port = UInt16(reader.number(2, 2))
    }

    public var description: String {
        var text = "\(sourceMAC) > \(destinationMAC)"
        if let arp {
            let verb = arp.operation == 1 ? "who has" : "reply to"
            text += " arp \(verb) \(arp.target), \(arp.sender) is at \(arp.senderMAC)"
        }
        if let source, let destination { text += " \(source) > \(destination)" }
        if let tcpFlags { text += " tcp flags \(String(tcpFlags, radix: 16))" }
        if let icmp { text += " icmp \(icmp.type)/\(icmp.code)" }
        if let timeToLive { text += " ttl \(timeToLive)" }
        return text + (hasValidChecksums ? "" : " BAD CHECKSUM")
    }

    private struct Reader {
        let bytes: [UInt8]

        func number(_ offset: Int, _ count: Int) -> UInt64 {
            bytes[offset..<(offset + count)].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
