// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@Suite struct IPv4FrameTests {
    /// A SYN as tcpdump prints it, with options of IPv4 (router alert) and of TCP (MSS).
    private static let literal: [UInt8] = [
        0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0xAA, 0x08, 0x00,
        0x46, 0x00, 0x00, 0x30, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0x7F, 0x22,
        0x0A, 0x00, 0x00, 0x0A, 0x0A, 0x00, 0x00, 0x64, 0x94, 0x04, 0x00, 0x00,
        0x13, 0x88, 0x00, 0x50, 0x00, 0x00, 0x03, 0xE8, 0x00, 0x00, 0x00, 0x00,
        0x60, 0x02, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xB4,
    ]

    @Test func `a literal is read`() throws {
        let frame = try #require(ParsedFrame(Self.literal))
        #expect(frame.content == .ipv4 && frame.protocol == .tcp)
        #expect(frame.networkOffset == 14 && frame.transportOffset == 38)
        #expect(frame.totalLength == 48 && frame.tags.outer == 0)
        #expect(!frame.isFragment && !frame.isFirstFragment)
    }

    /// Of a frame that is cut anywhere some length is wrong.
    @Test(arguments: 0..<62)
    func `a frame that ends early is malformed`(count: Int) {
        let expected: DropReason =
            switch count {
            case ..<34: .tooShort
            case ..<38: .badHeaderLength
            default: .badTotalLength
            }
        let outcome = ParsedFrame.outcome(of: Array(Self.literal.prefix(count)))
        #expect(outcome == .malformed(expected))
    }

    // MARK: - Impossible lengths

    /// Where an octet changes, to what, and what is said; the header checksum is made right again.
    @Test(
        arguments: [
            (0, 0x56, .badVersion),
            (0, 0x06, .badVersion),
            (0, 0x40, .badHeaderLength),
            (0, 0x44, .badHeaderLength),
            (0, 0x4F, .badHeaderLength),
            (2, 0xFF, .badTotalLength),
            (3, 0x17, .badTotalLength),
            (3, 0x31, .badTotalLength),
            (3, 0x2B, .badTransportLength),
            (12, 0, .badSourceAddress),
            (12, 127, .badSourceAddress),
            (12, 224, .badSourceAddress),
            (12, 239, .badSourceAddress),
        ] as [(Int, UInt8, DropReason)]
    )
    func `an IPv4 header that cannot be is named`(offset: Int, octet: UInt8, reason: DropReason) {
        var bytes = Self.literal
        bytes[14 + offset] = octet
        #expect(ParsedFrame.outcome(of: Self.repaired(bytes)) == .malformed(reason))
    }

    @Test func `broadcast is no source, but the rest of 255 is not known to be bad`() {
        for (last, isBad) in [(UInt8(255), true), (254, false)] {
            let bytes = Frame.udp(from: "255.255.255.\(last):1", to: "10.0.0.100:80")
            let outcome = ParsedFrame.outcome(of: bytes)
            #expect((outcome == .malformed(.badSourceAddress)) == isBad)
        }
    }

    @Test(arguments: [0x00, 0x40, 0x70, 0xF0] as [UInt8])
    func `a TCP data offset outside the segment is malformed`(offset: UInt8) {
        var bytes = Self.literal
        bytes[38 + 12] = offset
        #expect(ParsedFrame.outcome(of: bytes) == .malformed(.badTransportLength))
    }

    @Test(arguments: [(0, true), (7, true), (8, false), (11, false), (12, false), (13, true)])
    func `a UDP length is at least 8 and at most what is there`(length: UInt8, isBad: Bool) {
        var bytes = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80", data: [1, 2, 3, 4])
        bytes[14 + 20 + 5] = length
        let outcome = ParsedFrame.outcome(of: bytes)
        #expect((outcome == .malformed(.badTransportLength)) == isBad)
    }

    @Test(arguments: [(1, 8), (6, 20), (17, 8)] as [(UInt8, Int)])
    func `a transport header that is not all there is malformed`(number: UInt8, size: Int) {
        for count in 0..<size {
            let data = [UInt8](repeating: 0x55, count: count)
            let bytes = Frame(.other(protocol: number, data: data)).octets
            #expect(ParsedFrame.outcome(of: bytes) == .malformed(.badTransportLength))
        }
    }

    @Test func `protocols that are not ours are parsed as far as IP goes`() throws {
        let frame = try #require(ParsedFrame(Frame(.other(protocol: 47, data: [])).octets))
        #expect(frame.protocol == .gre && frame.totalLength == 20 && frame.transportOffset == 34)
    }

    @Test func `any one bit of the header that flips is found`() {
        let bytes = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        for bit in 0..<160 {
            var wrong = bytes
            wrong[14 + bit / 8] ^= 1 << UInt8(bit % 8)
            guard case .malformed = ParsedFrame.outcome(of: wrong) else {
                Issue.record("bit \(bit) of the header may flip")
                continue
            }
        }
    }

    @Test func `what the port says of the header checksum counts less than the checksum itself`() {
        let bytes = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        let right = ParsedFrame.outcome(of: bytes, flags: ReceiveFlag.badHeader)
        #expect(right.frame != nil)
        var damaged = bytes
        damaged[22] ^= 1
        let wrong = ParsedFrame.outcome(of: damaged, flags: ReceiveFlag.goodHeader)
        #expect(wrong == .malformed(.badHeaderChecksum))
    }

    // MARK: - Build, then parse

    @Test(arguments: [1, 2] as [UInt64])
    func `what is built is parsed as what it is`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let options = Int.random(in: 0...10, using: &random) * 4
            let data = random.octets(.random(in: 0...64, using: &random))
            let transports: [Frame.Transport] = [
                .tcp(source: 1, destination: 2, flags: UInt8.random(in: 0...63, using: &random)),
                .udp(source: 3, destination: 4, data: data), .icmp(type: 8, code: 0, data: data),
                .other(protocol: 47, data: data),
            ]
            let tag: UInt16? =
                Bool.random(using: &random) ? .random(in: 0...0xFFFF, using: &random) : nil
            let built = Frame(transports[Int.random(in: 0..<4, using: &random)]) { frame in
                frame.options = Array(repeating: 1, count: options)
                frame.vlan = tag
            }
            let padding = Int.random(in: 0...6, using: &random)
            let octets = built.octets
            let frame = try #require(ParsedFrame(octets + Array(repeating: 0, count: padding)))
            let base = tag == nil ? 14 : 18
            #expect(frame.content == .ipv4 && frame.networkOffset == base, "seed \(seed)")
            #expect(frame.transportOffset == base + 20 + options, "seed \(seed)")
            #expect(Int(frame.totalLength) == octets.count - base, "seed \(seed)")
            #expect(frame.tags.outer == (tag ?? 0) & 0xFFF, "seed \(seed)")
            #expect(!frame.isFragment && !frame.isFirstFragment)
        }
    }

    /// The same frame with the header checksum that it should have.
    private static func repaired(_ frame: [UInt8]) -> [UInt8] {
        var frame = frame
        frame[24] = 0
        frame[25] = 0
        let length = min(Int(frame[14] & 0xF) * 4, frame.count - 14)
        let checksum = Checksum.of(Array(frame[14..<(14 + length)]))
        frame[24] = UInt8(checksum >> 8)
        frame[25] = UInt8(checksum & 0xFF)
        return frame
    }
}
