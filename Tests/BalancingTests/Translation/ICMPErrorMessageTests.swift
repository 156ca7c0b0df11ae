// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// Reading an ICMP error and what it quotes.
@Suite struct ICMPErrorMessageTests {
    @Test func `these octets are port unreachable about a datagram`() throws {
        let frame: [UInt8] = [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xAA, 0x08, 0x00,
            0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0x66, 0xC3, 10, 0, 0, 2, 10, 0, 0, 1,
            3, 3, 0xE6, 0x7E, 0, 0, 0, 0,
            0x45, 0, 0, 40, 0, 1, 0, 0, 64, 17, 0x66, 0xC2, 10, 0, 0, 1, 10, 0, 0, 2,
            0x04, 0x01, 0, 53, 0, 20, 0x12, 0x34,
        ]
        let message = try #require(ICMPErrors.message(RoomyBuffer(frame)))
        #expect(message.fields == ICMPErrorFields(type: 3, code: 3))
        #expect(message.quoted.flow == ICMPErrors.flow("10.0.0.1", 1025, "10.0.0.2", 53))
        #expect(message.quoted.protocol == .udp && message.quoted.totalLength == 40)
    }

    @Test(arguments: [false, true], [UInt8(6), 17, 132])
    func `ports of the quoted packet are read`(isIPv6: Bool, number: UInt8) throws {
        var quoted = ICMPErrors.segment(isIPv6: isIPv6)
        quoted.protocolNumber = number
        let error = ICMPErrors.error(isIPv6 ? 1 : 3, 1, about: quoted)
        let message = try #require(ICMPErrors.message(RoomyBuffer(error.frame())))
        #expect(message.isIPv6 == isIPv6 && message.quoted.protocol.rawValue == number)
        #expect(message.quoted.flow.sourcePort == 1025)
        #expect(message.quoted.flow.destinationPort == 8080)
        #expect(message.quoted.flow.source == quoted.source)
        #expect(message.quoted.flow.destination == quoted.destination)
    }

    @Test(arguments: [(false, UInt8(8)), (false, 0), (true, 128), (true, 129)])
    func `a quoted echo has its identifier as both ports`(isIPv6: Bool, type: UInt8) throws {
        var quoted = ICMPErrors.segment(isIPv6: isIPv6)
        quoted.protocolNumber = isIPv6 ? 58 : 1
        quoted.payload = IPPacket.icmp(type, rest: 0xABCD_0001, [1])
        let error = ICMPErrors.error(isIPv6 ? 3 : 11, about: quoted)
        let flow = try #require(ICMPErrors.message(RoomyBuffer(error.frame()))).quoted.flow
        #expect(flow.sourcePort == 0xABCD && flow.destinationPort == 0xABCD)
    }

    @Test(arguments: [(false, 28), (true, 48)])
    func `eight octets of transport are enough, seven are not`(isIPv6: Bool, least: Int) {
        let quoted = ICMPErrors.segment(isIPv6: isIPv6)
        let type: UInt8 = isIPv6 ? 1 : 3
        for length in 0...least {
            let error = ICMPErrors.error(type, about: quoted, quoting: length)
            let outcome = ICMPErrors.read(RoomyBuffer(error.frame(padding: 60)))
            if length == least {
                guard case .read = outcome else {
                    Issue.record("\(length) octets: \(String(describing: outcome))")
                    continue
                }
            } else {
                #expect(outcome == .refused(.malformed), "\(length) octets")
            }
        }
    }

    @Test func `extension headers of the quoted packet are passed over`() throws {
        let frame = IPv6Frame.udp { frame in
            frame.extensions = [
                .options(.hopByHopOptions), .options(.routing, units: 2),
                .fragment(offset: 0, more: true),
            ]
        }
        let quoted = Array(frame.dropFirst(14))
        let error = IPPacket(
            from: "2001:db8::1",
            to: "2001:db8::10",
            58,
            IPPacket.icmp(2, rest: 1_300, quoted)
        )
        let outcome = ICMPErrors.message(RoomyBuffer(error.withChecksum.frame()))
        let message = try #require(outcome)
        #expect(message.quoted.protocol == .udp && message.quoted.flow.sourcePort == 5_000)
    }

