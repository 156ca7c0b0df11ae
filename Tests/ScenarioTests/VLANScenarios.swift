// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Testing

/// The quickstart with its clients, backends or both in VLANs.
///
///     clients 10.0.0.0/24, dpdk0.5 -- [ workers, slow path ] -- dpdk1.100.7, backends 10.0.1.0/24
@Suite struct VLANScenarios {
    enum Place: String, CaseIterable {
        case clients, backends, both

        var clientTags: VLANTags { self == .backends ? VLANTags() : VLANTags(outer: 5) }
        var backendTags: VLANTags {
            self == .clients ? VLANTags() : VLANTags(outer: 100, inner: 7)
        }
    }

    private static func state(_ place: Place) -> DesiredState {
        var state = DesiredState.web()
        state.vlans = [
            VLANInterface(name: "front", link: "dpdk0", id: 5),
            VLANInterface(name: "back", link: "dpdk1", id: 100, innerID: 7),
        ]
        for index in state.addresses.indices {
            let isFront = state.addresses[index].interface == "dpdk0"
            let isTagged = isFront ? place != .backends : place != .clients
            if isTagged { state.addresses[index].interface = isFront ? "front" : "back" }
        }
        return state
    }

    private func tagged(_ frame: [UInt8], _ tags: VLANTags) -> [UInt8] {
        var frame = frame
        frame.insert(contentsOf: tags.octets, at: 12)
        return frame
    }

    private func hasTags(_ frame: DecodedFrame, _ tags: VLANTags) -> Bool {
        // What follows the tags is IP or ARP.
        let end = 12 + tags.length
        return Array(frame.octets[12..<end]) == tags.octets
            && [0x0800, 0x0806, 0x86DD]
                .contains(
                    UInt16(frame.octets[end]) << 8 | UInt16(frame.octets[end + 1])
                )
    }

    // MARK: - Through

    @Test(arguments: Place.allCases)
    func `connections pass from VLAN to VLAN, whoever has tags`(place: Place) throws {
        let world = try quickstartWorld(Self.state(place))
        defer { world.expectConservation() }
        let (client, vip) = ("10.0.0.10:40000", "10.0.0.100:80")
        for flags in [Frame.syn, Frame.ack, Frame.push] {
            let segment = Frame.tcp(from: client, to: vip, flags)
            world.send(tagged(segment, place.clientTags), on: 0)
            let there = try #require(world.take(1).first)
            #expect(hasTags(there, place.backendTags))
            #expect(there.destination == Endpoint("10.0.1.2:8080") && there.hasValidChecksums)
            #expect(there.sourceMAC == World.portMACs[1] && there.destinationMAC == .backend(2))
            let local = try #require(there.source?.description)
            let answer = Frame.tcp(from: "10.0.1.2:8080", to: local, flags | Frame.ack) {
                $0.destinationMAC = World.portMACs[1]
            }
            world.send(tagged(answer, place.backendTags), on: 1)
            let back = try #require(world.take(0).first)
            #expect(hasTags(back, place.clientTags))
            #expect(back.destination == Endpoint(client) && back.hasValidChecksums)
            #expect(back.destinationMAC == .client(10))
        }
        #expect(world.connectionCount == 1)
    }

