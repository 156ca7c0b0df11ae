// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// ICMP errors about our tunnel packets.
@Suite struct TunnelErrorTests {
    private static func innerPacket(isIPv6: Bool) -> IPPacket {
        let tcp = IPPacket.tcp(5000, 80, ICMPErrors.data)
        return isIPv6
            ? IPPacket(from: "2001:db8::c", to: "2001:db8::64", 6, tcp).withChecksum
            : IPPacket(from: "192.0.2.12", to: "192.0.2.100", 6, tcp).withChecksum
    }

    /// `inner` in a tunnel, as a router quotes it.
    private static func outerPacket(
        _ kind: Encapsulation.Kind,
        isIPv6: Bool,
        _ inner: IPPacket
    ) throws -> IPPacket {
        let tunnel = try Tunnels.tunnel(kind, isIPv6: isIPv6)
        return try Tunnels.decapsulated(tunnel, inner).outer
    }

    private static func inner(
        _ message: ICMPErrorMessage,
        _ buffer: RoomyBuffer
    ) -> TunnelledQuote? {
        guard case .read(let tunnelled) = message.embeddedInner(buffer.bytes) else { return nil }
        return tunnelled
    }

    private static func report(
        _ error: IPPacket,
        from source: IPAddress,
        headroom: Int = 128
    ) throws -> (outcome: TranslationOutcome, packet: IPPacket?) {
        let buffer = RoomyBuffer(error.frame(padding: 2), headroom: headroom)
        let message = try #require(ICMPErrors.message(buffer))
        let tunnelled = try #require(inner(message, buffer))
        let outcome = unsafe message.report(
            buffer.buffer,
            tunnelled,
            from: source,
            identification: 9
        )
        #expect(buffer.isIntact)
        return (outcome, IPPacket(frame: buffer.octets))
    }

    @Test(
        arguments: Encapsulation.Kind.allCases,
        [(false, false), (false, true), (true, false), (true, true)]
    )
    func `the client learns what the tunnel leaves of the MTU`(
        kind: Encapsulation.Kind,
        families: (outer: Bool, inner: Bool)
    ) throws {
        let inner = Self.innerPacket(isIPv6: families.inner)
        let outer = try Self.outerPacket(kind, isIPv6: families.outer, inner)
        let error = ICMPErrors.error(
            families.outer ? 2 : 3,
            families.outer ? 0 : 4,
            rest: 1_400,
            about: outer
        )
        // No room is needed: what is cut off is never shorter than what is written.
        let (outcome, packet) = try Self.report(error, from: inner.destination, headroom: 0)
        #expect(outcome == .translated)
        let report = try #require(packet)
        #expect(report.source == inner.destination && report.destination == inner.source)
        #expect(report.hasValidHeader && report.transportChecksum == 0)
        #expect(Array(report.payload[..<2]) == (families.inner ? [2, 0] : [3, 4]))
        let overhead = UInt64(Encapsulation.overhead(kind, isIPv6: families.outer))
        #expect(IPPacket.number(report.payload, 4, 4) == 1_400 - overhead)
        #expect(Array(report.payload[8...]) == inner.octets)
    }

    @Test func `a short quotation of the inner packet is enough`() throws {
        let inner = Self.innerPacket(isIPv6: false)
        let outer = try Self.outerPacket(.ipip, isIPv6: false, inner)
        let error = ICMPErrors.error(3, 4, rest: 0, about: outer, quoting: 48)
        let report = try #require(Self.report(error, from: inner.destination).packet)
        // The plateau below 160 octets, which is the least that IPv4 has.
        #expect(IPPacket.number(report.payload, 4, 4) == 68)
        #expect(Array(report.payload[8...]) == Array(inner.octets.prefix(28)))
    }

    @Test func `a sender of IPv6 is not told less than 1280`() throws {
        let inner = Self.innerPacket(isIPv6: true)
        let outer = try Self.outerPacket(.ipip, isIPv6: false, inner)
        let error = ICMPErrors.error(3, 4, rest: 1_200, about: outer)
        let report = try #require(Self.report(error, from: inner.destination).packet)
        #expect(IPPacket.number(report.payload, 4, 4) == 1_280)
    }

    private static let others: [(outer: Bool, type: UInt8, code: UInt8)] = [
        (false, 3, 1), (false, 3, 3), (false, 11, 0), (false, 12, 0),
        (true, 1, 0), (true, 3, 0), (true, 4, 1),
    ]

