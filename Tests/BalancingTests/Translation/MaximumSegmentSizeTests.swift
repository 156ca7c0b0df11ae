// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct MaximumSegmentSizeTests {
    private static func segment(_ flags: UInt8, _ options: [UInt8]) -> IPPacket {
        NAT64.v4(6, IPPacket.tcp(1, 2, flags: flags, options: options, [1, 2, 3]))
    }

    private static let syns: [(flags: UInt8, options: [UInt8], place: Int)] = [
        (0x02, [2, 4, 0x05, 0xB4], 2),
        (0x12, [2, 4, 0x05, 0xB4, 1, 3, 3, 7], 2),
        (0x02, [4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 2, 4, 0x05, 0xB4], 14),
        // At an odd place.
        (0x02, [1, 2, 4, 0x05, 0xB4, 1, 1, 0], 3),
    ]

    @Test(arguments: syns)
    func `a SYN is lowered and keeps a right checksum`(
        syn: (flags: UInt8, options: [UInt8], place: Int)
    ) throws {
        let before = Self.segment(syn.flags, syn.options)
        let buffer = RoomyBuffer(before.frame())
        #expect(MaximumSegmentSize.lower(buffer.bytes, at: 34, to: 1_400))
        var expected = before
        expected.payload.replaceSubrange((20 + syn.place)..<(22 + syn.place), with: [0x05, 0x78])
        #expect(buffer.octets == expected.withChecksum.frame())
    }

    private static let untouched: [(flags: UInt8, options: [UInt8], limit: UInt16)] = [
        // Not above the limit.
        (0x02, [2, 4, 0x05, 0xB4], 1_460),
        // No SYN.
        (0x10, [2, 4, 0x05, 0xB4], 1_400),
        // No option.
        (0x02, [], 1_400), (0x02, [1, 1, 1, 0], 1_400),
        // Behind the end of options.
        (0x02, [0, 0, 0, 0, 2, 4, 0x05, 0xB4], 1_400),
        // Lengths that lead nowhere.
        (0x02, [2, 3, 0x05, 0xB4], 1), (0x02, [9, 0, 2, 4, 5, 0xB4, 0, 0], 1),
        (0x02, [9, 1, 2, 4, 5, 0xB4, 0, 0], 1), (0x02, [9, 255, 2, 4, 5, 0xB4, 0, 0], 1),
        (0x02, [1, 1, 2, 4], 1), (0x02, [1, 1, 1, 2], 1),
    ]

    @Test(arguments: untouched)
    func `all else stays as it is`(
        segment: (flags: UInt8, options: [UInt8], limit: UInt16)
    ) {
        let frame = Self.segment(segment.flags, segment.options).frame()
        let buffer = RoomyBuffer(frame)
        #expect(!MaximumSegmentSize.lower(buffer.bytes, at: 34, to: segment.limit))
        #expect(buffer.octets == frame)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func `arbitrary headers neither trap nor lose their checksum`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var lowered = 0
        for _ in 0..<5_000 {
            let count = Int.random(in: 0...10, using: &random) * 4
            var options = random.octets(count)
            for index in options.indices where Bool.random(using: &random) {
                options[index] = [1, 2, 4].randomElement(using: &random) ?? 1
            }
            let buffer = RoomyBuffer(Self.segment(0x02, options).frame())
            if MaximumSegmentSize.lower(buffer.bytes, at: 34, to: 200) { lowered += 1 }
            let after = try #require(IPPacket(frame: buffer.octets))
            #expect(after.transportChecksum == 0, "seed \(seed): \(options)")
            let cut = RoomyBuffer(Array(buffer.octets.prefix(.random(in: 0...80, using: &random))))
            MaximumSegmentSize.lower(cut.bytes, at: 34, to: 1)
            #expect(cut.isIntact)
        }
        #expect(lowered > 100, "seed \(seed): hardly any option was found")
    }
}
