// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing

@testable import Balancing

/// What tunnel tests share.
enum Tunnels {
    static func tunnel(
        _ kind: Encapsulation.Kind,
        isIPv6: Bool,
        spread: Int = 0,
        hasChecksum: Bool = false
    ) throws -> Encapsulation {
        let source = try #require(IPAddress(isIPv6 ? "fd00::100" : "10.0.0.16"))
        let destination = try #require(IPAddress(isIPv6 ? "fd00::2" : "10.0.1.2"))
        let prefix = try #require(
            IPPrefix(source, length: source.family.width - spread)
        )
        var options = Encapsulation.Options()
        options.hasChecksum = hasChecksum
        return try #require(
            Encapsulation(kind, source: prefix, destination: destination, options: options)
        )
    }

    /// Puts the packet in `buffer` into `tunnel`.
    static func apply(
        _ tunnel: Encapsulation,
        _ buffer: RoomyBuffer,
        flowHash: UInt64 = 0x1234_5678_9ABC_DEF0,
        identification: UInt16 = 0x4242
    ) throws -> Bool {
        let frame = try #require(buffer.outline)
        return unsafe tunnel.apply(
            to: buffer.buffer,
            networkOffset: Int(frame.networkOffset),
            innerIsIPv6: frame.content == .ipv6,
            innerLength: frame.totalLength,
            flowHash: flowHash,
            identification: identification
        )
    }

    /// The tunnel packet that `packet` becomes.
    static func decapsulated(
        _ tunnel: Encapsulation,
        _ packet: IPPacket,
        flowHash: UInt64 = 0x1234_5678_9ABC_DEF0
    ) throws -> Decapsulator {
        let buffer = RoomyBuffer(packet.frame(padding: 7))
        #expect(try apply(tunnel, buffer, flowHash: flowHash))
        #expect(buffer.isIntact)
        return try #require(Decapsulator(frame: buffer.octets))
    }

    static func packet(
        isIPv6: Bool,
        _ change: (inout IPPacket) -> Void = { _ in }
    ) -> IPPacket {
        let udp = IPPacket.udp(5000, 80, [1, 2, 3, 4])
        return isIPv6
            ? IPPacket(from: "2001:db8::c", to: "2001:db8::64", 17, udp, change).withChecksum
            : IPPacket(from: "192.0.2.12", to: "192.0.2.100", 17, udp, change).withChecksum
    }
}

