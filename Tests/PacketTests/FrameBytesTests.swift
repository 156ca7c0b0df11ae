// SPDX-License-Identifier: Apache-2.0
import Packet
import PacketTesting
import Testing

@Suite struct FrameBytesTests {
    private static let octets: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

    @Test func `numbers are read in network order at any offset`() {
        let buffer = LooseBuffer(Self.octets)
        let bytes = buffer.bytes
        #expect(bytes.count == 8)
        #expect(bytes.octet(0) == 1 && bytes.octet(7) == 8)
        #expect(bytes.word(0) == 0x0102 && bytes.word(1) == 0x0203 && bytes.word(6) == 0x0708)
        #expect(bytes.long(0) == 0x0102_0304 && bytes.long(3) == 0x0405_0607)
        #expect(bytes.long(4) == 0x0506_0708)
        #expect(bytes.address(0) == 0x0102_0304_0506 && bytes.address(2) == 0x0304_0506_0708)
    }

    @Test(arguments: [Int.min, Int.min + 1, -4, -1, 8, 9, 1_000, Int.max - 3, Int.max - 1, Int.max])
    func `nothing is read or written outside the frame`(offset: Int) {
        let buffer = LooseBuffer(Self.octets, surroundings: 0xEE)
        let bytes = buffer.bytes
        #expect(bytes.octet(offset) == nil && bytes.word(offset) == nil)
        #expect(bytes.long(offset) == nil && bytes.address(offset) == nil)
        bytes.set(UInt8(0), at: offset)
        bytes.set(UInt16(0), at: offset)
        bytes.set(UInt32(0), at: offset)
        #expect(buffer.octets == Self.octets)
        let isIntact = buffer.isIntact(surroundings: 0xEE)
        #expect(isIntact)
    }

    @Test func `what is half outside is outside`() {
        let buffer = LooseBuffer(Self.octets, surroundings: 0xEE)
        let bytes = buffer.bytes
        #expect(bytes.word(7) == nil && bytes.long(5) == nil && bytes.long(7) == nil)
        #expect(bytes.address(3) == nil)
        bytes.set(UInt16(0), at: 7)
        bytes.set(UInt32(0), at: 5)
        #expect(buffer.octets == Self.octets)
        let isIntact = buffer.isIntact(surroundings: 0xEE)
        #expect(isIntact)
    }

    @Test func `an empty frame has nothing`() {
        let buffer = LooseBuffer([])
        #expect(buffer.bytes.octet(0) == nil && buffer.bytes.word(0) == nil)
        #expect(buffer.bytes.long(0) == nil && buffer.bytes.checksum(0, 20) == 0xFFFF)
    }

    @Test func `what is written is read`() {
        let buffer = LooseBuffer(Self.octets)
        let bytes = buffer.bytes
        bytes.set(UInt8(0xAB), at: 0)
        bytes.set(UInt16(0xCDEF), at: 1)
        bytes.set(UInt32(0x1122_3344), at: 3)
        #expect(buffer.octets == [0xAB, 0xCD, 0xEF, 0x11, 0x22, 0x33, 0x44, 8])
        bytes.setAddress(0xFFFF_0A0B_0C0D_0E0F, at: 2)
        #expect(buffer.octets == [0xAB, 0xCD, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F])
    }

    @Test func `copying stops where either frame ends`() {
        let target = LooseBuffer([0, 0, 0, 0], surroundings: 0xEE)
        let source = LooseBuffer(Self.octets)
        target.bytes.copy(2, from: source.bytes, at: 6, to: 1)
        #expect(target.octets == [0, 7, 8, 0])
        target.bytes.copy(8, from: source.bytes, at: 0, to: 2)
        #expect(target.octets == [0, 7, 1, 2])
        target.bytes.copy(8, from: source.bytes, at: 7, to: 0)
        #expect(target.octets == [8, 7, 1, 2])
        target.bytes.copy(-1, from: source.bytes, at: 0, to: 0)
        #expect(target.octets == [8, 7, 1, 2])
        let isIntact = target.isIntact(surroundings: 0xEE)
        #expect(isIntact)
    }

    // MARK: - Checksums

    @Test func `the example of RFC 1071 sums up`() {
        let buffer = LooseBuffer([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7])
        #expect(buffer.bytes.checksum(0, 8) == ~0xDDF2)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `a checksum is what the plain way computes, at odd lengths and offsets too`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let octets = random.octets(.random(in: 0...80, using: &random))
            let offset = Int.random(in: 0...octets.count, using: &random)
            let length = Int.random(in: 0...(octets.count - offset), using: &random)
            let buffer = LooseBuffer(octets, surroundings: 0xEE)
            let part = Array(octets[offset..<(offset + length)])
            #expect(buffer.bytes.checksum(offset, length) == Checksum.of(part), "seed \(seed)")
            // The seed is the sum of a pseudo header.
            let pseudo = random.octets(12)
            let sum = UInt32(~Checksum.of(pseudo))
            #expect(
                buffer.bytes.checksum(offset, length, adding: sum) == Checksum.of(pseudo + part),
                "seed \(seed)"
            )
        }
    }

    @Test func `a checksum ends where the frame does`() {
        let buffer = LooseBuffer([1, 2, 3], surroundings: 0xEE)
        #expect(buffer.bytes.checksum(0, 1_000) == Checksum.of([1, 2, 3]))
        #expect(buffer.bytes.checksum(3, 10) == 0xFFFF)
    }
}