    @Test(arguments: others, [false, true])
    func `any other error means that the host is unreachable`(
        error: (outer: Bool, type: UInt8, code: UInt8),
        isIPv6: Bool
    ) throws {
        let inner = Self.innerPacket(isIPv6: isIPv6)
        let outer = try Self.outerPacket(.gue, isIPv6: error.outer, inner)
        let message = ICMPErrors.error(error.type, error.code, about: outer)
        let report = try #require(Self.report(message, from: inner.destination).packet)
        #expect(Array(report.payload[..<2]) == (isIPv6 ? [1, 3] : [3, 1]))
        #expect(Array(report.payload[4..<8]) == [0, 0, 0, 0])
    }

    @Test func `the inner flow is the one of the client`() throws {
        let inner = Self.innerPacket(isIPv6: false)
        let outer = try Self.outerPacket(.gue, isIPv6: true, inner)
        let buffer = RoomyBuffer(ICMPErrors.error(1, about: outer).frame())
        let message = try #require(ICMPErrors.message(buffer))
        let tunnelled = try #require(Self.inner(message, buffer))
        let expected = ICMPErrors.flow("192.0.2.12", 5000, "192.0.2.100", 80)
        #expect(tunnelled.inner.flow == expected && tunnelled.overhead == 52)
    }

    // MARK: - Refusals

    @Test func `eight octets behind the outer header are not enough`() throws {
        let outer = try Self.outerPacket(.ipip, isIPv6: false, Self.innerPacket(isIPv6: false))
        let buffer = RoomyBuffer(ICMPErrors.error(3, 4, about: outer, quoting: 28).frame())
        let message = try #require(ICMPErrors.message(buffer))
        #expect(message.embeddedInner(buffer.bytes) == .refused(.malformed))
    }

    private static let foreign: [(number: UInt8, payload: [UInt8])] = [
        (6, IPPacket.tcp(1, 6080, ICMPErrors.data)),
        (17, IPPacket.udp(1, 6081, [0x45] + ICMPErrors.data)),
        // GUE with a control message, with optional fields, of variant 2.
        (17, IPPacket.udp(1, 6080, [0x20, 4, 0, 0] + ICMPErrors.data)),
        (17, IPPacket.udp(1, 6080, [0x01, 4, 0, 0] + ICMPErrors.data)),
        (17, IPPacket.udp(1, 6080, [0x80, 4, 0, 0] + ICMPErrors.data)),
        (17, IPPacket.udp(1, 6080)),
        // GRE with a key, with something else inside.
        (47, [0x20, 0, 8, 0, 0, 0, 0, 1] + ICMPErrors.data),
        (47, [0, 0, 0x88, 0xBE, 0, 0, 0, 1] + ICMPErrors.data),
    ]

    @Test(arguments: foreign)
    func `what we do not send is no tunnel of ours`(
        packet: (number: UInt8, payload: [UInt8])
    ) throws {
        let outer = IPPacket(from: "10.0.0.1", to: "10.0.0.2", packet.number, packet.payload)
        let buffer = RoomyBuffer(ICMPErrors.error(3, 4, about: outer).frame())
        let message = try #require(ICMPErrors.message(buffer))
        #expect(message.embeddedInner(buffer.bytes) == .refused(.unsupportedProtocol))
    }

    @Test func `an address of the other family cannot tell it`() throws {
        let inner = Self.innerPacket(isIPv6: false)
        let outer = try Self.outerPacket(.ipip, isIPv6: false, inner)
        let error = ICMPErrors.error(3, 4, rest: 1_400, about: outer)
        #expect(try Self.report(error, from: .v6(.loopback)).outcome == .refused(.malformed))
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func `mutated quotations neither trap nor touch what is outside`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var reported = 0
        for _ in 0..<2_000 {
            let kind = Encapsulation.Kind.allCases.randomElement(using: &random) ?? .ipip
            let inner = Self.innerPacket(isIPv6: Bool.random(using: &random))
            var outer = try Self.outerPacket(kind, isIPv6: Bool.random(using: &random), inner)
            outer.payload = random.mutation(of: outer.payload)
            let error = ICMPErrors.error(outer.isIPv6 ? 2 : 3, outer.isIPv6 ? 0 : 4, about: outer)
            let buffer = RoomyBuffer(error.frame(), headroom: 0)
            guard
                let message = ICMPErrors.message(buffer),
                let tunnelled = Self.inner(message, buffer)
            else { continue }
            let source = tunnelled.inner.flow.destination
            let outcome = unsafe message.report(
                buffer.buffer,
                tunnelled,
                from: source,
                identification: 1
            )
            #expect(buffer.isIntact, "seed \(seed): \(error.octets)")
            guard outcome == .translated else { continue }
            reported += 1
            let report = IPPacket(frame: buffer.octets)
            #expect(report?.transportChecksum == 0, "seed \(seed): \(error.octets)")
        }
        #expect(reported > 200, "seed \(seed): the mutations are too coarse to reach much")
    }
}
