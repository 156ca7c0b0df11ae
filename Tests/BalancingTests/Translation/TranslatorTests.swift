// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// What both directions of NAT64 tests share.
enum NAT64 {
    static let v4Flow = FlowAddresses(
        source: IPv4Address(192, 0, 2, 1),
        sourcePort: 1025,
        destination: IPv4Address(198, 51, 100, 2),
        destinationPort: 8080
    )
    static let v6Flow = FlowAddresses(
        source: IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0x64),
        sourcePort: 80,
        destination: IPv6Address(high: 0x2001_0DB8_0000_0000, low: 0xC),
        destinationPort: 5000
    )

    static func toIPv4(
        _ buffer: RoomyBuffer,
        identification: UInt16 = 0x4242,
        mtu: UInt16 = .max,
        _ flow: FlowAddresses<IPv4Address> = v4Flow
    ) -> TranslationOutcome? {
        guard let frame = buffer.outline else { return nil }
        return unsafe Translator.toIPv4(
            buffer.buffer,
            frame,
            flow,
            identification: identification,
            mtu: mtu
        )
    }

    static func toIPv6(
        _ buffer: RoomyBuffer,
        mtu: UInt16 = .max,
        _ flow: FlowAddresses<IPv6Address> = v6Flow
    ) -> TranslationOutcome? {
        guard let frame = buffer.outline else { return nil }
        return unsafe Translator.toIPv6(
            buffer.buffer,
            frame,
            flow,
            mtu: mtu
        )
    }

    /// A packet of the client.
    static func v6(
        _ number: UInt8,
        _ payload: [UInt8],
        _ change: (inout IPPacket) -> Void = { _ in }
    ) -> IPPacket {
        IPPacket(from: "2001:db8::c", to: "2001:db8::64", number, payload, change).withChecksum
    }

    /// A packet of the backend.
    static func v4(
        _ number: UInt8,
        _ payload: [UInt8],
        _ change: (inout IPPacket) -> Void = { _ in }
    ) -> IPPacket {
        IPPacket(from: "198.51.100.2", to: "192.0.2.1", number, payload, change).withChecksum
    }
}

@Suite struct TranslatorToIPv4Tests {
    @Test func `a datagram becomes these octets`() throws {
        let datagram: [UInt8] = [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xAA, 0x86, 0xDD,
            0x6B, 0x80, 0, 0, 0, 12, 17, 63,
            0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0C,
            0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
            0x13, 0x88, 0, 80, 0, 12, 0x8C, 0x16, 1, 2, 3, 4,
        ]
        let buffer = RoomyBuffer(datagram)
        #expect(NAT64.toIPv4(buffer) == .translated)
        let expected: [UInt8] = [
            0x45, 0xB8, 0, 32, 0x42, 0x42, 0, 0, 63, 17, 0x4C, 0x9C,
            192, 0, 2, 1, 198, 51, 100, 2,
            0x04, 0x01, 0x1F, 0x90, 0, 12, 0xEC, 0x07, 1, 2, 3, 4,
        ]
        #expect(Array(buffer.octets.dropFirst(14)) == expected)
        #expect(Array(buffer.octets[12..<14]) == [0x08, 0x00])
        #expect(buffer.isIntact)
    }

    @Test func `a segment keeps traffic class, hop limit, sequence number and data`() throws {
        let packet = NAT64.v6(6, IPPacket.tcp(5000, 80, sequence: 77, [9, 8, 7])) { packet in
            packet.trafficClass = 0xBA
            packet.flowLabel = 0xABCDE
            packet.timeToLive = 17
        }
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv4(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.trafficClass == 0xBA && after.timeToLive == 17)
        #expect(after.source == .v4(NAT64.v4Flow.source) && after.protocolNumber == 6)
        #expect(after.hasValidHeader && after.transportChecksum == 0)
        #expect(Array(after.payload[..<4]) == [0x04, 0x01, 0x1F, 0x90])
        #expect(Array(after.payload[4..<16]) == Array(packet.payload[4..<16]))
        #expect(Array(after.payload[20...]) == [9, 8, 7])
    }

    @Test(arguments: [(1232, false), (1240, false), (1241, true), (1400, true)])
    func `DF is set from 1261 octets on`(payload: Int, isSet: Bool) throws {
        let data = [UInt8](repeating: 1, count: payload - 8)
        let buffer = RoomyBuffer(NAT64.v6(17, IPPacket.udp(1, 2, data)).frame())
        #expect(NAT64.toIPv4(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.dontFragment == isSet)
        #expect(after.identification == 0x4242)
    }

