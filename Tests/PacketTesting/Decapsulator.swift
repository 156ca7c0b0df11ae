// SPDX-License-Identifier: Apache-2.0

/// A tunnel packet taken apart as its receiver would.
public struct Decapsulator: Equatable, Sendable {
    public var outer: IPPacket
    public var inner: IPPacket
    /// Ports and checksum of UDP; nil for tunnels without it.
    public var udp: UDP?
    /// What is between the outer IP header or UDP header and the inner IP header.
    public var shim: [UInt8]
    /// Octets of the inner packet.
    public var innerOctets: [UInt8]

    public struct UDP: Equatable, Sendable {
        public var source: UInt16
        public var destination: UInt16
        public var length: UInt16
        public var checksum: UInt16
    }

    /// Takes the tunnel packet in `frame` apart; nil when it is none.
    public init?(frame: [UInt8]) {
        guard let outer = IPPacket(frame: frame) else { return nil }
        var rest = outer.payload
        var innerNumber: UInt8
        shim = []
        switch outer.protocolNumber {
        case 4, 41: innerNumber = outer.protocolNumber
        case 47:
            guard rest.count >= 4 else { return nil }
            let words = [0x80, 0x20, 0x10].count { rest[0] & $0 != 0 }
            let length = 4 + words * 4
            guard rest.count >= length else { return nil }
            shim = Array(rest[..<length])
            innerNumber = rest[2...3] == [0x08, 0x00] ? 4 : 41
            rest.removeFirst(length)
        case 17:
            guard rest.count >= 9 else { return nil }
            udp = UDP(
                source: UInt16(IPPacket.number(rest, 0, 2)),
                destination: UInt16(IPPacket.number(rest, 2, 2)),
                length: UInt16(IPPacket.number(rest, 4, 2)),
                checksum: UInt16(IPPacket.number(rest, 6, 2))
            )
            rest.removeFirst(8)
            innerNumber = rest[0] >> 4 == 4 ? 4 : 41
            if rest[0] >> 6 == 0 {
                guard rest.count >= 4 else { return nil }
                shim = Array(rest[..<4])
                innerNumber = rest[1]
                rest.removeFirst(4)
            }
        default: return nil
        }
        guard let inner = IPPacket(rest), inner.isIPv6 == (innerNumber == 41) else { return nil }
        self.outer = outer
        self.inner = inner
        innerOctets = rest
    }
}
