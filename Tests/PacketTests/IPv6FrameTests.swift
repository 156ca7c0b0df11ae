// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@Suite struct IPv6FrameTests {
    private static let links: [UInt8] = [
        0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0xAA, 0x86, 0xDD,
    ]
    /// A datagram of two octets after a hop-by-hop header with a router alert (RFC 2711).
    private static let literal =
        links + [
            0x60, 0x00, 0x00, 0x00, 0x00, 0x12, 0x00, 0x40,
            0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
            0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x00,
            0x11, 0x00, 0x05, 0x02, 0x00, 0x00, 0x01, 0x00,
            0x13, 0x88, 0x00, 0x50, 0x00, 0x0A, 0x8E, 0xA1, 0x01, 0x02,
        ]

    @Test func `a literal is read`() throws {
        let frame = try #require(ParsedFrame(Self.literal))
        #expect(frame.content == .ipv6 && frame.protocol == .udp)
        #expect(frame.networkOffset == 14 && frame.transportOffset == 62)
        #expect(frame.totalLength == 58 && frame.tags.outer == 0 && !frame.isFragment)
    }

    @Test(arguments: 0..<72)
    func `a frame that ends early is malformed`(count: Int) {
        let outcome = ParsedFrame.outcome(of: Array(Self.literal.prefix(count)))
        #expect(outcome == .malformed(count < 54 ? .tooShort : .badTotalLength))
    }

    // MARK: - Impossible lengths

    @Test(
        arguments: [
            (0, 0x40, .badVersion),
            (0, 0x70, .badVersion),
            (4, 0xFF, .badTotalLength),
            (5, 0x13, .badTotalLength),
            (5, 0x07, .badExtensionHeader),
            (5, 0x00, .badExtensionHeader),
            (5, 0x0F, .badTransportLength),
            (8, 0xFF, .badSourceAddress),
            (41, 0x01, .badTransportLength),
            (41, 0x02, .badExtensionHeader),
            (41, 0xFF, .badExtensionHeader),
            (52, 0x01, .badTransportLength),
            (53, 0x07, .badTransportLength),
            (53, 0x0B, .badTransportLength),
        ] as [(Int, UInt8, DropReason)]
    )
    func `an IPv6 packet that cannot be is named`(offset: Int, octet: UInt8, reason: DropReason) {
        var bytes = Self.literal
        bytes[14 + offset] = octet
        #expect(ParsedFrame.outcome(of: bytes) == .malformed(reason))
    }

    @Test(arguments: [
        (IPProtocol.tcp, 20), (.udp, 8), (.icmpv6, 8),
    ])
    func `a transport header that is not all there is malformed`(number: IPProtocol, size: Int) {
        for count in 0..<size {
            let bytes = IPv6Frame { frame in
                frame.protocol = number
                frame.payload = Array(repeating: 0x55, count: count)
                // What lies after the packet does not count.
                frame.padding = 40
            }
            #expect(ParsedFrame.outcome(of: bytes.octets) == .malformed(.badTransportLength))
        }
    }

    // MARK: - Extension headers

    @Test(
        arguments: [
            ([.options(.hopByHopOptions)], 8),
            ([.options(.hopByHopOptions, units: 3), .options(.destinationOptions)], 40),
            ([.options(.routing, units: 2)], 24),
            ([.authentication(words: 6)], 24),
            ([.authentication(words: 3)], 12),
            ([.options(.destinationOptions, units: 160)], 1288),
            (
                [
                    .options(.hopByHopOptions), .options(.destinationOptions), .options(.routing),
                    .fragment(offset: 0, more: false), .authentication(words: 4),
                    .options(.destinationOptions, units: 1),
                ], 64
            ),
            (Array(repeating: .options(.destinationOptions), count: 8), 64),
        ] as [([IPv6Frame.Extension], Int)]
    )
    func `extension headers are walked over`(extensions: [IPv6Frame.Extension], length: Int) throws
    {
        let bytes = IPv6Frame.tcp([1, 2, 3]) { $0.extensions = extensions }
        let frame = try #require(ParsedFrame(bytes))
        #expect(frame.protocol == .tcp && Int(frame.transportOffset) == 54 + length)
        #expect(Int(frame.totalLength) == 40 + length + 23)
    }

    @Test func `a ninth extension header is too many`() {
        let bytes = IPv6Frame.tcp { frame in
            frame.extensions = Array(repeating: .options(.destinationOptions), count: 9)
        }
        #expect(ParsedFrame.outcome(of: bytes) == .malformed(.badExtensionHeader))
    }

    @Test(arguments: [
        IPProtocol.hopByHopOptions, .routing, .destinationOptions, .fragment, .authentication,
    ])
    func `an extension header that is announced but not there is malformed`(number: IPProtocol) {
        for count in 0..<8 {
            let bytes = IPv6Frame { frame in
                frame.protocol = number
                frame.payload = Array(repeating: 0, count: count)
                frame.padding = 64
            }
            #expect(ParsedFrame.outcome(of: bytes.octets) == .malformed(.badExtensionHeader))
        }
    }

    @Test func `nothing may follow, and unknown headers are the transport's`() throws {
        for number in [IPProtocol.noNextHeader, IPProtocol(rawValue: 253)] {
            let bytes = IPv6Frame { $0.protocol = number }
            let frame = try #require(ParsedFrame(bytes.octets))
            #expect(frame.protocol == number && frame.transportOffset == 54)
            #expect(frame.totalLength == 40)
        }
    }

    @Test func `the largest frame that a buffer can name is parsed`() throws {
        let count = Int(UInt16.max) - 54
        let whole = IPv6Frame { frame in
            frame.protocol = .gre
            frame.payload = Array(repeating: 0, count: count)
        }
        let frame = try #require(ParsedFrame(whole.octets))
        #expect(frame.totalLength == 40 + UInt16(count))
        var claimed = whole.octets
        claimed[18] = 0xFF
        claimed[19] = 0xFF
        #expect(ParsedFrame.outcome(of: claimed) == .malformed(.badTotalLength))
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `what is built is parsed as what it is`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let kinds: [IPProtocol] = [.hopByHopOptions, .routing, .destinationOptions]
            let extensions = (0..<Int.random(in: 0...8, using: &random))
                .map { _ in
                    IPv6Frame.Extension.options(
                        kinds[Int.random(in: 0..<3, using: &random)],
                        units: .random(in: 0...6, using: &random)
                    )
                }
            let data = random.octets(.random(in: 0...40, using: &random))
            let tag: UInt16? =
                Bool.random(using: &random) ? .random(in: 0...0xFFFF, using: &random) : nil
            let bytes = IPv6Frame.udp(data) { frame in
                frame.extensions = extensions
                frame.vlan = tag
                frame.padding = Int.random(in: 0...6, using: &random)
            }
            let frame = try #require(ParsedFrame(bytes), "seed \(seed)")
            let base = tag == nil ? 14 : 18
            #expect(frame.content == .ipv6 && frame.networkOffset == base, "seed \(seed)")
            #expect(
                frame.protocol == .udp && frame.tags.outer == (tag ?? 0) & 0xFFF,
                "seed \(seed)"
            )
            let transport = Int(frame.transportOffset)
            #expect(transport + 8 + data.count == base + Int(frame.totalLength), "seed \(seed)")
            #expect(Array(bytes[(transport + 8)...].prefix(data.count)) == data, "seed \(seed)")
        }
    }
}
