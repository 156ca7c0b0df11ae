// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct FragmentParsingTests {
    private func fragment(_ frame: [UInt8]) -> Fragment? {
        let buffer = LooseBuffer(frame)
        guard case .parsed(let outline) = buffer.parse() else { return nil }
        return Fragment(buffer.bytes, outline)
    }

    private func ipv4(_ field: UInt16, protocol number: UInt8 = 17, octets: Int = 16) -> [UInt8] {
        Frame(.other(protocol: number, data: Array(repeating: 0xAA, count: octets))) {
            $0.fragment = field
        }
        .octets
    }

    private func ipv6(_ extensions: [IPv6Frame.Extension], octets: Int = 16) -> [UInt8] {
        IPv6Frame {
            $0.extensions = extensions
            $0.protocol = .udp
            $0.payload = Array(repeating: 0xAA, count: octets)
        }
        .octets
    }

    @Test func `an IPv4 fragment says what it is a part of`() throws {
        let part = try #require(fragment(ipv4(0x2003)))
        let key = FragmentKey(
            source: 0x0A00_000A,
            destination: 0x0A00_0064,
            identification: 0x1234,
            protocolNumber: 17
        )
        #expect(part.key == key)
        #expect(part.offset == 24 && part.length == 16 && part.hasMore)
        #expect(!part.isFirst)
    }

    @Test func `the last fragment may have any length`() throws {
        let part = try #require(fragment(ipv4(0x0003, octets: 5)))
        #expect(part.length == 5 && !part.hasMore)
    }

    @Test(
        arguments: [
            [.fragment(offset: 24, more: true)],
            [.options(.hopByHopOptions), .fragment(offset: 24, more: true)],
            [
                .options(.destinationOptions, units: 1), .authentication(words: 4),
                .fragment(offset: 24, more: true),
            ],
        ] as [[IPv6Frame.Extension]]
    )
    func `an IPv6 fragment is found behind other headers`(extensions: [IPv6Frame.Extension]) throws
    {
        let part = try #require(fragment(ipv6(extensions)))
        let key = FragmentKey(
            source: (0x2001_0DB8_0000_0000, 0x10),
            destination: (0x2001_0DB8_0000_0000, 0x100),
            identification: 7
        )
        #expect(part.key == key)
        #expect(part.offset == 24 && part.length == 16 && part.hasMore)
    }

    @Test func `a whole packet is no fragment`() {
        #expect(fragment(Frame.udp(from: "10.0.0.1:1", to: "10.0.0.2:2")) == nil)
        #expect(fragment(IPv6Frame.udp()) == nil)
        #expect(
            fragment(IPv6Frame.udp { $0.extensions = [.fragment(offset: 0, more: false)] }) == nil
        )
    }

    @Test func `a part before the last has a multiple of eight octets`() {
        #expect(fragment(ipv4(0x2003, octets: 15)) == nil)
        #expect(fragment(ipv4(0x2003, octets: 0)) == nil)
        #expect(fragment(ipv6([.fragment(offset: 24, more: true)], octets: 12)) == nil)
    }

    @Test func `no part ends beyond what a datagram can have`() {
        #expect(fragment(ipv4(0x1FFF, octets: 7)) != nil)
        #expect(fragment(ipv4(0x1FFF, octets: 8)) == nil)
        #expect(fragment(ipv6([.fragment(offset: 0xFFF8, more: false)], octets: 8)) == nil)
    }

    @Test func `a TCP fragment at offset 8 hides a header`() throws {
        #expect(try #require(fragment(ipv4(0x0001, protocol: 6))).hidesTCPHeader)
        #expect(!(try #require(fragment(ipv4(0x0001, protocol: 17))).hidesTCPHeader))
        #expect(!(try #require(fragment(ipv4(0x0002, protocol: 6))).hidesTCPHeader))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `mutated frames never trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let frames = [
            ipv4(0x2003), ipv6([.options(.hopByHopOptions), .fragment(offset: 24, more: true)]),
        ]
        var read = 0
        for frame in frames {
            for _ in 0..<2_000 where fragment(random.mutation(of: frame)) != nil { read += 1 }
        }
        #expect(read > 0, "seed \(seed)")
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `an IPv4 header is right after its addresses are rewritten`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let from = IPv4Tuple(addresses: random.next(), ports: 0)
            let to = IPv4Tuple(addresses: random.next(), ports: 0)
            var frame = Frame(.other(protocol: 17, data: [1, 2, 3])) {
                $0.fragment = 7
                $0.source = from.ipv4Source
                $0.destination = from.ipv4Destination
            }
            let buffer = LooseBuffer(frame.octets, surroundings: 0xEE)
            let delta = foldChecksum(UInt64(to.addressSum) + UInt64(~from.addressSum & 0xFFFF))
            Self.packet(in: buffer, IPv4Tuple.self)
                .rewriteAddresses(to: to, addressDelta: UInt16(delta))
            frame.source = to.ipv4Source
            frame.destination = to.ipv4Destination
            #expect(buffer.octets == frame.octets, "seed \(seed)")
            let isIntact = buffer.isIntact(surroundings: 0xEE)
            #expect(isIntact)
        }
    }

    @Test func `an IPv6 header gets its new addresses and keeps the rest`() {
        var frame = IPv6Frame { $0.extensions = [.fragment(offset: 8, more: false)] }
        let buffer = LooseBuffer(frame.octets)
        frame.source = IPv6Address(high: 1, low: 2)
        frame.destination = IPv6Address(high: 3, low: 4)
        let to = IPv6Tuple(
            source: WireAddress(.v6(frame.source)),
            destination: WireAddress(.v6(frame.destination)),
            ports: 0
        )
        Self.packet(in: buffer, IPv6Tuple.self).rewriteAddresses(to: to, addressDelta: 7)
        #expect(buffer.octets == frame.octets)
    }

    private static func packet<Tuple: FlowTuple>(
        in buffer: borrowing LooseBuffer,
        _ family: Tuple.Type
    ) -> TransportPacket<Tuple> {
        unsafe TransportPacket(
            network: buffer.frame + 14,
            transport: buffer.frame + 34,
            protocol: .udp,
            totalLength: 23
        )
    }
}
