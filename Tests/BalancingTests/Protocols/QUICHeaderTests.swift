// SPDX-License-Identifier: Apache-2.0
import Packet
import PacketTesting
import Testing

@testable import Balancing

@Suite struct QUICHeaderTests {
    private func header(_ payload: [UInt8], surroundings: UInt8 = 0) -> QUICHeader? {
        let buffer = LooseBuffer(payload, surroundings: surroundings)
        return QUICHeader(buffer.bytes, from: 0, to: payload.count)
    }

    private func long(
        _ flags: UInt8,
        _ version: UInt32,
        _ id: [UInt8],
        after: [UInt8] = [0]
    )
        -> [UInt8]
    {
        let octets = (0..<4).reversed().map { UInt8(truncatingIfNeeded: version >> UInt32($0 * 8)) }
        return [flags] + octets + [UInt8(id.count)] + id + after
    }

    @Test func `a long header tells version and connection id`() throws {
        let subject = try #require(header(long(0xE0, 1, [1, 2, 3, 4, 5, 6, 7, 8])))
        #expect(subject.isLong && subject.version == .one)
        #expect(subject.destination?.octets == [1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test func `a short header is followed by the connection id and who knows what`() throws {
        let subject = try #require(header([0x40] + Array(1...40)))
        #expect(!subject.isLong && subject.destination?.octets == Array(1...20))
        let short = try #require(header([0x40, 9, 8, 7]))
        #expect(short.destination?.octets == [9, 8, 7])
    }

    @Test func `a version nobody knows is read as well`() throws {
        let subject = try #require(header(long(0x80, 0x1A2A_3A4A, [5, 6])))
        #expect(subject.destination?.octets == [5, 6] && !subject.mayCarryClientID)
        let longer = try #require(header(long(0x80, 0x1A2A_3A4A, Array(0..<21))))
        #expect(longer.destination == nil)
    }

    @Test(arguments: [1, 0x6B33_43CF] as [UInt32])
    func `known versions have at most twenty octets`(version: UInt32) {
        #expect(header(long(0xC0, version, Array(0..<20)))?.destination?.count == 20)
        #expect(header(long(0xC0, version, Array(0..<21))) == nil)
    }

    @Test(
        arguments: [
            (0xC0, 1, true), (0xD0, 1, true), (0xE0, 1, false), (0xF0, 1, false),
            (0xC0, 0x6B33_43CF, false), (0xD0, 0x6B33_43CF, true), (0xE0, 0x6B33_43CF, true),
            (0xF0, 0x6B33_43CF, false), (0xC0, 0, false), (0x80, 1, true),
        ] as [(UInt8, UInt32, Bool)]
    )
    func `Initial and 0-RTT packets carry ids of clients`(
        flags: UInt8,
        version: UInt32,
        expected: Bool
    ) throws {
        let subject = try #require(header(long(flags, version, [1])))
        #expect(subject.mayCarryClientID == expected)
    }

    @Test func `cut short, it is no header`() {
        let whole = long(0xC0, 1, [1, 2, 3, 4], after: [])
        for count in 0..<whole.count {
            #expect(header(Array(whole.prefix(count)), surroundings: 0xC0) == nil)
        }
        #expect(header(whole) != nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `arbitrary octets never trap, and none outside is looked at`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            var octets = random.octets(.random(in: 0...40, using: &random))
            if octets.count > 5 { octets[5] &= 31 }
            let one = header(octets, surroundings: 0)
            #expect(one == header(octets, surroundings: 0xFF), "seed \(seed)")
            if let id = one?.destination { _ = QUICBackendID(id) }
        }
    }
}

@Suite struct QUICConnectionIDTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `bits are those of the octets`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let octets = random.octets(20)
            var id = try #require(QUICConnectionID(octets))
            #expect(id.octets == octets)
            let length = Int.random(in: 1...64, using: &random)
            let offset = Int.random(in: 0...160 - length, using: &random)
            func plain(_ id: QUICConnectionID) -> UInt64 {
                (offset..<offset + length)
                    .reduce(0) { $0 << 1 | UInt64(id.octets[$1 / 8] >> UInt8(7 - $1 % 8) & 1) }
            }
            #expect(id.bits(at: offset, length) == plain(id), "seed \(seed)")
            let others = id
            let value = random.next() >> UInt64(64 - length)
            id.set(value, at: offset, length)
            #expect(plain(id) == value, "seed \(seed)")
            id.set(others.bits(at: offset, length), at: offset, length)
            #expect(id == others, "seed \(seed)")
        }
    }

    @Test func `twenty octets are the most`() {
        #expect(QUICConnectionID(Array(repeating: 1, count: 20)) != nil)
        #expect(QUICConnectionID(Array(repeating: 1, count: 21)) == nil)
    }

    @Test func `an unroutable id tells its length and nothing else`() throws {
        var random = SeededGenerator(seed: 1)
        let id = try #require(QUICConnectionID.unroutable(count: 11, using: &random))
        #expect(id.count == 11 && id.octets[0] == 0b111_01010)
        let other = QUICConnectionID.unroutable(count: 11, using: &random)
        #expect(other != id)
        #expect(QUICConnectionID.unroutable(count: 7, using: &random) == nil)
        #expect(QUICConnectionID.unroutable(count: 21, using: &random) == nil)
    }
}