    @Test(
        arguments: [(1400, 1420), (1261, 1281), (1000, 1280), (65_535, nil)] as [(UInt16, UInt16?)]
    )
    func `what does not fit is reported with 20 octets more, and at least 1280`(
        mtu: UInt16,
        reported: UInt16?
    ) {
        let data = [UInt8](repeating: 1, count: 1_424)
        let frame = NAT64.v6(17, IPPacket.udp(1, 2, data)).frame()
        let buffer = RoomyBuffer(frame)
        #expect(
            NAT64.toIPv4(buffer, mtu: mtu)
                == reported.map { TranslationOutcome.tooBig(mtu: $0) } ?? .translated
        )
        #expect(reported == nil || buffer.octets == frame)
    }

    @Test func `what IPv4 may fragment is never too big`() {
        let data = [UInt8](repeating: 1, count: 1_200)
        let buffer = RoomyBuffer(NAT64.v6(17, IPPacket.udp(1, 2, data)).frame())
        #expect(NAT64.toIPv4(buffer, mtu: 576) == .translated)
    }

    @Test func `a first fragment keeps its place and the low half of its identification`() throws {
        let packet = NAT64.v6(17, IPPacket.udp(5000, 80, [1, 2, 3, 4, 5, 6, 7, 8])) { packet in
            packet.hasMore = true
            packet.identification = 0xAAAA_BBBB
        }
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv4(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.identification == 0xBBBB && after.hasMore && after.fragmentOffset == 0)
        #expect(!after.dontFragment && after.protocolNumber == 17)
        #expect(after.transportChecksum == 0)
        #expect(Array(after.payload[..<4]) == [0x04, 0x01, 0x1F, 0x90])
    }

    @Test func `a later fragment keeps all its data`() throws {
        let data = [UInt8](0..<32)
        var packet = NAT64.v6(6, [])
        packet.fragmentOffset = 1_480
        packet.identification = 7
        packet.payload = data
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv4(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.fragmentOffset == 1_480 && !after.hasMore && after.identification == 7)
        #expect(after.payload == data)
    }

    @Test(arguments: [(UInt8(128), UInt8(8)), (129, 0)])
    func `an echo becomes an echo`(type: UInt8, expected: UInt8) throws {
        let message = IPPacket.icmp(type, rest: 0x1234_0007, [1, 2, 3])
        let buffer = RoomyBuffer(NAT64.v6(58, message).frame())
        #expect(NAT64.toIPv4(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.protocolNumber == 1 && after.transportChecksum == 0)
        #expect(after.payload[0] == expected && after.payload[1] == 0)
        #expect(Array(after.payload[4...]) == [0x04, 0x01, 0x00, 0x07, 1, 2, 3])
    }

    @Test func `options and a spent routing header are passed over`() throws {
        let frame = IPv6Frame.udp([5, 6, 7]) { frame in
            frame.extensions = [
                .options(.hopByHopOptions), .options(.destinationOptions, units: 1),
                .options(.routing, units: 2),
            ]
            frame.padding = 9
            frame.vlan = 5
        }
        let buffer = RoomyBuffer(frame)
        #expect(NAT64.toIPv4(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.protocolNumber == 17 && after.payload.count == 11)
        #expect(after.transportChecksum == 0 && after.hasValidHeader)
        #expect(buffer.octets.count == 14 + 31)
    }

    @Test func `a routing header with segments left is refused, and its field named`() {
        var frame = IPv6Frame.udp { frame in
            frame.extensions = [.options(.hopByHopOptions), .options(.routing)]
        }
        // Ethernet, IPv6, hop-by-hop options, then next header, length, type, segments left.
        frame[14 + 40 + 8 + 3] = 1
        let buffer = RoomyBuffer(frame)
        #expect(NAT64.toIPv4(buffer) == .refused(.routingHeader(pointer: 51)))
        #expect(buffer.octets == frame)
    }

    private static let unsupported: [([IPv6Frame.Extension], TranslationRefusal)] = [
        ([.authentication(words: 4)], .unsupportedExtension),
        (
            [.fragment(offset: 0, more: true), .options(.destinationOptions)],
            .unsupportedExtension
        ),
    ]

    @Test(arguments: unsupported)
    func `other extension headers are refused`(
        extensions: [IPv6Frame.Extension],
        refusal: TranslationRefusal
    ) {
        let frame = IPv6Frame.udp { $0.extensions = extensions }
        let buffer = RoomyBuffer(frame)
        #expect(NAT64.toIPv4(buffer) == .refused(refusal))
        #expect(buffer.octets == frame)
    }

    @Test(arguments: [(UInt8(135), false), (1, false), (128, true)])
    func `other ICMPv6 and fragments of echoes are refused`(type: UInt8, isFragment: Bool) {
        let packet = NAT64.v6(58, IPPacket.icmp(type, 0, [1, 2, 3, 4, 5, 6, 7, 8])) { packet in
            packet.hasMore = isFragment
        }
        let buffer = RoomyBuffer(packet.frame())
        #expect(
            NAT64.toIPv4(buffer)
                == .refused(isFragment ? .fragmentedICMP : .unsupportedProtocol)
        )
    }

    @Test(arguments: [UInt8(1), 50, 47, 59])
    func `other protocols are refused, ICMP of the wrong family too`(number: UInt8) {
        let buffer = RoomyBuffer(
            NAT64.v6(number, [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).frame()
        )
        #expect(NAT64.toIPv4(buffer) == .refused(.unsupportedProtocol))
    }

    @Test func `an IPv4 packet is refused`() {
        let buffer = RoomyBuffer(NAT64.v4(17, IPPacket.udp(1, 2)).frame())
        #expect(NAT64.toIPv4(buffer) == .refused(.malformed))
    }
}

