// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// An error that changes its family: NAT64.
@Suite struct ICMPErrorTranslationTests {
    private static let v6Flow = ICMPErrors.flow("2001:db8::c", 5000, "2001:db8::64", 80)
    private static let v4Flow = ICMPErrors.flow("10.0.0.2", 8080, "10.0.0.1", 1025)

    private static func toIPv6() -> ICMPErrorRewrite {
        ICMPErrorRewrite(
            source: v6Flow.destination,
            destination: v6Flow.source,
            quoted: v6Flow
        )
    }

    private static func toIPv4() -> ICMPErrorRewrite {
        ICMPErrorRewrite(
            source: v4Flow.destination,
            destination: v4Flow.source,
            quoted: v4Flow
        )
    }

    private static func translated(
        _ frame: [UInt8],
        _ rewrite: ICMPErrorRewrite
    ) throws -> IPPacket {
        let buffer = RoomyBuffer(frame)
        let message = try #require(ICMPErrors.message(buffer))
        let outcome = unsafe message.rewrite(buffer.buffer, rewrite)
        #expect(outcome == .translated && buffer.isIntact)
        let packet = try #require(IPPacket(frame: buffer.octets))
        #expect(packet.hasValidHeader && packet.transportChecksum == 0)
        return packet
    }

    @Test func `a router between us and the backend tells the client an MTU`() throws {
        var sent = ICMPErrors.segment(isIPv6: false, ICMPErrors.data)
        sent.trafficClass = 0x28
        sent.timeToLive = 60
        let error = ICMPErrors.error(3, 4, rest: 1_400, about: sent)
        let after = try Self.translated(error.frame(padding: 4), Self.toIPv6())
        #expect(after.source == Self.v6Flow.destination && after.protocolNumber == 58)
        #expect(after.destination == Self.v6Flow.source)
        #expect(after.timeToLive == 61 && after.trafficClass == 0xC0)
        #expect(Array(after.payload[..<2]) == [2, 0])
        #expect(Array(after.payload[4..<8]) == [0, 0, 0x05, 0x8C])
        // The packet as the client sent it, as far as IPv4 has kept it.
        let tcp = IPPacket.tcp(5000, 80, sequence: 0xFFFF_FFF0, ICMPErrors.data)
        let original = IPPacket(from: "2001:db8::c", to: "2001:db8::64", 6, tcp) { packet in
            packet.trafficClass = 0x28
            packet.timeToLive = 60
        }
        #expect(Array(after.payload[8...]) == original.withChecksum.octets)
    }

    @Test func `a router between us and the client tells the backend an MTU`() throws {
        let tcp = IPPacket.tcp(80, 5000, sequence: 7, ICMPErrors.data)
        let sent = IPPacket(from: "2001:db8::64", to: "2001:db8::c", 6, tcp) { packet in
            packet.trafficClass = 0x28
            packet.timeToLive = 60
            packet.flowLabel = 99
        }
        let error = ICMPErrors.error(2, rest: 1_400, about: sent.withChecksum)
        var rewrite = Self.toIPv4()
        rewrite.identification = 0x77
        rewrite.sequenceDelta = 0 &- 7
        let after = try Self.translated(error.frame(padding: 4), rewrite)
        #expect(after.source == Self.v4Flow.destination && after.protocolNumber == 1)
        #expect(after.destination == Self.v4Flow.source && after.identification == 0x77)
        #expect(after.timeToLive == 61 && after.trafficClass == 0xC0 && !after.dontFragment)
        #expect(Array(after.payload[..<2]) == [3, 4])
        #expect(Array(after.payload[4..<8]) == [0, 0, 0x05, 0x64])
        let original = IPPacket(
            from: "10.0.0.2",
            to: "10.0.0.1",
            6,
            IPPacket.tcp(8080, 1025, sequence: 0, ICMPErrors.data)
        ) { packet in
            packet.trafficClass = 0x28
            packet.timeToLive = 60
        }
        #expect(Array(after.payload[8...]) == original.withChecksum.octets)
    }

    @Test func `an error about an echo quotes the echo of the other family`() throws {
        let echo = IPPacket.icmp(8, rest: 0x0401_0005, [1, 2, 3])
        let sent = IPPacket(from: "10.0.0.1", to: "10.0.0.2", 1, echo).withChecksum
        let after = try Self.translated(
            ICMPErrors.error(11, about: sent).frame(),
            Self.toIPv6()
        )
        #expect(Array(after.payload[..<2]) == [3, 0])
        let quotation = try #require(ICMPErrors.quotation(after))
        #expect(quotation.protocolNumber == 58 && quotation.transportChecksum == 0)
        #expect(Array(quotation.payload[..<2]) == [128, 0])
        #expect(Array(quotation.payload[4...]) == [0x13, 0x88, 0, 5, 1, 2, 3])
        var back = Self.toIPv4()
        back.quoted.sourcePort = 0x0401
        let again = try Self.translated(after.frame(), back)
        let echoAgain = try #require(ICMPErrors.quotation(again))
        #expect(echoAgain.payload == sent.payload && echoAgain.protocolNumber == 1)
    }

