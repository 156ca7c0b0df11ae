// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@Suite struct FragmentTests {
    /// The flags and offset of an IPv4 header, and what they make of the packet.
    @Test(
        arguments: [
            (0x0000, false, false),  // whole
            (0x4000, false, false),  // whole, may not be fragmented
            (0x8000, false, false),  // the reserved bit says nothing
            (0x2000, true, true),  // more will follow
            (0x6000, true, true),
            (0x2001, true, false),  // in the middle
            (0x0001, true, false),  // the last
            (0x1FFF, true, false),
        ] as [(UInt16, Bool, Bool)]
    )
    func `IPv4 flags and offset tell fragments`(
        field: UInt16,
        isFragment: Bool,
        isFirst: Bool
    )
        throws
    {
        let bytes = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { $0.fragment = field }
        let frame = try #require(ParsedFrame(bytes))
        #expect(frame.isFragment == isFragment && frame.isFirstFragment == isFirst)
        #expect(frame.protocol == .udp && frame.transportOffset == 34)
    }

    @Test func `a later fragment of IPv4 may hold any octets`() throws {
        for count in [0, 1, 7] {
            let octets = [UInt8](repeating: 0, count: count)
            let bytes = Frame(.other(protocol: 6, data: octets)) { $0.fragment = 5 }.octets
            let frame = try #require(ParsedFrame(bytes))
            #expect(frame.isFragment && !frame.isFirstFragment)
        }
    }

    @Test func `a first fragment holds its whole transport header`() {
        let octets = [UInt8](repeating: 0x50, count: 16)
        let bytes = Frame(.other(protocol: 6, data: octets)) { $0.fragment = 0x2000 }.octets
        #expect(ParsedFrame.outcome(of: bytes) == .malformed(.badTransportLength))
    }

    @Test func `the UDP length of a first fragment is that of the whole datagram`() throws {
        var octets: [UInt8] = [0x13, 0x88, 0, 80, 0x05, 0xDC, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
        let first = Frame(.other(protocol: 17, data: octets)) { $0.fragment = 0x2000 }.octets
        #expect(try #require(ParsedFrame(first)).isFirstFragment)
        let whole = Frame(.other(protocol: 17, data: octets)).octets
        #expect(ParsedFrame.outcome(of: whole) == .malformed(.badTransportLength))
        octets[4] = 0
        octets[5] = 7
        let impossible = Frame(.other(protocol: 17, data: octets)) { $0.fragment = 0x2000 }.octets
        #expect(ParsedFrame.outcome(of: impossible) == .malformed(.badTransportLength))
    }

    // MARK: - IPv6

    @Test(
        arguments: [
            (0, true, true, true), (8, true, true, false), (65528, false, true, false),
            (0, false, false, false),
        ] as [(UInt16, Bool, Bool, Bool)]
    )
    func `an IPv6 fragment header tells fragments`(
        offset: UInt16,
        more: Bool,
        isFragment: Bool,
        isFirst: Bool
    ) throws {
        let bytes = IPv6Frame.udp { $0.extensions = [.fragment(offset: offset, more: more)] }
        let frame = try #require(ParsedFrame(bytes))
        #expect(frame.isFragment == isFragment && frame.isFirstFragment == isFirst)
        #expect(frame.protocol == .udp && frame.transportOffset == 62)
    }

    @Test func `what follows the fragment header of a later fragment is data`() throws {
        // Read as a header it would be malformed: destination options of 2048 octets.
        let bytes = IPv6Frame { frame in
            frame.extensions = [.fragment(offset: 80, more: false)]
            frame.protocol = .destinationOptions
            frame.payload = Array(repeating: 0xFF, count: 16)
        }
        let frame = try #require(ParsedFrame(bytes.octets))
        #expect(frame.protocol == .destinationOptions && frame.transportOffset == 62)
    }

    @Test func `a second fragment header does not make a fragment whole`() {
        let bytes = IPv6Frame.udp { frame in
            frame.extensions = [
                .fragment(offset: 0, more: true), .fragment(offset: 0, more: false),
            ]
        }
        #expect(ParsedFrame.outcome(of: bytes) == .malformed(.badExtensionHeader))
    }
}
