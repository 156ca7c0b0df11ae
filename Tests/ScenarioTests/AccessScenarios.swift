// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Who may open connections of a service, and whose packets are dropped before all else.
@Suite struct AccessScenarios {
    private func sources(_ texts: String...) -> [AddressSource] {
        texts.compactMap { AddressSource($0) }
    }

    private func entries(_ texts: String...) -> [AddressSet.Entry] {
        texts.compactMap { AddressSet.Entry($0) }
    }

    /// Clients 10.0.0.10...19 of whom `allow` and `deny` speak; who gets an answer.
    private func welcome(
        allow: [AddressSource] = [],
        deny: [AddressSource] = [],
        sets: [AddressSet] = []
    ) throws -> (clients: [Int], world: World) {
        var state = DesiredState.web(.udp)
        state.sets = sets
        state.services[0].access = AccessLists(allow: allow, deny: deny)
        let world = try quickstartWorld(state, workers: 2)
        return ((10..<20).filter { world.ask($0, on: $0 % 2) != nil }, world)
    }

    @Test func `a list of a service lets in whom it names, and keeps out whom it names`() throws {
        let some = try welcome(allow: sources("10.0.0.12/31", "10.0.0.18", "2001:db8::/32"))
        #expect(some.clients == [12, 13, 18])
        #expect(some.world.drops(.notAllowed) == 7 && some.world.connectionCount == 3)
        let few = try welcome(
            allow: sources("10.0.0.0/24"),
            deny: sources("10.0.0.11-10.0.0.18")
        )
        #expect(few.clients == [10, 19] && few.world.drops(.denied) == 8)
        let totals = try #require(few.world.provisioner.totals().services.first)
        #expect(totals.refused.denied == 8 && totals.refused.notAllowed == 0)
        for world in [some.world, few.world] { world.expectConservation() }
    }

    @Test func `sets count by their smallest network and for every service that names them`() throws
    {
        let office = AddressSet(
            name: "office",
            entries: entries("10.0.0.0/24", "10.0.0.12/31 nomatch", "10.0.0.13")
        )
        let (clients, world) = try welcome(deny: sources("office", "10.0.0.12"), sets: [office])
        #expect(clients.isEmpty && world.drops(.denied) == 10)
        let (others, other) = try welcome(deny: sources("office"), sets: [office])
        #expect(others == [12])
        #expect(
            world.provisioner.setTotals.map(\.hits) == [9],
            "an address in the list counts there"
        )
        let totals = try #require(other.provisioner.setTotals.first)
        #expect(totals.name == "office" && totals.entries == 3 && totals.hits == 9)
        #expect(totals.octets > 0)
        for world in [world, other] { world.expectConservation() }
    }

    @Test func `a set that changes counts at once, and what is open goes on`()
        throws
    {
        var state = DesiredState.web(.udp)
        state.sets = [AddressSet(name: "bots", entries: entries("10.0.0.10"))]
        state.services[0].access = AccessLists(deny: sources("bots"))
        let world = try quickstartWorld(state)
        #expect(world.ask(10) == nil && world.ask(11) != nil)
        var changed = state
        changed.sets[0].entries = entries("10.0.0.11", "10.0.0.12")
        try world.apply(changed)
        #expect(world.ask(10) != nil && world.ask(12) == nil)
        #expect(world.ask(11) != nil, "a connection that was open goes on")
        #expect(world.ask(11, port: 5001) == nil)
        try world.change { $0.services[0].access = AccessLists() }
        #expect(world.ask(11, port: 5002) != nil)
        world.expectConservation()
    }

    @Test func `a denied sender reaches nothing at all, established connections included`() throws {
        let world = try quickstartWorld(.web(.udp), workers: 2)
        #expect(world.ask(10) != nil && world.ask(11) != nil)
        try world.change { $0.denials = [Denial(source: .range(AddressRange("10.0.0.10")!))] }
        #expect(world.ask(10) == nil && world.ask(10, port: 6000) == nil && world.ask(11) != nil)
        #expect(world.drops(.screened) == 2)
        world.send(Frame.echo(from: "10.0.0.10", to: "10.0.0.1"), on: 0)
        #expect(world.drops(.screened) == 3 && world.take(0).isEmpty)
        world.send(Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.1"), on: 0)
        #expect(world.takeARP(0).count == 1, "ARP has no sender that could be denied")
        try world.change { $0.denials = [] }
        #expect(world.ask(10) != nil)
        world.expectConservation()
    }

    @Test(arguments: [0, 1, 2])
    func `a denied sender is seen behind VLAN tags, and whatever the frame is cut to`(
        tags: Int
    ) throws {
        var state = DesiredState.web(.udp)
        state.denials = [Denial(source: .range(AddressRange("10.0.0.10")!))]
        let world = try quickstartWorld(state)
        var frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
        for tag in 0..<tags { frame.insert(contentsOf: [0x81, 0x00, 0, UInt8(5 + tag)], at: 12) }
        world.send(frame, on: 0)
        #expect(world.drops(.screened) == 1)
        for length in 14..<frame.count { world.send(Array(frame.prefix(length)), on: 0) }
        world.expectConservation()
    }

    @Test(arguments: Families.allCases)
    func `lists are of both families`(families: Families) throws {
        var state = DesiredState.dual(families)
        let other = families.clientIsIPv6 ? "2001:db8::11" : "10.0.0.11"
        state.sets = [AddressSet(name: "known", entries: entries(families.client, "192.0.2.1"))]
        state.services[0].access = AccessLists(allow: sources("known"))
        let world = try dualWorld(state)
        func reaches(_ client: String) -> Bool {
            let syn = IPPacket.tcp(4000, 80, flags: Frame.syn)
            world.send(IPPacket(from: client, to: families.vip, 6, syn), on: 0)
            return !world.takePackets(1).isEmpty
        }
        #expect(reaches(families.client) && !reaches(other))
        #expect(world.drops(.notAllowed) == 1)
        world.expectConservation()
    }
}