    @Test func `a quoted fragment stays one, and its header counts for the MTU`() throws {
        let udp = IPPacket.udp(80, 5000, [1, 2, 3, 4, 5, 6, 7, 8])
        let sent = IPPacket(from: "2001:db8::64", to: "2001:db8::c", 17, udp) { packet in
            packet.hasMore = true
            packet.identification = 0x1_0002
        }
        let error = ICMPErrors.error(2, rest: 1_400, about: sent.withChecksum)
        let after = try Self.translated(error.frame(), Self.toIPv4())
        #expect(Array(after.payload[6..<8]) == [0x05, 0x5C])
        let quotation = try #require(ICMPErrors.quotation(after))
        #expect(quotation.hasMore && quotation.identification == 2 && !quotation.dontFragment)
        let again = try Self.translated(after.frame(), Self.toIPv6())
        let fragment = try #require(ICMPErrors.quotation(again))
        #expect(fragment.hasMore && fragment.hasFragmentHeader && fragment.identification == 2)
    }

    @Test(arguments: [false, true])
    func `a long error is cut to what an error may be`(becomesIPv6: Bool) throws {
        let sent =
            becomesIPv6
            ? ICMPErrors.segment(isIPv6: false, .init(repeating: 1, count: 1_400))
            : ICMPErrors.segment(isIPv6: true, .init(repeating: 1, count: 1_100))
        let error = ICMPErrors.error(becomesIPv6 ? 3 : 1, about: sent)
        let after = try Self.translated(
            error.frame(),
            becomesIPv6 ? Self.toIPv6() : Self.toIPv4()
        )
        #expect(after.octets.count == (becomesIPv6 ? 1_280 : 576))
        // It still says how long the packet was.
        let quotation = try #require(ICMPErrors.quotation(after))
        #expect(quotation.claimedPayloadLength == sent.payload.count)
    }

    @Test(arguments: [false, true])
    func `extensions are cut off, and their length with them`(becomesIPv6: Bool) throws {
        let sent = ICMPErrors.segment(isIPv6: !becomesIPv6, .init(repeating: 1, count: 200))
        let error = ICMPErrors.error(
            becomesIPv6 ? 11 : 3,
            rest: becomesIPv6 ? 32 << 16 : 16 << 24,
            about: sent,
            quoting: 128,
            extensions: [0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 2, 3]
        )
        let after = try Self.translated(
            error.frame(),
            becomesIPv6 ? Self.toIPv6() : Self.toIPv4()
        )
        #expect(Array(after.payload[4..<8]) == [0, 0, 0, 0])
        let quotation = try #require(ICMPErrors.quotation(after))
        #expect(quotation.payload.count == 128 - (becomesIPv6 ? 20 : 40))
    }

    @Test func `errors and protocols without a counterpart are refused`() throws {
        let cases: [(IPPacket, TranslationRefusal)] = [
            (ICMPErrors.error(3, 14, about: Self.segment(6)), .untranslatableError),
            (ICMPErrors.error(12, 1, about: Self.segment(6)), .untranslatableError),
            (ICMPErrors.error(3, 1, about: Self.segment(47)), .unsupportedProtocol),
            (ICMPErrors.error(3, 1, about: Self.segment(4)), .unsupportedProtocol),
        ]
        for (error, refusal) in cases {
            let buffer = RoomyBuffer(error.frame())
            let message = try #require(ICMPErrors.message(buffer))
            #expect(unsafe message.rewrite(buffer.buffer, Self.toIPv6()) == .refused(refusal))
            #expect(buffer.octets == error.frame())
        }
    }

    private static func segment(_ number: UInt8) -> IPPacket {
        var packet = ICMPErrors.segment(isIPv6: false)
        packet.protocolNumber = number
        return packet
    }

    @Test(arguments: [(39, false), (40, true)])
    func `without room for the longer headers nothing happens`(headroom: Int, fits: Bool) throws {
        let frame = ICMPErrors.error(3, about: ICMPErrors.segment(isIPv6: false)).frame()
        let buffer = RoomyBuffer(frame, headroom: headroom)
        let message = try #require(ICMPErrors.message(buffer))
        let outcome = unsafe message.rewrite(buffer.buffer, Self.toIPv6())
        #expect(outcome == (fits ? .translated : .refused(.noRoom)))
        #expect(buffer.isIntact && (fits || buffer.octets == frame))
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `mutated errors neither trap nor touch what is outside the buffer`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var read = 0
        for _ in 0..<4_000 {
            let isIPv6 = Bool.random(using: &random)
            let quoted = ICMPErrors.segment(isIPv6: isIPv6, random.octets(40))
            let type: UInt8 =
                isIPv6
                ? .random(in: 1...4, using: &random)
                : [3, 11, 12][
                    Int.random(in: 0..<3, using: &random)
                ]
            var error = ICMPErrors.error(type, .random(in: 0...4, using: &random), about: quoted)
            // Mutated behind the outer header, so that the checksum can be made right again.
            error.payload = random.mutation(of: error.payload)
            error.claimedPayloadLength = nil
            let frame = error.withChecksum.frame()
            let buffer = RoomyBuffer(frame, headroom: .random(in: 0...64, using: &random))
            guard let message = ICMPErrors.message(buffer) else { continue }
            read += 1
            let rewrite = Bool.random(using: &random) ? Self.toIPv6() : Self.toIPv4()
            let outcome = unsafe message.rewrite(buffer.buffer, rewrite)
            #expect(buffer.isIntact, "seed \(seed): \(frame)")
            if outcome == .translated {
                let after = IPPacket(frame: buffer.octets)
                #expect(after?.transportChecksum == 0, "seed \(seed): \(frame)")
            } else {
                #expect(buffer.octets == frame, "seed \(seed): \(frame)")
            }
        }
        #expect(read > 400, "seed \(seed): the mutations are too coarse to reach much")
    }
}
