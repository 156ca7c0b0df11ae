// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct ICMPQueryTests {
    private static let request: [UInt8] = [8, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 1, 2, 3]

    private func query(_ buffer: borrowing LooseBuffer, _ number: IPProtocol) -> ICMPQuery? {
        unsafe ICMPQuery(at: buffer.frame, length: buffer.bytes.count, number)
    }

    @Test(
        arguments: [
            (8, .icmp, .request), (0, .icmp, .reply), (128, .icmpv6, .request),
            (129, .icmpv6, .reply),
        ] as [(UInt8, IPProtocol, ICMPQuery.Kind)]
    )
    func `echoes are read`(type: UInt8, number: IPProtocol, kind: ICMPQuery.Kind) throws {
        let buffer = LooseBuffer([type] + Self.request.dropFirst())
        let echo = try required(query(buffer, number))
        #expect(echo.kind == kind)
        #expect(echo.identifier == 0x1234 && echo.sequence == 0x5678)
    }

    @Test func `the identifier is both ports, so a reply has its request's tuple reversed`() throws
    {
        let buffer = LooseBuffer(Self.request)
        let ports = try required(query(buffer, .icmp)).ports
        let tuple = IPv4Tuple(addresses: 0, ports: ports)
        #expect(tuple.sourcePort == 0x1234 && tuple.destinationPort == 0x1234)
    }

    @Test(
        arguments: [
            (3, 0, .icmp), (10, 0, .icmp), (8, 1, .icmp), (128, 0, .icmp), (8, 0, .icmpv6),
            (1, 0, .icmpv6), (135, 0, .icmpv6), (8, 0, .udp),
        ] as [(UInt8, UInt8, IPProtocol)]
    )
    func `everything else is no query`(type: UInt8, code: UInt8, number: IPProtocol) {
        let buffer = LooseBuffer([type, code] + Self.request.dropFirst(2))
        let none = query(buffer, number)
        #expect(none == nil)
    }

    @Test func `less than eight octets are no query`() {
        for count in 0..<8 {
            let buffer = LooseBuffer(Array(Self.request.prefix(count)), surroundings: 8)
            let none = query(buffer, .icmp)
            #expect(none == nil)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a new identifier moves the checksum of ICMP as recomputation does`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var octets = [8, 0, 0, 0] + random.octets(.random(in: 4...60, using: &random))
            put(Checksum.of(octets), into: &octets, at: 2)
            let buffer = LooseBuffer(octets, surroundings: 0xEE)
            let identifier = UInt16.random(in: 0...(.max), using: &random)
            // Addresses do not count.
            try required(query(buffer, .icmp))
                .rewrite(identifier: identifier, addressDelta: 0x1234)
            #expect(Checksum.of(buffer.octets) == 0, "seed \(seed)")
            #expect(buffer.bytes.word(4) == identifier)
            let isIntact = buffer.isIntact(surroundings: 0xEE)
            #expect(isIntact)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `new addresses and identifier move the checksum of ICMPv6`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let old = random.octets(32)
            let new = random.octets(32)
            var octets = [128, 0, 0, 0] + random.octets(.random(in: 4...60, using: &random))
            let tail: [UInt8] = [0, 0, 0, UInt8(octets.count), 0, 0, 0, 58]
            put(Checksum.of(old + tail + octets), into: &octets, at: 2)
            let buffer = LooseBuffer(octets)
            let identifier = UInt16.random(in: 0...(.max), using: &random)
            let sum = UInt64(~Checksum.of(new)) + UInt64(Checksum.of(old))
            let delta = UInt16(foldChecksum(sum)).bigEndian
            try required(query(buffer, .icmpv6))
                .rewrite(identifier: identifier, addressDelta: delta)
            #expect(Checksum.of(new + tail + buffer.octets) == 0, "seed \(seed)")
        }
    }

    private func put(_ value: UInt16, into octets: inout [UInt8], at offset: Int) {
        octets[offset] = UInt8(value >> 8)
        octets[offset + 1] = UInt8(value & 0xFF)
    }
}
