// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Balancing

/// The tables of RFC 7915 sections 4.2 and 5.2.
@Suite struct ICMPErrorTableTests {
    private typealias Fields = ICMPErrorFields

    private static let toIPv6: [(type: UInt8, codes: [UInt8], expected: ICMPErrorFields?)] = [
        (3, [0, 1, 5, 6, 7, 8, 11, 12], Fields(type: 1, code: 0)),
        (3, [2], Fields(type: 4, code: 1, rest: 6)),
        (3, [3], Fields(type: 1, code: 4)),
        (3, [9, 10, 13, 15], Fields(type: 1, code: 1)),
        (3, [14, 16, 255], nil),
        (11, [0], Fields(type: 3, code: 0)),
        (11, [1], Fields(type: 3, code: 1)),
        (12, [0, 2], Fields(type: 4, code: 0, rest: 0)),
        (12, [1, 3], nil),
        (4, [0], nil), (5, [0, 1], nil), (8, [0], nil), (13, [0], nil),
    ]

    @Test(arguments: toIPv6)
    func `an ICMP error has this ICMPv6 type and code`(
        row: (type: UInt8, codes: [UInt8], expected: ICMPErrorFields?)
    ) {
        for code in row.codes {
            let fields = ICMPErrorFields(type: row.type, code: code)
            #expect(fields.inIPv6(quotedLength: 60, .init()) == row.expected, "code \(code)")
        }
    }

    private static let toIPv4: [(type: UInt8, codes: [UInt8], expected: ICMPErrorFields?)] = [
        (1, [0, 2, 3], Fields(type: 3, code: 1)),
        (1, [1], Fields(type: 3, code: 10)),
        (1, [4], Fields(type: 3, code: 3)),
        (1, [5, 6, 255], nil),
        (3, [0], Fields(type: 11, code: 0)),
        (3, [1], Fields(type: 11, code: 1)),
        (4, [0], Fields(type: 12, code: 0, rest: 0)),
        (4, [1], Fields(type: 3, code: 2)),
        (4, [2, 3], nil),
        (128, [0], nil), (135, [0], nil), (0, [0], nil),
    ]

    @Test(arguments: toIPv4)
    func `an ICMPv6 error has this ICMP type and code`(
        row: (type: UInt8, codes: [UInt8], expected: ICMPErrorFields?)
    ) {
        for code in row.codes {
            let fields = ICMPErrorFields(type: row.type, code: code)
            #expect(fields.inIPv4(growth: 20, .init()) == row.expected, "code \(code)")
        }
    }

    // MARK: - Pointers

    private static let pointers: [(v4: ClosedRange<UInt32>, v6: UInt32?)] = [
        (0...0, 0), (1...1, 1), (2...3, 4), (4...7, nil), (8...8, 7), (9...9, 6),
        (10...11, nil), (12...15, 8), (16...19, 24), (20...255, nil),
    ]

    @Test(arguments: pointers)
    func `a pointer into an IPv4 header becomes one into an IPv6 header`(
        row: (v4: ClosedRange<UInt32>, v6: UInt32?)
    ) {
        for pointer in row.v4 {
            let fields = ICMPErrorFields(type: 12, code: 0, rest: pointer << 24)
            let expected = row.v6.map { ICMPErrorFields(type: 4, code: 0, rest: $0) }
            #expect(fields.inIPv6(quotedLength: 60, .init()) == expected, "pointer \(pointer)")
        }
    }

    private static let pointersV6: [(v6: ClosedRange<UInt32>, v4: UInt32?)] = [
        (0...0, 0), (1...1, 1), (2...3, nil), (4...5, 2), (6...6, 9), (7...7, 8), (8...23, 12),
        (24...39, 16), (40...300, nil), (0xFFFF_FFFF...0xFFFF_FFFF, nil),
    ]

    @Test(arguments: pointersV6)
    func `a pointer into an IPv6 header becomes one into an IPv4 header`(
        row: (v6: ClosedRange<UInt32>, v4: UInt32?)
    ) {
        for pointer in row.v6 {
            let fields = ICMPErrorFields(type: 4, code: 0, rest: pointer)
            let expected = row.v4.map { ICMPErrorFields(type: 12, code: 0, rest: $0 << 24) }
            #expect(fields.inIPv4(growth: 20, .init()) == expected, "pointer \(pointer)")
        }
    }

    // MARK: - MTU

    private static let mtusToIPv6: [(told: UInt32, length: Int, v4: UInt16, v6: UInt16, UInt32)] = [
        (1_400, 1_500, .max, .max, 1_420),
        (1_400, 1_500, 1_300, .max, 1_320),
        (1_400, 1_500, .max, 1_350, 1_350),
        // No IPv6 link has less.
        (576, 1_500, .max, .max, 1_280),
        (65_535, 1_500, .max, .max, 65_535),
        // Routers older than RFC 1191: the plateau below the length of the packet.
        (0, 1_500, .max, .max, 1_512), (0, 1_492, .max, .max, 1_280),
        (0, 9_000, .max, .max, 8_186), (0, 4_352, .max, .max, 2_022),
        (0, 2_002, .max, .max, 1_512), (0, 18_000, .max, .max, 17_934),
        (0, 65_535, .max, .max, 32_020), (0, 28, .max, .max, 1_280),
        // The upper half is not part of the MTU.
        (0x0001_0578, 1_500, .max, .max, 1_420),
    ]

    @Test(arguments: mtusToIPv6)
    func `an MTU told in IPv4 becomes this one in IPv6`(
        row: (told: UInt32, length: Int, v4: UInt16, v6: UInt16, expected: UInt32)
    ) {
        let fields = ICMPErrorFields(type: 3, code: 4, rest: row.told)
        let translated = fields.inIPv6(
            quotedLength: row.length,
            .init(ipv4: row.v4, ipv6: row.v6)
        )
        #expect(translated == ICMPErrorFields(type: 2, code: 0, rest: row.expected))
    }

    private static let mtusToIPv4: [(told: UInt32, growth: Int, v4: UInt16, v6: UInt16, UInt32)] = [
        (1_400, 20, .max, .max, 1_380),
        (1_400, 28, .max, .max, 1_372),
        (1_400, 20, 1_300, .max, 1_300),
        (1_400, 20, .max, 1_350, 1_330),
        // RFC 8201 section 4: less than 1280 is nobody's MTU.
        (1_000, 20, .max, .max, 1_260), (0, 20, .max, .max, 1_260),
        (.max, 20, .max, .max, 65_515), (.max, 20, 1_500, 1_500, 1_480),
    ]

    @Test(arguments: mtusToIPv4)
    func `an MTU told in IPv6 becomes this one in IPv4`(
        row: (told: UInt32, growth: Int, v4: UInt16, v6: UInt16, expected: UInt32)
    ) {
        let fields = ICMPErrorFields(type: 2, code: 0, rest: row.told)
        let translated = fields.inIPv4(growth: row.growth, .init(ipv4: row.v4, ipv6: row.v6))
        #expect(translated == ICMPErrorFields(type: 3, code: 4, rest: row.expected))
    }

    // MARK: - Kinds

    @Test func `these messages are errors`() {
        let v4 = (UInt8.min...UInt8.max).filter { ICMPErrorFields.isError($0, isIPv6: false) }
        let v6 = (UInt8.min...UInt8.max).filter { ICMPErrorFields.isError($0, isIPv6: true) }
        #expect(v4 == [3, 11, 12])
        #expect(v6 == [1, 2, 3, 4])
    }
}
