// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// What holds for every packet that is translated.
@Suite struct TranslatorPropertyTests {
    private static let seeds: [UInt64] = [1, 2, 3, 4]

    private static func v6Flow(_ random: inout SeededGenerator) -> FlowAddresses<IPv6Address> {
        FlowAddresses(
            source: IPv6Address(high: random.next() >> 8, low: random.next()),
            sourcePort: .random(in: 0...(.max), using: &random),
            destination: IPv6Address(high: random.next() >> 8, low: random.next()),
            destinationPort: .random(in: 0...(.max), using: &random)
        )
    }

    private static func v4Flow(_ random: inout SeededGenerator) -> FlowAddresses<IPv4Address> {
        FlowAddresses(
            source: IPv4Address(rawValue: .random(in: 0x0100_0000..<0x7F00_0000, using: &random)),
            sourcePort: .random(in: 0...(.max), using: &random),
            destination: IPv4Address(
                rawValue: .random(in: 0x0100_0000..<0x7F00_0000, using: &random)
            ),
            destinationPort: .random(in: 0...(.max), using: &random)
        )
    }

    /// TCP, UDP or an echo between the addresses and ports of `flow`.
    private static func packet(
        _ flow: FlowAddresses<IPv6Address>,
        _ random: inout SeededGenerator
    ) -> IPPacket {
        let data = random.octets(.random(in: 0...60, using: &random))
        let kind = Int.random(in: 0..<3, using: &random)
        let payload: [UInt8]
        switch kind {
        case 0:
            let sequence = UInt32.random(in: 0...(.max), using: &random)
            payload = IPPacket.tcp(flow.sourcePort, flow.destinationPort, sequence: sequence, data)
        case 1: payload = IPPacket.udp(flow.sourcePort, flow.destinationPort, data)
        default:
            let rest = UInt32(flow.sourcePort) << 16 | 3
            payload = IPPacket.icmp(Bool.random(using: &random) ? 128 : 129, rest: rest, data)
        }
        let source = IPAddress.v6(flow.source).description
        let destination = IPAddress.v6(flow.destination).description
        let number: UInt8 = [6, 17, 58][kind]
        return IPPacket(from: source, to: destination, number, payload) { packet in
            packet.trafficClass = UInt8(truncatingIfNeeded: random.next())
            packet.timeToLive = UInt8(truncatingIfNeeded: random.next())
            guard kind != 2, Bool.random(using: &random) else { return }
            packet.hasFragmentHeader = true
            packet.hasMore = Bool.random(using: &random)
            packet.identification = UInt32(random.next() & 0xFFFF)
        }
        .withChecksum
    }

    @Test(arguments: seeds)
    func `there and back is the packet that it was`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let flow = Self.v6Flow(&random)
            let before = Self.packet(flow, &random)
            let buffer = RoomyBuffer(before.frame(padding: .random(in: 0...9, using: &random)))
            #expect(NAT64.toIPv4(buffer, Self.v4Flow(&random)) == .translated)
            #expect(NAT64.toIPv6(buffer, flow) == .translated)
            let after = try #require(IPPacket(frame: buffer.octets))
            var expected = before
            // A fragment header that makes no fragment is not there on the way back.
            if !before.hasMore {
                expected.hasFragmentHeader = false
                expected.identification = 0
            }
            expected.claimedPayloadLength = before.payload.count
            #expect(after == expected, "seed \(seed)")
            #expect(buffer.isIntact)
        }
    }

    @Test(arguments: seeds)
    func `the checksum is the one that computing it anew gives`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let flow = Self.v6Flow(&random)
            let buffer = RoomyBuffer(Self.packet(flow, &random).frame())
            #expect(NAT64.toIPv4(buffer, Self.v4Flow(&random)) == .translated)
            let inIPv4 = try #require(IPPacket(frame: buffer.octets))
            #expect(inIPv4 == inIPv4.withChecksum && inIPv4.hasValidHeader, "seed \(seed)")
            #expect(NAT64.toIPv6(buffer, Self.v6Flow(&random)) == .translated)
            let inIPv6 = try #require(IPPacket(frame: buffer.octets))
            #expect(inIPv6 == inIPv6.withChecksum, "seed \(seed)")
        }
    }

    @Test(arguments: seeds)
    func `a wrong checksum stays wrong`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var packet = Self.packet(Self.v6Flow(&random), &random)
            let last = packet.payload.count - 1
            packet.payload[last] ^= 0x10
            let buffer = RoomyBuffer(packet.frame())
            #expect(NAT64.toIPv4(buffer, Self.v4Flow(&random)) == .translated)
            let after = try #require(IPPacket(frame: buffer.octets))
            #expect(after.transportChecksum != 0, "seed \(seed)")
        }
    }

    @Test(arguments: seeds)
    func `mutated packets neither trap nor touch what is outside the buffer`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var translated = 0
        for _ in 0..<3_000 {
            let flow = Self.v6Flow(&random)
            let isIPv6 = Bool.random(using: &random)
            var frame = Self.packet(flow, &random).frame()
            if !isIPv6 {
                let buffer = RoomyBuffer(frame)
                _ = NAT64.toIPv4(buffer, Self.v4Flow(&random))
                frame = buffer.octets
            }
            let mutated = random.mutation(of: frame)
            let buffer = RoomyBuffer(mutated, headroom: .random(in: 0...64, using: &random))
            let outcome =
                isIPv6
                ? NAT64.toIPv4(buffer, Self.v4Flow(&random)) : NAT64.toIPv6(buffer, flow)
            #expect(buffer.isIntact, "seed \(seed): \(mutated)")
            if outcome == .translated {
                translated += 1
                #expect(buffer.outline != nil || isIPv6, "seed \(seed): \(mutated)")
            } else {
                #expect(buffer.octets == mutated, "seed \(seed): \(mutated)")
            }
        }
        #expect(translated > 300, "seed \(seed): the mutations are too coarse to reach much")
    }

    /// An outline that does not belong to the frame, as no parser would give it.
    @Test(arguments: seeds)
    func `a wrong outline does no harm`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            var outline = try #require(
                ParsedFrame(Self.packet(Self.v6Flow(&random), &random).frame())
            )
            outline.content = Bool.random(using: &random) ? .ipv4 : .ipv6
            let buffer = RoomyBuffer(random.octets(.random(in: 14...100, using: &random)))
            _ = unsafe Translator.toIPv4(
                buffer.buffer,
                outline,
                NAT64.v4Flow,
                identification: 1
            )
            _ = unsafe Translator.toIPv6(buffer.buffer, outline, NAT64.v6Flow)
            #expect(buffer.isIntact, "seed \(seed)")
        }
    }
}
