// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// An error that stays in its family: what the backend's side says, told to the client.
@Suite struct ICMPErrorRewriteTests {
    private static func rewrite(isIPv6: Bool) -> ICMPErrorRewrite {
        let quoted =
            isIPv6
            ? ICMPErrors.flow("2001:db8::c", 5000, "2001:db8::64", 80)
            : ICMPErrors.flow("192.0.2.12", 5000, "192.0.2.100", 80)
        return ICMPErrorRewrite(
            source: quoted.destination,
            destination: quoted.source,
            quoted: quoted
        )
    }

    /// `error` rewritten as `rewrite` says.
    private static func rewritten(
        _ error: IPPacket,
        _ rewrite: ICMPErrorRewrite
    ) throws -> IPPacket {
        let buffer = RoomyBuffer(error.frame())
        let message = try #require(ICMPErrors.message(buffer))
        let outcome = unsafe message.rewrite(buffer.buffer, rewrite)
        #expect(outcome == .translated && buffer.isIntact)
        return try #require(IPPacket(frame: buffer.octets))
    }

    @Test(arguments: [false, true])
    func `the client learns of its own packet`(isIPv6: Bool) throws {
        let quoted = ICMPErrors.segment(isIPv6: isIPv6)
        let type: UInt8 = isIPv6 ? 2 : 3
        let error = ICMPErrors.error(type, isIPv6 ? 0 : 4, rest: 1_400, about: quoted)
        var rewrite = Self.rewrite(isIPv6: isIPv6)
        rewrite.sequenceDelta = 0x20
        let after = try Self.rewritten(error, rewrite)
        #expect(after.source == rewrite.source && after.destination == rewrite.destination)
        #expect(after.timeToLive == error.timeToLive && after.trafficClass == error.trafficClass)
        #expect(after.hasValidHeader && after.transportChecksum == 0)
        #expect(Array(after.payload[..<2]) == [type, isIPv6 ? 0 : 4])
        #expect(Array(after.payload[4..<8]) == [0, 0, 0x05, 0x78])
        // What the client sent, to the last checksum.
        var sent = quoted
        sent.source = rewrite.quoted.source
        sent.destination = rewrite.quoted.destination
        sent.payload = IPPacket.tcp(5000, 80, sequence: 0x10, ICMPErrors.data)
        #expect(Array(after.payload[8...]) == sent.withChecksum.octets)
    }

    @Test(arguments: [false, true])
    func `a sequence number may go down as well`(isIPv6: Bool) throws {
        let error = ICMPErrors.error(isIPv6 ? 1 : 3, about: ICMPErrors.segment(isIPv6: isIPv6))
        var rewrite = Self.rewrite(isIPv6: isIPv6)
        rewrite.sequenceDelta = 0 &- 0xFFFF_FFF0
        let quotation = try #require(ICMPErrors.quotation(Self.rewritten(error, rewrite)))
        #expect(IPPacket.number(quotation.payload, 4, 4) == 0)
        #expect(quotation.transportChecksum == 0)
    }

    @Test(arguments: [false, true])
    func `a quotation without the checksum is rewritten as far as it goes`(isIPv6: Bool) throws {
        for length in 8...19 {
            let header = isIPv6 ? 40 : 20
            let error = ICMPErrors.error(
                isIPv6 ? 1 : 3,
                about: ICMPErrors.segment(isIPv6: isIPv6),
                quoting: header + length
            )
            let rewrite = Self.rewrite(isIPv6: isIPv6)
            let after = try Self.rewritten(error, rewrite)
            #expect(after.transportChecksum == 0, "\(length) octets")
            let quotation = try #require(ICMPErrors.quotation(after))
            #expect(quotation.payload.count == length)
            #expect(Array(quotation.payload[..<4]) == [0x13, 0x88, 0, 80])
        }
    }

    @Test(arguments: [false, true], [false, true])
    func `the checksum of a quoted datagram follows, unless it has none`(
        isIPv6: Bool,
        hasChecksum: Bool
    ) throws {
        var quoted = ICMPErrors.segment(isIPv6: isIPv6)
        quoted.protocolNumber = 17
        quoted.payload = IPPacket.udp(1025, 8080, [1, 2, 3])
        if hasChecksum { quoted = quoted.withChecksum }
        let error = ICMPErrors.error(isIPv6 ? 1 : 3, about: quoted)
        let after = try Self.rewritten(error, Self.rewrite(isIPv6: isIPv6))
        let quotation = try #require(ICMPErrors.quotation(after))
        #expect(after.transportChecksum == 0)
        if hasChecksum {
            #expect(quotation == quotation.withChecksum)
        } else {
            #expect(Array(quotation.payload[6..<8]) == [0, 0])
        }
    }