    // MARK: - Refusals

    @Test(arguments: [false, true])
    func `an error about a later fragment is refused`(isIPv6: Bool) {
        var quoted = ICMPErrors.segment(isIPv6: isIPv6)
        quoted.fragmentOffset = 8
        let error = ICMPErrors.error(isIPv6 ? 1 : 3, about: quoted)
        #expect(ICMPErrors.read(RoomyBuffer(error.frame())) == .refused(.laterFragment))
    }

    @Test(arguments: [(false, UInt8(3)), (false, 5), (true, 1), (true, 135)])
    func `an error about an ICMP message that is no echo is refused`(isIPv6: Bool, type: UInt8) {
        var quoted = ICMPErrors.segment(isIPv6: isIPv6)
        quoted.protocolNumber = isIPv6 ? 58 : 1
        quoted.payload = IPPacket.icmp(type, 0, [UInt8](repeating: 0, count: 28))
        let error = ICMPErrors.error(isIPv6 ? 1 : 3, about: quoted)
        #expect(ICMPErrors.read(RoomyBuffer(error.frame())) == .refused(.errorAboutError))
    }

    @Test(arguments: [(false, [UInt8(0), 4, 5, 8, 13]), (true, [0, 5, 128, 135])])
    func `other messages are no errors`(isIPv6: Bool, types: [UInt8]) {
        for type in types {
            let error = ICMPErrors.error(type, about: ICMPErrors.segment(isIPv6: isIPv6))
            #expect(ICMPErrors.read(RoomyBuffer(error.frame())) == .refused(.notAnError))
        }
    }

    @Test func `packets that are no ICMP of their family are no errors`() {
        for frame in [
            ICMPErrors.segment(isIPv6: false).frame(), ICMPErrors.segment(isIPv6: true).frame(),
            NAT64.v4(58, IPPacket.icmp(1)).frame(), NAT64.v6(1, IPPacket.icmp(3)).frame(),
        ] {
            #expect(ICMPErrors.read(RoomyBuffer(frame)) == .refused(.notAnError))
        }
    }

    @Test(arguments: [false, true])
    func `a wrong checksum is refused`(isIPv6: Bool) {
        var error = ICMPErrors.error(isIPv6 ? 1 : 3, about: ICMPErrors.segment(isIPv6: isIPv6))
        error.payload[error.payload.count - 1] ^= 1
        #expect(ICMPErrors.read(RoomyBuffer(error.frame())) == .refused(.badChecksum))
    }

    @Test func `a wrong checksum in the quoted header is refused`() {
        var error = ICMPErrors.error(3, about: ICMPErrors.segment(isIPv6: false))
        error.payload[8 + 10] ^= 1
        let frame = error.withChecksum.frame()
        #expect(ICMPErrors.read(RoomyBuffer(frame)) == .refused(.badChecksum))
    }

    @Test(arguments: [false, true])
    func `a fragment of an error is refused`(isIPv6: Bool) {
        var error = ICMPErrors.error(isIPv6 ? 1 : 3, about: ICMPErrors.segment(isIPv6: isIPv6))
        error.hasMore = true
        #expect(ICMPErrors.read(RoomyBuffer(error.frame())) == .refused(.fragmentedICMP))
    }

    @Test(arguments: [false, true])
    func `a quotation of the other family is refused`(isIPv6: Bool) {
        let error = IPPacket(
            from: isIPv6 ? "2001:db8::1" : "10.0.0.1",
            to: isIPv6 ? "2001:db8::2" : "10.0.0.2",
            isIPv6 ? 58 : 1,
            IPPacket.icmp(isIPv6 ? 1 : 3, 0, ICMPErrors.segment(isIPv6: !isIPv6).octets)
        )
        let frame = error.withChecksum.frame()
        #expect(ICMPErrors.read(RoomyBuffer(frame)) == .refused(.malformed))
    }
}