@Suite struct EncapsulationTests {
    private static let inner: [UInt8] = [
        0x45, 0x2A, 0, 32, 0, 1, 0x40, 0, 64, 17, 0xB6, 0x31, 192, 0, 2, 12, 192, 0, 2, 100,
        0x13, 0x88, 0, 80, 0, 12, 0, 0, 1, 2, 3, 4,
    ]
    private static let link: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xAA, 8, 0]

    private static let literals: [(Encapsulation.Kind, [UInt8])] = [
        (
            .ipip,
            [
                0x45, 0x2A, 0, 52, 0x42, 0x42, 0x40, 0, 64, 4, 0xE3, 0x48,
                10, 0, 0, 16, 10, 0, 1, 2,
            ]
        ),
        (
            .gre,
            [
                0x45, 0x2A, 0, 56, 0x42, 0x42, 0x40, 0, 64, 47, 0xE3, 0x19,
                10, 0, 0, 16, 10, 0, 1, 2,
                0, 0, 8, 0,
            ]
        ),
        (
            .gue,
            [
                0x45, 0x2A, 0, 64, 0x42, 0x42, 0x40, 0, 64, 17, 0xE3, 0x2F,
                10, 0, 0, 16, 10, 0, 1, 2,
                0xDE, 0xF0, 0x17, 0xC0, 0, 44, 0, 0,
                0, 4, 0, 0,
            ]
        ),
        (
            .gueDirect,
            [
                0x45, 0x2A, 0, 60, 0x42, 0x42, 0x40, 0, 64, 17, 0xE3, 0x33,
                10, 0, 0, 16, 10, 0, 1, 2,
                0xDE, 0xF0, 0x17, 0xC0, 0, 40, 0, 0,
            ]
        ),
    ]

    @Test(arguments: literals)
    func `these octets come before the packet`(
        kind: Encapsulation.Kind,
        outer: [UInt8]
    ) throws {
        let buffer = RoomyBuffer(Self.link + Self.inner + [0xEE, 0xEE])
        #expect(try Tunnels.apply(Tunnels.tunnel(kind, isIPv6: false), buffer))
        #expect(Array(buffer.octets.dropFirst(14)) == outer + Self.inner)
        #expect(Array(buffer.octets[12..<14]) == [8, 0])
        #expect(buffer.isIntact)
    }

    @Test func `these octets come before the packet in IPv6`() throws {
        let buffer = RoomyBuffer(Self.link + Self.inner)
        #expect(try Tunnels.apply(Tunnels.tunnel(.gue, isIPv6: true), buffer))
        let outer: [UInt8] = [
            0x62, 0xA2, 0x34, 0x56, 0, 44, 17, 64,
            0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x00,
            0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
            0xDE, 0xF0, 0x17, 0xC0, 0, 44, 0, 0,
            0, 4, 0, 0,
        ]
        #expect(Array(buffer.octets.dropFirst(14)) == outer + Self.inner)
        #expect(Array(buffer.octets[12..<14]) == [0x86, 0xDD])
    }

    @Test(
        arguments: Encapsulation.Kind.allCases,
        [(false, false), (false, true), (true, false), (true, true)]
    )
    func `what comes out of the tunnel is what went in`(
        kind: Encapsulation.Kind,
        families: (outer: Bool, inner: Bool)
    ) throws {
        let tunnel = try Tunnels.tunnel(kind, isIPv6: families.outer)
        let packet = Tunnels.packet(isIPv6: families.inner)
        let result = try Tunnels.decapsulated(tunnel, packet)
        #expect(result.innerOctets == packet.octets)
        #expect(result.outer.isIPv6 == families.outer && result.outer.hasValidHeader)
        #expect(result.outer.timeToLive == 64)
        #expect(result.outer.octets.count == packet.octets.count + Int(tunnel.overhead))
        let number: UInt8 = families.inner ? 41 : 4
        switch kind {
        case .ipip: #expect(result.outer.protocolNumber == number && result.shim.isEmpty)
        case .gre: #expect(result.shim == (families.inner ? [0, 0, 0x86, 0xDD] : [0, 0, 8, 0]))
        case .gue: #expect(result.shim == [0, number, 0, 0])
        case .gueDirect: #expect(result.shim.isEmpty)
        }
        if kind == .gue || kind == .gueDirect {
            let udp = try #require(result.udp)
            #expect(udp.destination == 6080 && udp.checksum == 0)
            #expect(Int(udp.length) == result.outer.payload.count)
        }
    }

    @Test(arguments: [Encapsulation.Kind.gue, .gueDirect], [false, true])
    func `a UDP header that is to have a checksum has the right one, whatever is in the tunnel`(
        kind: Encapsulation.Kind,
        outer: Bool
    ) throws {
        let tunnel = try Tunnels.tunnel(kind, isIPv6: outer, spread: 8, hasChecksum: true)
        let without = try Tunnels.tunnel(kind, isIPv6: outer, spread: 8)
        #expect(tunnel.overhead == without.overhead, "it costs no octets")
        var random = SeededGenerator(seed: 9)
        for inner in [false, true] {
            for _ in 0..<200 {
                let hash = random.next()
                let packet = Tunnels.packet(isIPv6: inner)
                let result = try Tunnels.decapsulated(tunnel, packet, flowHash: hash)
                let plain = try Tunnels.decapsulated(without, packet, flowHash: hash)
                #expect(result.innerOctets == plain.innerOctets && plain.udp?.checksum == 0)
                #expect(result.udp?.checksum != 0)
                var bare = result.outer
                bare.payload.replaceSubrange(6..<8, with: [0, 0])
                #expect(bare.withChecksum == result.outer)
                #expect(bare == plain.outer, "nothing else differs")
            }
        }
    }

    // MARK: - Fields of the outer header

    @Test(arguments: [false, true], [false, true])
    func `traffic class and ECN are copied`(outer: Bool, inner: Bool) throws {
        let tunnel = try Tunnels.tunnel(.ipip, isIPv6: outer)
        for trafficClass: UInt8 in [0x00, 0x01, 0x02, 0x03, 0xB8, 0xFF] {
            let packet = Tunnels.packet(isIPv6: inner) { $0.trafficClass = trafficClass }
            #expect(try Tunnels.decapsulated(tunnel, packet).outer.trafficClass == trafficClass)
        }
    }

    @Test(arguments: [false, true])
    func `DF around IPv4 is that of the packet`(isSet: Bool) throws {
        let tunnel = try Tunnels.tunnel(.gre, isIPv6: false)
        let packet = Tunnels.packet(isIPv6: false) { $0.dontFragment = isSet }
        let outer = try Tunnels.decapsulated(tunnel, packet).outer
        #expect(outer.dontFragment == isSet && outer.identification == 0x4242)
    }

    @Test func `an outer packet is no fragment when the inner one is`() throws {
        let tunnel = try Tunnels.tunnel(.ipip, isIPv6: false)
        let packet = Tunnels.packet(isIPv6: false) { packet in
            packet.hasMore = true
            packet.fragmentOffset = 8
        }
        let outer = try Tunnels.decapsulated(tunnel, packet).outer
        #expect(!outer.hasMore && outer.fragmentOffset == 0)
    }

    @Test(arguments: [(1_280, false), (1_281, true)])
    func `DF around IPv6 is set from 1281 octets on`(length: Int, isSet: Bool) throws {
        let tunnel = try Tunnels.tunnel(.ipip, isIPv6: false)
        let data = [UInt8](repeating: 1, count: length - 48)
        let packet = IPPacket(from: "2001:db8::c", to: "2001:db8::64", 17, IPPacket.udp(1, 2, data))
        #expect(try Tunnels.decapsulated(tunnel, packet).outer.dontFragment == isSet)
    }

    // MARK: - Spreading

    @Test(arguments: Encapsulation.Kind.allCases, [false, true])
    func `the outer source is all of its prefix, and nothing else`(
        kind: Encapsulation.Kind,
        isIPv6: Bool
    ) throws {
        let tunnel = try Tunnels.tunnel(kind, isIPv6: isIPv6, spread: 3)
        let prefix = try #require(IPPrefix(isIPv6 ? "fd00::100/125" : "10.0.0.16/29"))
        var random = SeededGenerator(seed: 5)
        var counts: [IPAddress: Int] = [:]
        for _ in 0..<800 {
            let result = try Tunnels.decapsulated(
                tunnel,
                Tunnels.packet(isIPv6: isIPv6),
                flowHash: random.next()
            )
            #expect(prefix.contains(result.outer.source) && result.outer.hasValidHeader)
            counts[result.outer.source, default: 0] += 1
        }
        #expect(counts.count == 8 && counts.values.allSatisfy { (50...150).contains($0) })
    }

    @Test func `the source port is a dynamic one that the flow chooses`() throws {
        let tunnel = try Tunnels.tunnel(.gue, isIPv6: false)
        var random = SeededGenerator(seed: 6)
        var ports: Set<UInt16> = []
        for _ in 0..<400 {
            let hash = random.next()
            let packet = Tunnels.packet(isIPv6: false)
            let first = try #require(Tunnels.decapsulated(tunnel, packet, flowHash: hash).udp)
            let second = try #require(Tunnels.decapsulated(tunnel, packet, flowHash: hash).udp)
            #expect(first == second && first.source >= 49_152)
            ports.insert(first.source)
        }
        #expect(ports.count > 380)
    }

    // MARK: - Limits

    @Test(arguments: Encapsulation.Kind.allCases, [false, true])
    func `without room nothing happens`(kind: Encapsulation.Kind, isIPv6: Bool) throws {
        let tunnel = try Tunnels.tunnel(kind, isIPv6: isIPv6)
        let frame = Tunnels.packet(isIPv6: false).frame()
        let tight = RoomyBuffer(frame, headroom: Int(tunnel.overhead) - 1)
        #expect(try !Tunnels.apply(tunnel, tight))
        #expect(tight.octets == frame && tight.isIntact)
        let enough = RoomyBuffer(frame, headroom: Int(tunnel.overhead))
        #expect(try Tunnels.apply(tunnel, enough))
        #expect(enough.isIntact)
    }

    @Test(arguments: [(14, 100), (14, 19), (-1, 32), (60, 20)])
    func `what is not in the frame is refused`(networkOffset: Int, length: UInt16) throws {
        let frame = Self.link + Self.inner
        let buffer = RoomyBuffer(frame)
        let isDone = try unsafe Tunnels.tunnel(.gre, isIPv6: false)
            .apply(
                to: buffer.buffer,
                networkOffset: networkOffset,
                innerIsIPv6: false,
                innerLength: length,
                flowHash: 1,
                identification: 1
            )
        #expect(!isDone && buffer.octets == frame && buffer.isIntact)
    }

    @Test func `a VLAN tag is left behind`() throws {
        let frame = Frame.udp(from: "192.0.2.12:5000", to: "192.0.2.100:80") { $0.vlan = 5 }
        let buffer = RoomyBuffer(frame)
        #expect(try Tunnels.apply(Tunnels.tunnel(.gue, isIPv6: false), buffer))
        let result = try #require(Decapsulator(frame: buffer.octets))
        #expect(result.innerOctets == Array(frame.dropFirst(18)))
    }

    @Test func `both ends are of one family`() throws {
        let source = try #require(IPPrefix("10.0.0.0/24"))
        #expect(Encapsulation(.ipip, source: source, destination: .v6(.loopback)) == nil)
    }

    @Test func `a record fits a cache line`() {
        #expect(MemoryLayout<Encapsulation?>.stride <= 64)
    }

    private static let fits:
        [(outer: Bool, length: UInt16, inner: Bool, hasDF: Bool, Encapsulation.Fit)] = [
            (false, 1_480, false, true, .fits), (true, 1_460, true, false, .fits),
            (false, 1_481, false, true, .tooBig(mtu: 1_480)),
            (false, 1_481, false, false, .fragmentFirst(limit: 1_480)),
            (true, 1_461, false, true, .tooBig(mtu: 1_460)),
            (false, 1_481, true, false, .tooBig(mtu: 1_480)),
            (true, 1_461, true, false, .tooBig(mtu: 1_460)),
        ]

    @Test(arguments: fits)
    func `what fits a link of 1500 octets`(
        row: (outer: Bool, length: UInt16, inner: Bool, hasDF: Bool, expected: Encapsulation.Fit)
    ) throws {
        let fit = try Tunnels.tunnel(.ipip, isIPv6: row.outer)
            .fit(
                length: row.length,
                innerIsIPv6: row.inner,
                innerDontFragment: row.hasDF,
                linkMTU: 1_500
            )
        #expect(fit == row.expected)
    }

    @Test(
        arguments: [(1_280, .fragmentAfter), (1_281, .tooBig(mtu: 1_280))]
            as [(UInt16, Encapsulation.Fit)]
    )
    func `an IPv6 packet of up to 1280 octets goes through any tunnel`(
        length: UInt16,
        expected: Encapsulation.Fit
    ) throws {
        let fit = try Tunnels.tunnel(.ipip, isIPv6: true)
            .fit(length: length, innerIsIPv6: true, innerDontFragment: false, linkMTU: 1_280)
        #expect(fit == expected)
    }

    @Test func `a link that is smaller than the outer header leaves nothing`() throws {
        #expect(try Tunnels.tunnel(.gue, isIPv6: true).innerMTU(40) == 0)
    }
}
