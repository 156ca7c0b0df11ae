// SPDX-License-Identifier: Apache-2.0
import CPacket
import PacketTesting
import Testing

@testable import Balancing

@Suite struct CRC32cTests {
    /// RFC 3720 appendix B.4; its table shows the octets in the order of transmission.
    @Test(
        arguments: [
            (Array(repeating: 0, count: 32), 0x8A91_36AA),
            (Array(repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            (Array((0..<32).reversed()), 0x113F_DB5C),
            (
                [
                    0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                    0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
                    0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                    0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                ], 0xD996_3A56
            ),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)]
    )
    func `known octets have the known checksum`(octets: [UInt8], checksum: UInt32) {
        #expect(CRC32c.of(octets) == checksum)
        #expect(unsafe ~CPacket_crc32c_portable(.max, octets, octets.count) == checksum)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the instruction and the table agree at any length and place`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for length in 0..<200 {
            let octets = random.octets(length + 8)
            let start = Int.random(in: 0..<8, using: &random)
            let register = UInt32.random(in: 0...(.max), using: &random)
            let (fast, slow) = unsafe octets.withUnsafeBytes { bytes in
                let base = unsafe bytes.baseAddress.map { unsafe $0 + start }
                return unsafe (
                    CPacket_crc32c(register, base, length),
                    CPacket_crc32c_portable(register, base, length)
                )
            }
            #expect(fast == slow, "seed \(seed), length \(length)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a change of the first four octets moves the checksum as computed`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let shift = CRC32cShift()
        let lengths = [4, 5, 12, 255, 256, 257, 1_500, 9_000, 65_535]
        for length in lengths + (0..<50).map({ _ in Int.random(in: 4...2_000, using: &random) }) {
            var octets = random.octets(length)
            let before = CRC32c.of(octets)
            let difference = UInt32.random(in: 0...(.max), using: &random)
            for place in 0..<4 {
                octets[place] ^= UInt8(truncatingIfNeeded: difference >> UInt32(8 * place))
            }
            let change = shift.change(from: difference, length: UInt16(length))
            #expect(CRC32c.of(octets) == before ^ change, "seed \(seed), length \(length)")
        }
    }
}
