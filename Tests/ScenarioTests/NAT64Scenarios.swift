// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// What besides plain TCP and UDP passes between an IPv6 client and an IPv4 backend.
@Suite struct NAT64Scenarios {
    private static let families = Families.nat64

    private func state(_ number: TransportProtocol) -> DesiredState {
        var state = DesiredState.dual(.nat64, .fnat, number)
        guard number == .icmp else { return state }
        state.services[0].key = Service.Key(
            address: state.services[0].key.address,
            port: 0,
            protocol: .icmp
        )
        state.services[0].backends = state.services[0].backends
            .map { Backend(endpoint: Endpoint($0.endpoint.address, 0)) }
        return state
    }

    private func world(_ number: TransportProtocol, mtus: [UInt16] = [1500, 1500]) throws -> World {
        try dualWorld(state(number), mtus: mtus)
    }

    private func client(_ number: UInt8, _ payload: [UInt8]) -> IPPacket {
        IPPacket(from: Self.families.client, to: Self.families.vip, number, payload).withChecksum
    }

    private func backend(_ number: UInt8, _ payload: [UInt8]) -> IPPacket {
        IPPacket(from: Self.families.backend, to: Self.families.local, number, payload)
            .withChecksum
    }

    private func identifier(_ packet: IPPacket) -> UInt16 {
        UInt16(IPPacket.number(packet.payload, 4, 2))
    }

    @Test func `an IPv6 ping reaches an IPv4 backend and its reply the client`() throws {
        let world = try world(.icmp)
        defer { world.expectConservation() }
        world.send(client(58, IPPacket.icmp(128, rest: 77 << 16 | 5, [1, 2, 3])), on: 0)
        let request = try #require(world.takePackets(1).first)
        #expect(request.protocolNumber == 1 && request.payload[0] == 8 && request.isSound)
        #expect(request.source.description == Self.families.local && request.timeToLive == 63)
        let rest = UInt32(identifier(request)) << 16 | 5
        world.send(backend(1, IPPacket.icmp(0, rest: rest, [1, 2, 3])), on: 1)
        let answer = try #require(world.takePackets(0).first)
        #expect(answer.protocolNumber == 58 && answer.payload[0] == 129 && answer.isSound)
        #expect(identifier(answer) == 77 && answer.source.description == Self.families.vip)
        #expect(answer.timeToLive == 63 && world.connectionCount == 1)
        let error = backend(1, IPPacket.icmp(3, 1, Array(request.octets)))
        world.send(error, on: 1)
        let told = try #require(world.takePackets(0).first)
        let inner = try #require(IPPacket(Array(told.payload.dropFirst(8))))
        #expect(Array(told.payload[..<2]) == [1, 0] && told.isSound && identifier(inner) == 77)
        #expect(inner.protocolNumber == 58 && inner.payload[0] == 128 && inner.isSound)
    }

    @Test func `SCTP keeps a right checksum under other ports`() throws {
        let world = try world(.sctp)
        defer { world.expectConservation() }
        func packet(_ source: UInt16, _ destination: UInt16, _ chunk: UInt8) -> [UInt8] {
            var octets = bigEndian(source) + bigEndian(destination) + [0, 0, 0, 0, 0, 0, 0, 0]
            octets += [chunk, 0, 0, 20] + Array(repeating: 7, count: 16)
            octets.replaceSubrange(8..<12, with: bigEndian(CRC32c.of(octets).byteSwapped))
            return octets
        }
        func isSound(_ packet: IPPacket) -> Bool {
            var octets = packet.payload
            octets.replaceSubrange(8..<12, with: [0, 0, 0, 0])
            return Array(packet.payload[8..<12]) == bigEndian(CRC32c.of(octets).byteSwapped)
        }
        world.send(client(132, packet(5000, 80, 1)), on: 0)
        let opened = try #require(world.takePackets(1).first)
        #expect(!opened.isIPv6 && isSound(opened) && opened.ports.destination == 8080)
        world.send(backend(132, packet(8080, opened.ports.source, 2)), on: 1)
        let answer = try #require(world.takePackets(0).first)
        #expect(answer.isIPv6 && isSound(answer) && answer.to == "[2001:db8::10]:5000")
        #expect(answer.ports.source == 80)
    }

