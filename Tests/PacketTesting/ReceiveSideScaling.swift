// SPDX-License-Identifier: Apache-2.0
import Packet

/// What a network card does with a frame: hash its tuple and look the queue up.
///
/// Written as the card's shift register works, bit by bit, and not with the code under test.
public struct ReceiveSideScaling: Sendable {
    /// The key of Microsoft's published examples, which many drivers use.
    public static let key: [UInt8] = [
        0x6D, 0x5A, 0x56, 0xDA, 0x25, 0x5B, 0x0E, 0xC2, 0x41, 0x67, 0x25, 0x3D, 0x43, 0xA3,
        0x8F, 0xB0, 0xD0, 0xCA, 0x2B, 0xCB, 0xAE, 0x7B, 0x30, 0xB4, 0x77, 0xCB, 0x2D, 0xA3,
        0x80, 0x30, 0xF2, 0x0C, 0x6A, 0x42, 0xB7, 0x3B, 0xBE, 0xAC, 0x01, 0xFA,
    ]

    public var key: [UInt8]
    /// Queue by place.
    public var table: [Int]

    public init(key: [UInt8] = Self.key, table: [Int]) {
        self.key = key
        self.table = table
    }

    /// The queue of a frame; what is not TCP or UDP without extension headers goes to queue 0.
    public func queue(of frame: [UInt8]) -> Int {
        if frame.count >= 58, frame[12] == 0x86, frame[13] == 0xDD, [6, 17].contains(frame[20]) {
            return table[Int(hash(frame[22..<58])) % table.count]
        }
        guard frame.count >= 38, frame[12] == 8, frame[13] == 0, [6, 17].contains(frame[23]) else {
            return 0
        }
        let transport = 14 + Int(frame[14] & 0xF) * 4
        guard frame.count >= transport + 4 else { return 0 }
        return table[Int(hash(frame[26..<34] + frame[transport..<transport + 4])) % table.count]
    }

    public func hash(_ input: some Sequence<UInt8>) -> UInt32 {
        var register = key[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        var next = 32
        var result: UInt32 = 0
        for octet in input {
            for bit in (0..<8).reversed() {
                if octet >> UInt8(bit) & 1 == 1 { result ^= register }
                register = register << 1 | UInt32(key[next / 8] >> UInt8(7 - next % 8) & 1)
                next += 1
            }
        }
        return result
    }
}