    @Test func `the backends' VLAN may be on the device of the clients`() throws {
        var state = Self.state(.both)
        state.vlans[1].link = "dpdk0"
        let world = try World(state)
        defer { world.expectConservation() }
        for last in 2...9 { world.hosts[0][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last) }
        world.settle()
        let syn = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn)
        world.send(tagged(syn, VLANTags(outer: 5)), on: 0)
        let there = try #require(world.take(0).first)
        #expect(hasTags(there, VLANTags(outer: 100, inner: 7)) && world.take(1).isEmpty)
        #expect(there.destination == Endpoint("10.0.1.2:8080"))
    }

    // MARK: - Answers of our own

    @Test func `ARP is answered in the VLAN that has the address, and only there`() throws {
        let world = try quickstartWorld(Self.state(.both))
        defer { world.expectConservation() }
        let ask = Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.1")
        world.send(tagged(ask, VLANTags(outer: 5)), on: 0)
        let reply = try #require(world.takeARP(0).first)
        #expect(reply.arp?.operation == 2 && hasTags(reply, VLANTags(outer: 5)))
        #expect(reply.arp?.senderMAC == World.portMACs[0])
        world.send(ask, on: 0)
        #expect(world.takeARP(0).isEmpty)
    }

    @Test func `neighbours are discovered within the VLAN`() throws {
        var state = Self.state(.both)
        state.addresses.append(
            InterfaceAddress(interface: "front", prefix: .literal("2001:db8::1/64"))
        )
        let world = try World(state, hasLinkLocalAddresses: true)
        defer { world.expectConservation() }
        let host = IPv6Address.literal("2001:db8::10")
        world.hosts6[0][host] = .client(10)
        world.advance(.seconds(4))
        let tags = VLANTags(outer: 5)
        let probes = world.takeLinkTalk(0)
        let own = IPv6Address.literal("2001:db8::1")
        #expect(probes.contains { $0.icmp?.type == 135 && $0.target == own })
        #expect(probes.filter { $0.target == own }.allSatisfy { hasTags($0, tags) })
        world.send(
            tagged(IPv6Frame.solicitation(of: own, from: host, at: .client(10)), tags),
            on: 0
        )
        let answer = try #require(world.takeLinkTalk(0).first { $0.icmp?.type == 136 })
        #expect(hasTags(answer, tags) && answer.target == own)
    }

    @Test func `echo replies, errors and resets leave with the tags of what they answer`() throws {
        let world = try quickstartWorld(Self.state(.both))
        defer { world.expectConservation() }
        let questions = [
            Frame.echo(from: "10.0.0.10", to: "10.0.0.1"),
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.1:9"),
            Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.1:9", Frame.syn),
        ]
        for question in questions {
            world.send(tagged(question, VLANTags(outer: 5)), on: 0)
            let answer = try #require(world.take(0).first)
            #expect(hasTags(answer, VLANTags(outer: 5)))
            #expect(answer.destinationMAC.rawValue == 0x0200_0000_00AA)
        }
    }

    // MARK: - Others

    @Test(
        arguments: [
            VLANTags(outer: 6), VLANTags(outer: 100), VLANTags(outer: 5, inner: 7),
            VLANTags(outer: 100, inner: 8), VLANTags(outer: 4095),
        ]
    )
    func `frames of other VLANs are dropped by name`(tags: VLANTags) throws {
        let world = try quickstartWorld(Self.state(.both))
        defer { world.expectConservation() }
        let syn = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn)
        world.send(tagged(syn, tags), on: 0)
        #expect(world.drops(.unknownVLAN) == 1 && world.connectionCount == 0)
        // What is a VLAN of one port is none of another.
        world.send(tagged(syn, VLANTags(outer: 5)), on: 1)
        #expect(world.drops(.unknownVLAN) + world.drops(.notForUs) == 2)
    }

    // MARK: - Accounts and priorities

    @Test(arguments: [1, 4])
    func `frames of a VLAN are counted once each, with their tags`(workers: Int) throws {
        let world = try World(Self.state(.both), workers: workers)
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        for last in 2...3 { world.hosts[1][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last) }
        world.settle()
        world.advance(.seconds(3))
        defer { world.expectConservation() }
        let vlans = world.engine.interchange.interfaces
        let front = try #require(vlans.interface(port: 0, VLANTags(outer: 5)))
        let back = try #require(vlans.interface(port: 1, VLANTags(outer: 100, inner: 7)))
        func count(_ kind: InterfaceCounters.Kind, _ interface: InterfaceID) -> Int {
            Int(world.engine.interchange.count(kind, of: interface))
        }
        func counts(_ interface: InterfaceID) -> [Int] {
            InterfaceCounters.Kind.allCases.map { count($0, interface) }
        }
        func segment(_ flags: UInt8) -> [UInt8] {
            tagged(
                Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", flags),
                VLANTags(outer: 5)
            )
        }
        world.send(segment(Frame.syn), on: 0)
        let local = try #require(world.take(1).first?.source?.description)
        let answer = tagged(
            Frame.tcp(from: "10.0.1.2:8080", to: local, Frame.ack) {
                $0.destinationMAC = World.portMACs[1]
            },
            VLANTags(outer: 100, inner: 7)
        )
        // The client is known from here on.
        world.send(answer, on: 1)
        _ = world.take(0)
        let before = (counts(front), counts(back))
        world.send(segment(Frame.ack), on: 0)
        // The answer arrives at every worker once: those that are not its owner hand it on.
        for queue in 0..<workers {
            let received = count(.receivedOctets, back)
            world.send(answer, on: 1, queue: queue)
            #expect(count(.receivedOctets, back) == received + answer.count)
        }
        let returned = world.take(0)
        #expect(returned.count == workers)
        #expect(count(.receivedPackets, front) == before.0[0] + 1)
        #expect(count(.receivedOctets, front) == before.0[1] + segment(Frame.ack).count)
        #expect(count(.sentPackets, front) == before.0[2] + workers)
        let octets = returned.reduce(0) { $0 + $1.octets.count }
        #expect(count(.sentOctets, front) == before.0[3] + octets)
        #expect(count(.receivedPackets, back) == before.1[0] + workers)
        #expect(count(.sentPackets, back) == before.1[2] + 1)
        // What has no interface is counted nowhere, and ports count for themselves.
        let other = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn)
        world.send(tagged(other, VLANTags(outer: 9)), on: 0)
        #expect(count(.receivedPackets, front) == before.0[0] + 1)
        #expect(counts(0) == [0, 0, 0, 0])
    }

    @Test func `what is sent has the priority of its VLAN, whatever came`() throws {
        var state = Self.state(.both)
        (state.vlans[0].priority, state.vlans[1].priority) = (5, 7)
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        let syn = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn)
        world.send(tagged(syn, VLANTags(outer: 5)), on: 0)
        let there = try #require(world.take(1).first)
        #expect(hasTags(there, VLANTags(outer: 7 << 13 | 100, inner: 7 << 13 | 7)))
        let echo = Frame.echo(from: "10.0.0.10", to: "10.0.0.1")
        world.send(tagged(echo, VLANTags(outer: 2 << 13 | 5)), on: 0)
        #expect(hasTags(try #require(world.take(0).first), VLANTags(outer: 5 << 13 | 5)))
        try world.change { $0.vlans[0].priority = 0 }
        world.send(tagged(echo, VLANTags(outer: 5)), on: 0)
        #expect(hasTags(try #require(world.take(0).first), VLANTags(outer: 5)))
    }

    // MARK: - Live

    @Test func `a VLAN comes and goes while others have traffic`() throws {
        var state = DesiredState.web()
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        let tags = VLANTags(outer: 9)
        let echo = tagged(Frame.echo(from: "10.0.9.10", to: "10.0.9.1"), tags)
        world.send(echo, on: 0)
        #expect(world.drops(.unknownVLAN) == 1)

        state.vlans = [VLANInterface(name: "dpdk0.9", link: "dpdk0", id: 9)]
        state.addresses.append(
            InterfaceAddress(interface: "dpdk0.9", prefix: .literal("10.0.9.1/24"))
        )
        try world.apply(state)
        world.settle()
        let announced = world.takeARP(0).filter { $0.arp?.sender.description == "10.0.9.1" }
        #expect(!announced.isEmpty && announced.allSatisfy { hasTags($0, tags) })
        world.send(echo, on: 0)
        #expect(hasTags(try #require(world.take(0).first), tags))

        try world.apply(.web())
        world.settle()
        world.advance(.seconds(3))
        world.send(echo, on: 0)
        #expect(world.drops(.unknownVLAN) == 2 && world.take(0).isEmpty)
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        #expect(world.take(1).count == 1)
    }

    @Test func `a VLAN with an MTU of its own takes no longer packet, though its device would`()
        throws
    {
        var state = Self.state(.backends)
        state.services[0].key = DesiredState.web(.udp).services[0].key
        state.vlans[1].mtu = 1000
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        func send(_ length: Int) {
            let data = [UInt8](repeating: 7, count: length - 28)
            let frame = Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:80", data: data)
            world.send(frame, on: 0)
        }
        send(1000)
        #expect(world.take(1).count == 1)
        send(1001)
        #expect(world.take(1).isEmpty && world.drops(.tooBig) == 1)
        let error = try #require(world.take(0).first?.icmp)
        #expect(error == .init(type: 3, code: 4, rest: 1000))

        state.vlans[1].mtu = nil
        try world.apply(state)
        send(1500)
        #expect(world.take(1).count == 1)
    }

    @Test func `a VLAN without its device is refused`() throws {
        var state = DesiredState.web()
        state.vlans = [VLANInterface(name: "far", link: "dpdk9", id: 9)]
        let world = try quickstartWorld()
        #expect(throws: (any Error).self) { try world.apply(state) }
    }
}