    @Test(arguments: [[0, 1, 2], [2, 1, 0]])
    func `a datagram in fragments passes both ways`(order: [Int]) throws {
        let world = try world(.udp)
        defer { world.expectConservation() }
        let data = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let fragments = client(17, IPPacket.udp(5000, 80, data))
            .fragments(of: 1200, identification: 0x4321)
        for number in order { world.send(raw: fragments[number], on: 0) }
        let sent = world.takePackets(1)
        let request = try #require(IPPacket(reassembling: sent))
        #expect(!request.isIPv6 && request.isSound && request.identification == 0x4321)
        #expect(sent.allSatisfy { !$0.dontFragment && $0.timeToLive == 63 })
        let back = backend(17, IPPacket.udp(8080, request.ports.source, data))
            .fragments(of: 1200, identification: 0x1234)
        for number in order { world.send(raw: back[number], on: 1) }
        let answer = try #require(IPPacket(reassembling: world.takePackets(0)))
        #expect(answer.isIPv6 && answer.isSound && answer.identification == 0x1234)
        #expect(Array(answer.payload.dropFirst(8)) == data && answer.to == "[2001:db8::10]:5000")
    }

    @Test(arguments: [false, true])
    func `what outgrows the link of the client is cut, unless DF asks for a report`(
        dontFragment: Bool
    ) throws {
        let world = try world(.udp)
        defer { world.expectConservation() }
        world.send(client(17, IPPacket.udp(5000, 80, [1])), on: 0)
        let request = try #require(world.takePackets(1).first)
        let data = (0..<1472).map { UInt8(truncatingIfNeeded: $0 &* 5) }
        var full = backend(17, IPPacket.udp(8080, request.ports.source, data))
        full.dontFragment = dontFragment
        full.identification = 99
        world.send(full, on: 1)
        let parts = world.takePackets(0)
        guard !dontFragment else {
            let report = try #require(world.takePackets(1).first)
            #expect(parts.isEmpty && Array(report.payload[..<2]) == [3, 4])
            #expect(IPPacket.number(report.payload, 4, 4) == 1480)
            return
        }
        #expect(parts.count == 2 && parts.allSatisfy { $0.octets.count <= 1500 })
        let answer = try #require(IPPacket(reassembling: parts))
        #expect(answer.isSound && answer.identification == 99)
        #expect(Array(answer.payload.dropFirst(8)) == data)
        // A long fragment of IPv4 is cut again.
        let whole = backend(17, IPPacket.udp(8080, request.ports.source, data + data))
        for fragment in whole.fragments(of: 1480) { world.send(raw: fragment, on: 1) }
        let again = world.takePackets(0)
        #expect(again.count == 4 && again.allSatisfy { $0.octets.count <= 1500 })
        #expect(IPPacket(reassembling: again)?.isSound == true)
    }

    @Test func `fragments of a ping and of SCTP are not translated`() throws {
        let world = try world(.icmp)
        defer { world.expectConservation() }
        let data = Array(repeating: UInt8(1), count: 2000)
        for fragment in client(58, IPPacket.icmp(128, rest: 9, data)).fragments(of: 1200) {
            world.send(raw: fragment, on: 0)
        }
        #expect(world.takePackets(1).isEmpty && world.drops(.untranslatable) == 1)
        #expect(world.drops(.fragmentOfDropped) == 1)
    }

    @Test func `the last hop ends here and is told`() throws {
        let world = try world(.udp)
        defer { world.expectConservation() }
        var last = client(17, IPPacket.udp(5000, 80, [1]))
        last.timeToLive = 1
        world.send(last, on: 0)
        #expect(world.takePackets(1).isEmpty && world.drops(.ttlExceeded) == 1)
        #expect(world.takePackets(0).first?.payload.first == 3)
    }

    @Test func `a router's MTU is told as far as our own links go`() throws {
        let world = try world(.udp, mtus: [1400, 1500])
        defer { world.expectConservation() }
        world.send(client(17, IPPacket.udp(5000, 80, [1])), on: 0)
        let request = try #require(world.takePackets(1).first)
        world.send(
            backend(1, IPPacket.icmp(3, 4, rest: 1490, Array(request.octets))),
            on: 1
        )
        let told = try #require(world.takePackets(0).first)
        #expect(Array(told.payload[..<2]) == [2, 0])
        #expect(IPPacket.number(told.payload, 4, 4) == 1400, "RFC 7915 section 4.2")
    }
}

extension World {
    /// The packet as it is: `send` computes checksums anew, which a fragment alone does not tell.
    func send(raw packet: IPPacket, on port: Int) {
        links[port].deliver(packet.frame(to: Self.portMACs[port]))
        settle()
    }
}
