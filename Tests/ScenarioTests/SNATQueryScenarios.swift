// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Pings and fragments of private hosts on port 0 that go out to the Internet on port 1.
@Suite struct SNATQueryScenarios {
    private func abroad(_ family: Family) -> String {
        family == .ipv4 ? "10.0.1.9" : "2001:db8:1::9"
    }

    private func state(
        _ family: Family,
        _ protocol: TransportProtocol = .icmp,
        portsPerSource: Int? = nil
    ) throws -> DesiredState {
        var state = try family.state(`protocol`)
        let source = family == .ipv4 ? "10.0.0.0/24" : "2001:db8::/64"
        state.services = [
            Service(
                key: Service.Key(
                    .match(
                        TrafficMatch(
                            source: .literal(source),
                            destination: .any(family == .ipv4 ? .ipv4 : .ipv6)
                        )
                    ),
                    `protocol`
                ),
                name: "out",
                mode: .snat,
                localAddresses: [try required(IPAddress(family.local))],
                portsPerSource: portsPerSource
            )
        ]
        return state
    }

    private func query(
        _ family: Family,
        _ type: UInt8? = nil,
        from source: String? = nil,
        identifier: UInt16 = 77,
        _ data: [UInt8] = [1, 2, 3]
    ) -> IPPacket {
        IPPacket(
            from: source ?? family.client,
            to: abroad(family),
            family == .ipv4 ? 1 : 58,
            IPPacket.icmp(
                type ?? (family == .ipv4 ? 8 : 128),
                rest: UInt32(identifier) << 16 | 5,
                data
            )
        )
        .withChecksum
    }

    /// What the host abroad answers.
    private func reply(to request: IPPacket, _ type: UInt8? = nil) -> IPPacket {
        var reply = request
        swap(&reply.source, &reply.destination)
        reply.timeToLive = 64
        reply.payload[0] = type ?? (request.isIPv6 ? 129 : 0)
        return reply.withChecksum
    }

    private func identifier(_ packet: IPPacket) -> UInt16 {
        UInt16(IPPacket.number(packet.payload, 4, 2))
    }

    @Test(arguments: Family.allCases)
    func `a ping goes out under an identifier of the public address and comes back`(
        family: Family
    ) throws {
        let world = try family.world(try state(family))
        defer { world.expectConservation() }
        world.send([query(family)], on: 0)
        let request = try #require(world.takeFragments(1).first)
        #expect(request.source.description == family.local && request.transportChecksum == 0)
        #expect(request.hasValidHeader && request.timeToLive == 63)
        world.send([reply(to: request)], on: 1)
        let answer = try #require(world.takeFragments(0).first)
        #expect(answer.destination.description == family.client && answer.transportChecksum == 0)
        #expect(answer.source.description == abroad(family) && identifier(answer) == 77)
        #expect(answer.timeToLive == 63 && answer.hasValidHeader && world.connectionCount == 1)
        world.leap(.seconds(302))
        world.settle()
        #expect(world.connectionCount == 0)
        #expect(world.provisioner.totals().localAddresses.map(\.used) == [0])
    }

    @Test(
        arguments: [
            (.ipv4, 13, 14), (.ipv4, 15, 16), (.ipv4, 17, 18), (.ipv4, 42, 43), (.ipv6, 160, 161),
        ] as [(Family, UInt8, UInt8)]
    )
    func `other queries go out as well`(family: Family, asked: UInt8, answered: UInt8) throws {
        let world = try family.world(try state(family))
        world.send([query(family, asked)], on: 0)
        let request = try #require(world.takeFragments(1).first)
        #expect(request.payload[0] == asked && request.transportChecksum == 0)
        world.send([reply(to: request, answered)], on: 1)
        let answer = try #require(world.takeFragments(0).first)
        #expect(identifier(answer) == 77 && answer.payload[0] == answered)
        world.expectConservation()
    }

    @Test func `hosts with the same identifier get different ones, up to their share`() throws {
        let family = Family.ipv4
        let world = try family.world(try state(family, portsPerSource: 3))
        defer { world.expectConservation() }
        for host in 10..<20 { world.send([query(family, from: "10.0.0.\(host)")], on: 0) }
        #expect(Set(world.takeFragments(1).map(identifier)).count == 10)
        for number in 0..<5 { world.send([query(family, identifier: UInt16(100 + number))], on: 0) }
        #expect(world.takeFragments(1).count == 2 && world.drops(.sourcePortLimit) == 3)
    }

