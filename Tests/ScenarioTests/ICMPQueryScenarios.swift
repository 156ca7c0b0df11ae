// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct ICMPQueryScenarios {
    private func echo(
        _ family: Family,
        isReply: Bool = false,
        from source: String? = nil,
        to destination: String? = nil,
        identifier: UInt16 = 77,
        _ data: [UInt8] = [1, 2, 3]
    ) -> IPPacket {
        let types: (UInt8, UInt8) = family == .ipv4 ? (8, 0) : (128, 129)
        return IPPacket(
            from: source ?? family.client,
            to: destination ?? family.vip,
            family == .ipv4 ? 1 : 58,
            IPPacket.icmp(isReply ? types.1 : types.0, rest: UInt32(identifier) << 16 | 5, data)
        )
        .withChecksum
    }

    private func identifier(_ packet: IPPacket) -> UInt16 {
        UInt16(IPPacket.number(packet.payload, 4, 2))
    }

    @Test(arguments: Family.allCases)
    func `fnat asks a backend under an identifier of its own, and brings the reply back`(
        family: Family
    ) throws {
        let world = try family.world(try family.state(.icmp))
        defer { world.expectConservation() }
        world.send([echo(family)], on: 0)
        let request = try #require(world.takeFragments(1).first)
        #expect(request.source.description == family.local)
        #expect(request.destination.description == family.backend(2))
        #expect(request.transportChecksum == 0 && request.hasValidHeader)
        let reply = echo(
            family,
            isReply: true,
            from: family.backend(2),
            to: family.local,
            identifier: identifier(request)
        )
        world.send([reply], on: 1)
        let answer = try #require(world.takeFragments(0).first)
        #expect(answer.source.description == family.vip && identifier(answer) == 77)
        #expect(answer.destination.description == family.client && answer.transportChecksum == 0)
        let service = try #require(world.provisioner.state.services.first)
        #expect(world.connectionCount == 1)
        let key = "\(Endpoint(try required(IPAddress(family.backend(2))), 0))"
        #expect(try world.backend(.active, key, of: service) == 1)
        // The second request of the same ping goes the same way, another ping another one.
        world.send([echo(family), echo(family, identifier: 78)], on: 0)
        let sent = world.takeFragments(1)
        #expect(
            sent.map(\.destination.description) == [family.backend(2), family.backend(3)]
        )
        #expect(sent.first.map(identifier) == identifier(request))
    }

    @Test func `the next query of a ping goes elsewhere once its backend gets no new ones`() throws
    {
        let world = try Family.ipv4.world(try Family.ipv4.state(.icmp))
        defer { world.expectConservation() }
        world.send([echo(.ipv4)], on: 0)
        let first = try #require(world.takeFragments(1).first)
        try world.change { state in
            let index = state.services[0].backends
                .firstIndex { $0.endpoint.address.description == first.destination.description }
            if let index { state.services[0].backends[index].weight = 0 }
        }
        world.send([echo(.ipv4)], on: 0)
        let next = try #require(world.takeFragments(1).first)
        #expect(next.destination != first.destination && next.transportChecksum == 0)
        #expect(world.connectionCount == 1)
    }

    @Test func `a query is remembered for 300 seconds after its last packet`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.icmp))
        world.send([echo(.ipv4)], on: 0)
        world.leap(.seconds(298))
        world.settle()
        #expect(world.connectionCount == 1)
        world.leap(.seconds(4))
        world.settle()
        #expect(world.connectionCount == 0)
        let totals = world.provisioner.totals()
        #expect(totals.localAddresses.first?.used == 0, "the identifier is free again")
    }

    @Test(arguments: Family.allCases)
    func `direct routing keeps the packet as it is`(family: Family) throws {
        let world = try family.world(try family.state(.icmp, mode: .dr))
        world.send([echo(family)], on: 0)
        #expect(world.takeFragments(1).map(\.octets) == [echo(family).octets])
        world.expectConservation()
    }

    @Test func `without a service for it the balancer answers for its addresses itself`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.tcp))
        world.send([echo(.ipv4)], on: 0)
        #expect(world.take(0).first?.icmp?.type == 0)
        #expect(world.total(.delivered) > 0 && world.connectionCount == 0)
        world.expectConservation()
    }

    @Test func `a reply that nobody asked for opens nothing`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.icmp))
        world.send([echo(.ipv4, isReply: true)], on: 0)
        #expect(world.connectionCount == 0 && world.takeFragments(1).isEmpty)
        #expect(world.drops(.icmpIgnored) == 1)
        world.expectConservation()
    }

    @Test(arguments: Family.allCases)
    func `a long ping in fragments passes both ways`(family: Family) throws {
        let world = try family.world(try family.state(.icmp))
        let data = (0..<4000).map { UInt8(truncatingIfNeeded: $0) }
        world.send(echo(family, data).fragments(of: 1400).reversed(), on: 0)
        let request = try #require(IPPacket(reassembling: world.takeFragments(1)))
        #expect(request.transportChecksum == 0 && Array(request.payload.dropFirst(8)) == data)
        let reply = echo(
            family,
            isReply: true,
            from: family.backend(2),
            to: family.local,
            identifier: identifier(request),
            data
        )
        world.send(reply.fragments(of: 1400), on: 1)
        let answer = try #require(IPPacket(reassembling: world.takeFragments(0)))
        #expect(answer.transportChecksum == 0 && identifier(answer) == 77)
        world.expectConservation()
    }

    /// Devices spread ICMP by addresses alone, so replies arrive anywhere.
    @Test(arguments: Family.allCases, [false, true])
    func `replies find the worker that asked`(family: Family, isHashed: Bool) throws {
        let workers = 3
        let scaling = ReceiveSideScaling(table: (0..<128).map { $0 % workers })
        let world = try family.world(
            try family.state(.icmp),
            workers: workers,
            scaling: isHashed ? scaling : nil
        )
        for number in 0..<20 {
            let asked = echo(family, identifier: UInt16(100 + number))
            world.send([asked], on: 0, queue: number % workers)
            let request = try #require(world.takeFragments(1).first)
            let reply = echo(
                family,
                isReply: true,
                from: request.destination.description,
                to: family.local,
                identifier: identifier(request)
            )
            world.send([reply], on: 1, queue: number / workers % workers)
            let answer = try #require(world.takeFragments(0).first)
            #expect(identifier(answer) == UInt16(100 + number))
        }
        #expect(world.connectionCount == 20)
        world.expectConservation()
    }
}
