// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// What a frame says, for tests to compare; nil fields are not there.
public struct DecodedFrame: Equatable, Sendable, CustomStringConvertible {
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

    /// Reads what our own tests and the code under test write: Ethernet, ARP, IPv4.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= 14 else { return nil }
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
        let inner = Reader(bytes: payload)
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
            if inner.number(6, 2) != 0 {
                hasValidChecksums = hasValidChecksums && Checksum.of(pseudo + payload) == 0
            }
        case 1 where payload.count >= 8:
            icmp = ICMP(
                type: UInt8(inner.number(0, 1)),
                code: UInt8(inner.number(1, 1)),
                rest: UInt32(inner.number(4, 4))
            )
            data = Array(payload.dropFirst(8))
            hasValidChecksums = hasValidChecksums && Checksum.of(payload) == 0
        default: data = payload
        }
        return true
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