@Suite struct TranslatorToIPv6Tests {
    @Test func `a datagram becomes these octets`() throws {
        let datagram: [UInt8] = [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xAA, 0x08, 0x00,
            0x45, 0xB8, 0, 32, 0x42, 0x42, 0x40, 0, 63, 17, 0x0C, 0x9C,
            198, 51, 100, 2, 192, 0, 2, 1,
            0x1F, 0x90, 0x04, 0x01, 0, 12, 0xEC, 0x07, 1, 2, 3, 4,
        ]
        let buffer = RoomyBuffer(datagram)
        #expect(NAT64.toIPv6(buffer) == .translated)
        let expected: [UInt8] = [
            0x6B, 0x80, 0, 0, 0, 12, 17, 63,
            0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
            0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0C,
            0, 80, 0x13, 0x88, 0, 12, 0x8C, 0x16, 1, 2, 3, 4,
        ]
        #expect(Array(buffer.octets.dropFirst(14)) == expected)
        #expect(Array(buffer.octets[12..<14]) == [0x86, 0xDD])
        #expect(buffer.isIntact)
    }

    @Test(arguments: [true, false])
    func `a whole packet gets no fragment header, with DF and without`(hasDF: Bool) throws {
        let packet = NAT64.v4(6, IPPacket.tcp(8080, 1025, [1, 2, 3])) { $0.dontFragment = hasDF }
        let buffer = RoomyBuffer(packet.frame(padding: 3))
        #expect(NAT64.toIPv6(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(!after.hasFragmentHeader && after.protocolNumber == 6)
        #expect(after.transportChecksum == 0 && after.payload.count == 23)
        #expect(buffer.octets.count == 14 + 40 + 23)
    }

    @Test func `a first fragment gets a fragment header`() throws {
        let packet = NAT64.v4(17, IPPacket.udp(8080, 1025, [1, 2, 3, 4, 5, 6, 7, 8])) { packet in
            packet.hasMore = true
            packet.identification = 0xBEEF
        }
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv6(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.hasFragmentHeader && after.hasMore && after.fragmentOffset == 0)
        #expect(after.identification == 0xBEEF && after.protocolNumber == 17)
        #expect(after.transportChecksum == 0)
    }

    @Test func `a later fragment keeps its place and its data`() throws {
        var packet = NAT64.v4(17, [])
        packet.fragmentOffset = 1_480
        packet.payload = [UInt8](0..<24)
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv6(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.fragmentOffset == 1_480 && !after.hasMore)
        #expect(after.payload == [UInt8](0..<24))
    }

