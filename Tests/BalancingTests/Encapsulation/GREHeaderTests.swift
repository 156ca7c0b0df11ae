// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct GREHeaderTests {
    /// Checksum, key 7, sequence number 3 before eight octets.
    private static let literal: [UInt8] = [
        0xB0, 0, 8, 0, 0x37, 0xE1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8,
    ]

    private func read(_ octets: [UInt8]) -> (header: GREHeader, isIntact: Bool)? {
        var octets = octets
        return unsafe octets.withUnsafeMutableBytes { place in
            guard let base = place.baseAddress else { return nil }
            let bytes = unsafe FrameBytes(base, count: place.count)
            return GREHeader(bytes, at: 0, end: place.count)
                .map { ($0, $0.isIntact(bytes, at: 0, end: place.count)) }
        }
    }

    @Test func `a literal is read`() throws {
        let (header, isIntact) = try #require(read(Self.literal))
        #expect(header.type == .ipv4 && header.hasChecksum && isIntact)
        #expect(header.key == 7 && header.sequence == 3 && header.length == 16)
        let (bare, _) = try #require(read([0, 0, 0x86, 0xDD]))
        #expect(bare.type == .ipv6 && bare.length == 4 && bare.key == nil)
    }

    @Test(arguments: 0..<16)
    func `what ends within the header is none`(count: Int) {
        #expect(read(Array(Self.literal.prefix(count))) == nil)
    }

    /// Routing, strict source route, recursion, version: RFC 2784 section 2.3.
    @Test(arguments: [0x40, 0x08, 0x04], [0, 1, 7])
    func `other forms are none`(flags: UInt8, version: UInt8) {
        #expect(read([flags, version, 8, 0] + [UInt8](repeating: 0, count: 16)) == nil)
        #expect(version == 0 || read([0, version, 8, 0]) == nil)
    }

    @Test func `a changed octet is noticed by the checksum`() throws {
        for place in 2..<Self.literal.count {
            var changed = Self.literal
            changed[place] ^= 0x40
            #expect(read(changed)?.isIntact == false)
        }
    }

    @Test(arguments: [nil, 0, 0xFFFF_FFFF] as [UInt32?], 0..<4)
    func `what is written is read`(key: UInt32?, words: Int) throws {
        let (hasChecksum, hasSequence) = (words & 1 != 0, words & 2 != 0)
        var options = Encapsulation.Options()
        (options.key, options.hasChecksum, options.hasSequence) = (key, hasChecksum, hasSequence)
        options.service = 0x2C
        let source = try #require(IPPrefix("10.0.0.16/32"))
        let tunnel = try #require(
            Encapsulation(
                .gre,
                source: source,
                destination: source.address,
                timeToLive: 0,
                options: options
            )
        )
        let packet = Tunnels.packet(isIPv6: false) { ($0.timeToLive, $0.trafficClass) = (9, 1) }
        let buffer = RoomyBuffer(packet.frame())
        let frame = try #require(buffer.outline)
        let isWrapped = unsafe tunnel.apply(
            to: buffer.buffer,
            networkOffset: Int(frame.networkOffset),
            innerIsIPv6: false,
            innerLength: frame.totalLength,
            flowHash: 1,
            identification: 2,
            sequence: 77
        )
        #expect(isWrapped && buffer.isIntact)
        let outer = try #require(IPPacket(frame: buffer.octets))
        #expect(outer.timeToLive == 9 && outer.trafficClass == 0x2D && outer.hasValidHeader)
        let (header, isIntact) = try #require(read(outer.payload))
        #expect(isIntact && header.key == key && header.hasChecksum == hasChecksum)
        #expect(header.sequence == (hasSequence ? 77 : nil))
        #expect(Array(outer.payload.dropFirst(header.length)) == packet.octets)
        #expect(Int(tunnel.overhead) == 20 + header.length)
    }
}
