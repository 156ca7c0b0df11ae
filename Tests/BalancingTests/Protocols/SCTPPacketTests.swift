// SPDX-License-Identifier: Apache-2.0
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct SCTPPacketTests {
    private static let header: [UInt8] = [
        0x13, 0x88, 0x00, 0x50, 0xDE, 0xAD, 0xBE, 0xEF, 0, 0, 0, 0,
    ]

    /// A packet of `buffer`'s octets.
    private func packet(_ buffer: borrowing LooseBuffer) -> SCTPPacket? {
        unsafe SCTPPacket(at: buffer.frame, length: UInt16(buffer.bytes.count))
    }

    private func chunk(_ type: UInt8, _ length: Int = 4) -> [UInt8] {
        let header = [type, 0, UInt8(length >> 8), UInt8(length & 0xFF)]
        return header + Array(repeating: 0xAB, count: (length + 3) / 4 * 4 - 4)
    }

    private func event(_ chunks: [UInt8]) -> SCTPEvent? {
        let buffer = LooseBuffer(Self.header + chunks, surroundings: 6)
        return packet(buffer)?.event
    }

    @Test func `a header is read as it stands`() throws {
        let buffer = LooseBuffer(Self.header)
        let subject = try required(packet(buffer))
        #expect(subject.sourcePort == 5000 && subject.destinationPort == 80)
        #expect(subject.verificationTag == 0xDEAD_BEEF)
    }

    @Test func `less than a header is no packet`() {
        let buffer = LooseBuffer(Array(Self.header.dropLast()))
        let none = packet(buffer)
        #expect(none == nil)
    }

    @Test func `the checksum stands in the packet with its lowest octet first`() throws {
        let octets = Self.header + chunk(4, 9)
        let buffer = LooseBuffer(octets)
        let subject = try required(packet(buffer))
        subject.recomputeChecksum()
        let checksum = CRC32c.of(octets)
        #expect(subject.checksum == checksum)
        let stored = (0..<4).map { UInt8(truncatingIfNeeded: checksum >> UInt32(8 * $0)) }
        #expect(Array(buffer.octets[8..<12]) == stored)
        #expect(subject.computedChecksum() == checksum)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `new ports keep a right checksum right and a wrong one wrong`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let shift = CRC32cShift()
        for _ in 0..<200 {
            let rest = random.octets(.random(in: 0...1_400, using: &random))
            let buffer = LooseBuffer(Self.header + rest, surroundings: 0xEE)
            let subject = try required(packet(buffer))
            subject.recomputeChecksum()
            let before = buffer.octets
            let ports = UInt32.random(in: 0...(.max), using: &random)
            let old = subject.ports
            subject.rewrite(ports: ports, shift)
            #expect(subject.ports == ports)
            #expect(subject.checksum == subject.computedChecksum(), "seed \(seed)")
            subject.rewrite(ports: old, shift)
            #expect(buffer.octets == before, "seed \(seed)")
            buffer.bytes.set(before[8] ^ 1, at: 8)
            subject.rewrite(ports: ports, shift)
            #expect(subject.checksum != subject.computedChecksum(), "seed \(seed)")
            let isIntact = buffer.isIntact(surroundings: 0xEE)
            #expect(isIntact)
        }
    }

    @Test func `chunks are walked over their padding`() throws {
        let buffer = LooseBuffer(Self.header + chunk(3, 5) + chunk(7, 8) + chunk(0, 17))
        var chunks = try required(packet(buffer)).chunks
        #expect(chunks.next() == SCTPChunk(type: .selectiveAck, flags: 0, length: 5))
        #expect(chunks.next() == SCTPChunk(type: .shutdown, flags: 0, length: 8))
        #expect(chunks.next() == SCTPChunk(type: .data, flags: 0, length: 17))
        #expect(chunks.next() == nil)
    }

    @Test func `the last chunk may come without its padding`() throws {
        let buffer = LooseBuffer(Self.header + chunk(0, 17).dropLast(3))
        var chunks = try required(packet(buffer)).chunks
        #expect(chunks.next()?.length == 17)
        #expect(chunks.next() == nil)
    }

    @Test(arguments: [[1, 0, 0, 3], [1, 0, 0, 0], [1, 0, 0, 5], [1, 0, 0xFF, 0xFF], [1, 0, 0]])
    func `a chunk of an impossible length is none`(octets: [UInt8]) {
        #expect(event(octets) == .other)
    }

    @Test(
        arguments: [
            ([1], .initiation), ([2], .initiationAck), ([10, 0], .cookieEcho),
            ([11, 3], .cookieAck),
            ([3, 7], .shutdown), ([8], .shutdownAck), ([14], .shutdownComplete), ([9], .error),
            ([9, 6], .abort), ([3, 0], .data), ([64], .data), ([4], .other), ([5, 3], .other),
            ([0, 6], .data), ([255, 7], .shutdown), ([9, 11], .cookieAck), ([], .other),
        ] as [([UInt8], SCTPEvent)]
    )
    func `the weightiest chunk before DATA is the event`(types: [UInt8], expected: SCTPEvent) {
        #expect(event(types.flatMap { chunk($0, 8) }) == expected)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `arbitrary octets never trap, and none outside is looked at`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            var octets = random.octets(.random(in: 0...80, using: &random))
            // Small numbers, so that many chunks are possible.
            for place in octets.indices.dropFirst(12) where place % 4 < 3 { octets[place] &= 15 }
            let one = LooseBuffer(octets, surroundings: 0)
            let other = LooseBuffer(octets, surroundings: 0xFF)
            let events = (packet(one)?.event, packet(other)?.event)
            #expect(events.0 == events.1, "seed \(seed)")
            let sums = (packet(one)?.computedChecksum(), packet(other)?.computedChecksum())
            #expect(sums.0 == sums.1, "seed \(seed)")
        }
    }
}