    @Test(arguments: [(false, 1300, 1280), (true, 1308, 1280)] as [(Bool, UInt16, UInt16)])
    func `with DF, too big is reported with what the headers add`(
        isFragment: Bool,
        mtu: UInt16,
        reported: UInt16
    ) {
        let packet = NAT64.v4(17, IPPacket.udp(1, 2, .init(repeating: 1, count: 1_272))) { packet in
            packet.dontFragment = true
            packet.hasMore = isFragment
        }
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv6(buffer, mtu: mtu) == .tooBig(mtu: reported))
        #expect(buffer.octets == packet.frame())
    }

    @Test func `with DF, the MTU of the link is what counts`() {
        let packet = NAT64.v4(17, IPPacket.udp(1, 2, .init(repeating: 1, count: 1_452))) { packet in
            packet.dontFragment = true
        }
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv6(buffer, mtu: 1_500) == .translated)
    }

    @Test func `a datagram without a checksum gets one`() throws {
        var packet = NAT64.v4(17, IPPacket.udp(8080, 1025, [1, 2, 3, 4, 5]))
        packet.payload[6] = 0
        packet.payload[7] = 0
        let buffer = RoomyBuffer(packet.frame(padding: 5))
        #expect(NAT64.toIPv6(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.payload[6] != 0 || after.payload[7] != 0)
        #expect(after.transportChecksum == 0)
    }

    @Test func `a first fragment of a datagram without a checksum is refused`() {
        var packet = NAT64.v4(17, IPPacket.udp(8080, 1025, .init(repeating: 0, count: 8)))
        packet.payload[6] = 0
        packet.payload[7] = 0
        packet.hasMore = true
        let buffer = RoomyBuffer(packet.frame())
        #expect(NAT64.toIPv6(buffer) == .refused(.fragmentWithoutChecksum))
    }

    @Test(arguments: [(UInt8(8), UInt8(128)), (0, 129)])
    func `an echo becomes an echo`(type: UInt8, expected: UInt8) throws {
        let message = IPPacket.icmp(type, rest: 0x1234_0007, [1, 2, 3])
        let buffer = RoomyBuffer(NAT64.v4(1, message).frame())
        #expect(NAT64.toIPv6(buffer) == .translated)
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.protocolNumber == 58 && after.transportChecksum == 0)
        #expect(after.payload[0] == expected && after.payload[1] == 0)
        #expect(Array(after.payload[4...]) == [0, 80, 0, 7, 1, 2, 3])
    }

    @Test(arguments: [(UInt8(13), false), (3, false), (8, true)])
    func `other ICMP and fragments of echoes are refused`(type: UInt8, isFragment: Bool) {
        let packet = NAT64.v4(1, IPPacket.icmp(type, 0, [1, 2, 3, 4, 5, 6, 7, 8])) { packet in
            packet.hasMore = isFragment
        }
        let buffer = RoomyBuffer(packet.frame())
        #expect(
            NAT64.toIPv6(buffer)
                == .refused(isFragment ? .fragmentedICMP : .unsupportedProtocol)
        )
    }

    private static let options: [([UInt8], TranslationOutcome)] = [
        ([1, 1, 1, 0], .translated),
        // Record route.
        ([7, 7, 4, 0, 0, 0, 0, 0], .translated),
        // Loose and strict source routes that are used up.
        ([131, 7, 8, 1, 2, 3, 4, 0], .translated),
        ([1, 137, 7, 8, 1, 2, 3, 4], .translated),
        // And those that are not.
        ([131, 7, 4, 1, 2, 3, 4, 0], .refused(.sourceRoute)),
        ([1, 137, 7, 4, 1, 2, 3, 4], .refused(.sourceRoute)),
        // Nonsense is ignored as options are.
        ([9, 0, 131, 7], .translated), ([9, 200, 0, 0], .translated),
    ]

    @Test(arguments: options)
    func `options are ignored but for source routes`(
        options: [UInt8],
        expected: TranslationOutcome
    ) throws {
        let frame = Frame.udp(from: "198.51.100.2:8080", to: "192.0.2.1:1025", data: [1, 2, 3]) {
            $0.options = options
            $0.vlan = 7
        }
        let buffer = RoomyBuffer(frame)
        #expect(NAT64.toIPv6(buffer) == expected)
        guard expected == .translated else { return }
        let after = try #require(IPPacket(frame: buffer.octets))
        #expect(after.payload.count == 11 && after.transportChecksum == 0)
    }

    @Test(arguments: [(19, false), (20, true)])
    func `without room for the longer header nothing happens`(headroom: Int, fits: Bool) {
        let frame = NAT64.v4(17, IPPacket.udp(8080, 1025)).frame()
        let buffer = RoomyBuffer(frame, headroom: headroom)
        #expect(NAT64.toIPv6(buffer) == (fits ? .translated : .refused(.noRoom)))
        #expect(fits || buffer.octets == frame)
        #expect(buffer.isIntact)
    }
}
