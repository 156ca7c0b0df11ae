// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Testing

@Suite struct AES128Tests {
    private func cipher(_ key: [UInt8]) throws -> AES128 {
        switch AES128(key: key) {
        case .some(let cipher): return cipher
        case .none: throw Refused()
        }
    }

    private struct Refused: Error {}

    /// FIPS 197 appendix C.1.
    @Test func `the standard's example comes out, there and back`() throws {
        let cipher = try cipher(Array(0..<16))
        let plain = AESBlock(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
        let secret = AESBlock(high: 0x69C4_E0D8_6A7B_0430, low: 0xD8CD_B780_70B4_C55A)
        #expect(cipher.encrypt(plain) == secret)
        #expect(cipher.decrypt(secret) == plain)
    }

    @Test func `blocks do not depend on those before`() throws {
        let cipher = try cipher(Array(repeating: 7, count: 16))
        let block = AESBlock(high: 1, low: 2)
        let first = cipher.encrypt(block)
        #expect(cipher.encrypt(AESBlock(high: 3, low: 4)) != first)
        #expect(cipher.encrypt(block) == first)
    }

    @Test(arguments: [0, 15, 17, 32])
    func `a key has sixteen octets`(count: Int) {
        let isRefused = AES128(key: Array(repeating: 0, count: count)) == nil
        #expect(isRefused)
    }

    @Test(
        arguments: [
            (0, 0, 0), (1, 1 << 63, 0), (64, .max, 0), (65, .max, 1 << 63), (128, .max, .max),
        ] as [(Int, UInt64, UInt64)]
    )
    func `leading ones are so many`(count: Int, high: UInt64, low: UInt64) {
        #expect(AESBlock(leadingOnes: count) == AESBlock(high: high, low: low))
    }
}