    @Test func `only requests of the range pass, and not to groups or ourselves`() throws {
        let family = Family.ipv4
        let world = try family.world(try state(family))
        defer { world.expectConservation() }
        var group = query(family)
        group.destination = .v4(IPv4Address(224, 0, 0, 1))
        var own = query(family)
        own.destination = .v4(IPv4Address(10, 0, 0, 1))
        world.send(
            [query(family, from: "10.0.9.1"), query(family, 0), group.withChecksum],
            on: 0
        )
        #expect(world.takeFragments(1).isEmpty && world.connectionCount == 0)
        world.send([own.withChecksum], on: 0)
        #expect(world.takeFragments(0).first?.payload[0] == 0, "the slow path answers")
    }

    @Test(arguments: Family.allCases)
    func `an error on the way comes to who pinged`(family: Family) throws {
        let world = try family.world(try state(family))
        defer { world.expectConservation() }
        world.send([query(family)], on: 0)
        let request = try #require(world.takeFragments(1).first)
        let error = IPPacket(
            from: family == .ipv4 ? "192.0.2.1" : "2001:db8:ffff::1",
            to: family.local,
            family == .ipv4 ? 1 : 58,
            IPPacket.icmp(family == .ipv4 ? 11 : 3, 0, request.octets)
        )
        world.send([error.withChecksum], on: 1)
        let told = try #require(world.takeFragments(0).first)
        #expect(told.source == error.source && told.destination.description == family.client)
        let inner = try #require(IPPacket(Array(told.payload.dropFirst(8))))
        #expect(identifier(inner) == 77 && inner.source.description == family.client)
        #expect(inner.transportChecksum == 0)
    }

    @Test(arguments: Family.allCases, [false, true])
    func `replies find the worker that asked`(family: Family, isHashed: Bool) throws {
        let workers = 3
        let scaling = ReceiveSideScaling(table: (0..<128).map { $0 % workers })
        let world = try family.world(
            try state(family),
            workers: workers,
            scaling: isHashed ? scaling : nil
        )
        for number in 0..<20 {
            let asked = query(family, identifier: UInt16(100 + number))
            world.send([asked], on: 0, queue: number % workers)
            let request = try #require(world.takeFragments(1).first)
            world.send([reply(to: request)], on: 1, queue: number / workers % workers)
            let answer = try #require(world.takeFragments(0).first)
            #expect(identifier(answer) == UInt16(100 + number))
        }
        #expect(world.connectionCount == 20)
        world.expectConservation()
    }

    @Test func `a reload in the middle leaves a ping its identifier`() throws {
        let family = Family.ipv4
        let world = try family.world(try state(family))
        world.send([query(family)], on: 0)
        let request = try #require(world.takeFragments(1).first)
        try world.change { $0.services = [] }
        world.send([reply(to: request)], on: 1)
        #expect(world.takeFragments(0).first.map(identifier) == 77)
        world.send([query(family), query(family, identifier: 78)], on: 0)
        #expect(world.takeFragments(1).map(identifier) == [identifier(request)])
        world.expectConservation()
    }

    @Test(arguments: Family.allCases, [TransportProtocol.icmp, .udp])
    func `what is longer than a packet goes out in fragments and comes back`(
        family: Family,
        number: TransportProtocol
    ) throws {
        let world = try family.world(try state(family, number))
        defer { world.expectConservation() }
        let data = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
        let asked =
            number == .icmp
            ? query(family, nil, data)
            : IPPacket(
                from: family.client,
                to: abroad(family),
                17,
                IPPacket.udp(4000, 53, data)
            )
            .withChecksum
        world.send(asked.fragments(of: 1400).reversed(), on: 0)
        let sent = world.takeFragments(1)
        let request = try #require(IPPacket(reassembling: sent))
        #expect(request.transportChecksum == 0 && request.source.description == family.local)
        #expect(sent.allSatisfy { $0.timeToLive == 63 })
        var back = request
        swap(&back.source, &back.destination)
        if number == .icmp {
            back.payload[0] = request.isIPv6 ? 129 : 0
        } else {
            back.payload.swapAt(0, 2)
            back.payload.swapAt(1, 3)
        }
        back.timeToLive = 64
        world.send(back.withChecksum.fragments(of: 1400), on: 1)
        let answer = try #require(IPPacket(reassembling: world.takeFragments(0)))
        #expect(answer.transportChecksum == 0 && answer.destination.description == family.client)
    }
}