    @Test(arguments: [false, true])
    func `a quoted echo gets the identifier of the client`(isIPv6: Bool) throws {
        var quoted = ICMPErrors.segment(isIPv6: isIPv6)
        quoted.protocolNumber = isIPv6 ? 58 : 1
        quoted.payload = IPPacket.icmp(isIPv6 ? 128 : 8, rest: 0x1111_0001, [1, 2, 3])
        let error = ICMPErrors.error(isIPv6 ? 1 : 3, about: quoted.withChecksum)
        let after = try Self.rewritten(error, Self.rewrite(isIPv6: isIPv6))
        let quotation = try #require(ICMPErrors.quotation(after))
        #expect(quotation.transportChecksum == 0)
        #expect(Array(quotation.payload[4..<8]) == [0x13, 0x88, 0, 1])
    }

    @Test func `options of both headers and a VLAN tag stay`() throws {
        let quoted = Frame.udp(from: "10.0.0.1:1025", to: "10.0.0.2:8080") {
            $0.options = [7, 7, 4, 0, 0, 0, 0, 0]
        }
        let error = Frame(.icmp(type: 3, code: 1, data: Array(quoted.dropFirst(14)))) { frame in
            frame.options = [1, 1, 1, 0]
            frame.vlan = 5
        }
        let buffer = RoomyBuffer(error.octets)
        let message = try #require(ICMPErrors.message(buffer))
        let rewrite = Self.rewrite(isIPv6: false)
        #expect(unsafe message.rewrite(buffer.buffer, rewrite) == .translated)
        let after = try #require(IPPacket(Array(buffer.octets.dropFirst(18))))
        #expect(after.hasValidHeader && after.transportChecksum == 0)
        #expect(after.destination == rewrite.destination)
        let quotation = try #require(ICMPErrors.quotation(after))
        #expect(quotation.hasValidHeader && quotation.transportChecksum == 0)
        #expect(quotation.source == rewrite.quoted.source)
        #expect(Array(buffer.octets[38..<42]) == [1, 1, 1, 0])
    }

    @Test func `extensions stay as they are`() throws {
        let extensions: [UInt8] = [0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 2, 3]
        // 128 octets are quoted, 32 times four.
        let error = ICMPErrors.error(
            11,
            rest: 32 << 16,
            about: ICMPErrors.segment(isIPv6: false, [UInt8](repeating: 1, count: 200)),
            quoting: 128,
            extensions: extensions
        )
        let after = try Self.rewritten(error, Self.rewrite(isIPv6: false))
        #expect(after.payload.suffix(12) == extensions[...])
        #expect(Array(after.payload[4..<8]) == [0, 32, 0, 0])
        #expect(after.transportChecksum == 0)
    }

    @Test func `mixed families are refused`() throws {
        let frame = ICMPErrors.error(3, about: ICMPErrors.segment(isIPv6: false)).frame()
        let buffer = RoomyBuffer(frame)
        let message = try #require(ICMPErrors.message(buffer))
        var rewrite = Self.rewrite(isIPv6: false)
        rewrite.quoted.source = .v6(.loopback)
        #expect(unsafe message.rewrite(buffer.buffer, rewrite) == .refused(.malformed))
        #expect(buffer.octets == frame)
    }

    @Test(arguments: [false, true], [UInt64(1), 2, 3])
    func `there and back is the error that it was`(isIPv6: Bool, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let data = random.octets(.random(in: 0...60, using: &random))
            let quoted = ICMPErrors.segment(isIPv6: isIPv6, data)
            let error = ICMPErrors.error(
                isIPv6 ? 3 : 11,
                about: quoted,
                quoting: .random(in: 48...130, using: &random)
            )
            var there = Self.rewrite(isIPv6: isIPv6)
            there.sequenceDelta = UInt32(truncatingIfNeeded: random.next())
            var back = ICMPErrorRewrite(
                source: error.source,
                destination: error.destination,
                quoted: FlowAddresses(
                    source: quoted.source,
                    sourcePort: 1025,
                    destination: quoted.destination,
                    destinationPort: 8080
                )
            )
            back.sequenceDelta = 0 &- there.sequenceDelta
            let after = try Self.rewritten(Self.rewritten(error, there), back)
            #expect(after.octets == error.octets, "seed \(seed)")
        }
    }
}
