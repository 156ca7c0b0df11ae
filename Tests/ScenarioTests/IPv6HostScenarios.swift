// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Provisioning
import Testing

extension IPv6Address {
    static func literal(_ text: String) -> IPv6Address {
        guard let address = IPv6Address(text) else { preconditionFailure("no address: \(text)") }
        return address
    }
}

/// The balancer as an IPv6 node on its links: 2001:db8::aa:1/64 on port 0, 2001:db8:1::1/64 on port 1.
@Suite struct IPv6HostScenarios {
    private static let own = IPv6Address.literal("2001:db8::aa:1")
    private static let linkLocal = IPv6Address.literal("fe80::ff:fe00:1")
    private static let host = IPv6Address.literal("2001:db8::10")
    private static let router = IPv6Address.literal("fe80::99")

    private static func state(_ edit: (inout DesiredState) -> Void = { _ in }) -> DesiredState {
        var state = DesiredState.web()
        state.addresses += [
            InterfaceAddress(interface: "dpdk0", prefix: .literal("2001:db8::aa:1/64")),
            InterfaceAddress(interface: "dpdk1", prefix: .literal("2001:db8:1::1/64")),
        ]
        edit(&state)
        return state
    }

    /// A world whose addresses are all proven.
    private func world(
        _ state: DesiredState = state(),
        slowPathLimits: SlowPathLimits = SlowPathLimits()
    ) throws -> World {
        let world = try World(
            state,
            slowPathLimits: slowPathLimits,
            hasLinkLocalAddresses: true
        )
        world.hosts6[0][Self.host] = .client(10)
        world.advance(.seconds(4))
        _ = (world.takeLinkTalk(0), world.takeLinkTalk(1))
        return world
    }

    private func ask(
        _ target: IPv6Address,
        from source: IPv6Address = host,
        _ change: (inout IPv6Frame) -> Void = { _ in }
    ) -> [UInt8] {
        IPv6Frame.solicitation(of: target, from: source, at: .client(10), change)
    }

    // MARK: - Solicitations

    @Test(arguments: ["2001:db8::aa:1", "fe80::ff:fe00:1"])
    func `solicitations for own addresses are answered`(address: String) throws {
        let world = try world()
        world.send(ask(.literal(address)), on: 0)
        let answer = try #require(world.takeLinkTalk(0).first { $0.icmp?.type == 136 })
        #expect(answer.target == .literal(address) && answer.hasValidChecksums)
        #expect(answer.icmp?.rest == 0x6000_0000, "solicited and override, no router")
        #expect(answer.linkLayerOption == World.portMACs[0] && answer.timeToLive == 255)
        #expect(answer.destinationMAC == .client(10))
        #expect(answer.destination?.address == .v6(Self.host))
        world.expectConservation()
    }

    @Test func `a probe of somebody else for an own address is answered to everybody`() throws {
        let world = try world()
        world.send(ask(Self.own, from: .any), on: 0)
        let answer = try #require(world.takeLinkTalk(0).first { $0.icmp?.type == 136 })
        #expect(answer.destination?.address == .v6(.allNodes))
        #expect(answer.destinationMAC == IPv6Address.allNodes.groupMAC)
        #expect(answer.icmp?.rest == 0x2000_0000, "override, not solicited")
        world.expectConservation()
    }

    @Test(arguments: ["2001:db8::77", "2001:db8:1::1", "fe80::ff:fe00:2"])
    func `solicitations for others, and for addresses of another link, are not answered`(
        address: String
    ) throws {
        let world = try world()
        world.send(ask(.literal(address)), on: 0)
        #expect(world.takeLinkTalk(0).isEmpty)
        world.expectConservation()
    }

    /// RFC 4861 sections 7.1.1 and 7.1.2.
    @Test(arguments: [
        "hop limit", "checksum", "code", "an option of length 0", "an option beyond the end",
        "too short", "a multicast target", "a probe with an option", "a probe to one address",
        "a solicited advertisement to a group",
    ])
    func `a message that fails a check of RFC 4861 is dropped by name`(what: String) throws {
        let world = try world()
        var frame = ask(Self.own)
        switch what {
        case "hop limit": frame = ask(Self.own) { $0.hopLimit = 254 }
        case "checksum": frame[frame.count - 1] ^= 1
        case "code": frame = Self.neighbourMessage(code: 1)
        case "an option of length 0":
            frame = Self.neighbourMessage(option: [1, 0, 1, 2, 3, 4, 5, 6])
        case "an option beyond the end":
            frame = Self.neighbourMessage(option: [1, 2, 1, 2, 3, 4, 5, 6])
        case "too short": frame = IPv6Frame.icmp(135, data: [1, 2, 3, 4]) { $0.hopLimit = 255 }
        case "a multicast target": frame = ask(.allNodes)
        case "a probe with an option":
            frame = ask(Self.own) { frame in frame.source = .any }
        case "a probe to one address":
            frame = ask(Self.own, from: .any) { frame in
                frame.destination = Self.own
                frame.destinationMAC = World.portMACs[0]
            }
        default:
            frame = IPv6Frame.advertisement(
                of: Self.host,
                at: .client(10),
                to: .allNodes,
                at: IPv6Address.allNodes.groupMAC
            )
        }
        world.send(frame, on: 0)
        #expect(world.takeLinkTalk(0).isEmpty)
        #expect(world.drops(.badNeighbourDiscovery) == 1)
        world.expectConservation()
    }

    private static func neighbourMessage(
        code: UInt8 = 0,
        option: [UInt8] = [1, 1, 2, 0, 0, 0, 0, 9]
    ) -> [UInt8] {
        let target = [own.high, own.low]
            .flatMap { half in
                (0..<8).reversed().map { UInt8(truncatingIfNeeded: half >> UInt64($0 * 8)) }
            }
        return IPv6Frame.icmp(135, code, data: target + option) { frame in
            frame.hopLimit = 255
            frame.destination = own
            frame.source = host
        }
    }

    // MARK: - Duplicates

    @Test func `an address is probed before it is used, then announced`() throws {
        let world = try World(Self.state(), hasLinkLocalAddresses: true)
        world.settle()
        let first = world.takeLinkTalk(0)
        let probe = try #require(first.first { $0.icmp?.type == 135 && $0.target == Self.own })
        #expect(probe.source?.address == .v6(.any) && probe.linkLayerOption == nil)
        #expect(probe.destination?.address == .v6(Self.own.solicitedNode))
        #expect(probe.destinationMAC == Self.own.solicitedNode.groupMAC && probe.timeToLive == 255)
        world.send(ask(Self.own), on: 0)
        #expect(!world.takeLinkTalk(0).contains { $0.icmp?.type == 136 }, "tentative: no answer")
        world.send(IPv6Frame.icmp(128) { $0.destination = Self.own }, on: 0)
        #expect(world.take(0).isEmpty)
        world.advance(.seconds(3))
        let announced = world.takeLinkTalk(0).filter { $0.icmp?.type == 136 }
        #expect(announced.count { $0.target == Self.own } == 2)
        #expect(announced.contains { $0.target == Self.linkLocal })
        world.expectConservation()
    }

    @Test(arguments: ["a probe", "an advertisement"])
    func `an address that somebody else has is never used, and counted`(kind: String) throws {
        let world = try World(Self.state(), hasLinkLocalAddresses: true)
        world.settle()
        let frame =
            kind == "a probe"
            ? ask(Self.own, from: .any)
            : IPv6Frame.advertisement(
                of: Self.own,
                at: .client(10),
                flags: 2,
                to: .allNodes,
                at: IPv6Address.allNodes.groupMAC
            )
        world.send(frame, on: 0)
        world.advance(.seconds(5))
        _ = world.takeLinkTalk(0)
        #expect(world.slowPath.duplicateAddresses.map(\.address) == [.v6(Self.own)])
        #expect(world.total(.duplicateAddresses) == 1)
        world.send(ask(Self.own), on: 0)
        #expect(!world.takeLinkTalk(0).contains { $0.target == Self.own })
        world.expectConservation()
    }

    @Test func `an own probe that comes back proves nothing against us`() throws {
        let world = try World(Self.state(), hasLinkLocalAddresses: true)
        world.settle()
        world.send(ask(Self.own, from: .any) { $0.sourceMAC = World.portMACs[0] }, on: 0)
        world.advance(.seconds(2))
        #expect(world.slowPath.duplicateAddresses.isEmpty)
        world.expectConservation()
    }

    @Test func `stable-privacy finds another link-local address after a duplicate`() throws {
        var state = Self.state()
        state.settings.items["ipv6_defs.addr_gen_mode"] = .text("stable-privacy")
        state.settings.items["ipv6_defs.stable_secret"] = .text("0123456789abcdef")
        let world = try World(state, hasLinkLocalAddresses: true)
        world.settle()
        func probed() -> [IPv6Address] {
            world.takeLinkTalk(0).filter { $0.icmp?.type == 135 }.compactMap(\.target)
                .filter(\.isLinkLocal)
        }
        let first = try #require(probed().first)
        world.send(ask(first, from: .any), on: 0)
        #expect(world.provisioner.reclaim(), "a link has news")
        try world.apply(state)
        world.settle()
        let second = try #require(probed().first { $0 != first })
        world.advance(.seconds(2))
        #expect(world.provisioner.reclaim(), "the duplicate is gone")
        try world.apply(state)
        world.settle()
        #expect(!world.provisioner.reclaim())
        world.send(ask(second), on: 0)
        #expect(world.takeLinkTalk(0).contains { $0.icmp?.type == 136 && $0.target == second })
        world.expectConservation()
    }

    // MARK: - Groups

    @Test func `routers and switches hear which groups we are in`() throws {
        let world = try World(Self.state(), hasLinkLocalAddresses: true)
        world.settle()
        let report = try #require(world.takeLinkTalk(0).first { $0.icmp?.type == 143 })
        #expect(report.destination?.address.description == "ff02::16" && report.timeToLive == 1)
        #expect(report.hasRouterAlert && report.hasValidChecksums)
        #expect(
            Set(report.reportedGroups) == [Self.own.solicitedNode, Self.linkLocal.solicitedNode]
        )
        #expect(report.source?.address == .v6(.any), "no address is proven yet")
        world.advance(.seconds(3))
        _ = world.takeLinkTalk(0)
        let query = IPv6Frame.icmp(130, data: Array(repeating: 0, count: 20)) { frame in
            frame.extensions = [.options(.hopByHopOptions)]
            frame.hopLimit = 1
            frame.source = Self.router
            frame.destination = .allNodes
            frame.destinationMAC = IPv6Address.allNodes.groupMAC
        }
        world.send(query, on: 0)
        let answer = try #require(world.takeLinkTalk(0).first { $0.icmp?.type == 143 })
        #expect(Set(answer.reportedGroups) == Set(report.reportedGroups))
        #expect(answer.source?.address == .v6(Self.linkLocal))
        world.expectConservation()
    }

    // MARK: - Echo

    @Test(arguments: ["2001:db8::aa:1", "2001:db8:1::1", "fe80::ff:fe00:1", "ff02::1"])
    func `echo requests to own addresses and groups are answered`(address: String) throws {
        let world = try world()
        let request = IPv6Frame.icmp(128, rest: 0x0001_0002, data: [9, 8, 7]) { frame in
            frame.source = Self.host
            frame.destination = .literal(address)
            if address == "ff02::1" { frame.destinationMAC = IPv6Address.allNodes.groupMAC }
        }
        world.send(request, on: 0)
        let reply = try #require(world.take(0).first)
        #expect(reply.icmp == .init(type: 129, code: 0, rest: 0x0001_0002))
        #expect(reply.data == [9, 8, 7] && reply.hasValidChecksums)
        let from = address == "ff02::1" ? Self.own : .literal(address)
        #expect(reply.source?.address == .v6(from))
        world.expectConservation()
    }

    @Test func `a virtual address is answered for at once and without a probe`() throws {
        let vip = IPv6Address.literal("2001:db8::100")
        let world = try world()
        // What a service implies, in the words of the slow path: services are not of this suite.
        world.slowPath.install([
            OwnAddress(.v6(vip), prefix: IPPrefix(host: .v6(vip)), on: 0)
        ])
        world.settle()
        let talk = world.takeLinkTalk(0)
        #expect(talk.contains { $0.icmp?.type == 136 && $0.target == vip })
        #expect(!talk.contains { $0.icmp?.type == 135 })
        world.send(ask(vip), on: 0)
        #expect(world.takeLinkTalk(0).contains { $0.icmp?.rest == 0x6000_0000 })
        world.expectConservation()
    }

    // MARK: - Gateways and routers

    @Test func `a link-local gateway is asked for on its link, from the link-local address`() throws
    {
        var state = Self.state()
        state.routes = [
            Route(destination: .any(.ipv6), gateway: .v6(Self.router), interface: "dpdk0")
        ]
        let world = try World(state, hasLinkLocalAddresses: true)
        world.hosts6[0][Self.router] = .client(20)
        world.advance(.seconds(5))
        let questions = world.takeLinkTalk(0)
            .filter { $0.icmp?.type == 135 && $0.target == Self.router }
        let question = try #require(questions.first)
        #expect(question.source?.address == .v6(Self.linkLocal))
        #expect(question.linkLayerOption == World.portMACs[0])
        #expect(question.destination?.address == .v6(Self.router.solicitedNode))
        #expect(world.slowPath.neighbourCount(in: .reachable) > 0)
        let before = world.engine.adjacencies.find(.v6(Self.router), on: 0)
        #expect(world.engine.adjacencies.answer(for: before).isReachable)
        world.advance(.seconds(65))
        let probe = try #require(
            world.takeLinkTalk(0).first { $0.icmp?.type == 135 && $0.destinationMAC == .client(20) }
        )
        #expect(probe.destination?.address == .v6(Self.router), "confirmed by unicast")
        world.expectConservation()
    }

    private func advertisement(lifetime: UInt16, from source: IPv6Address = router) -> [UInt8] {
        let times = [UInt8](repeating: 0, count: 8)
        let option: [UInt8] = [1, 1, 0x02, 0, 0, 0, 0xAA, 20]
        return IPv6Frame.icmp(134, rest: 0x4000_0000 | UInt32(lifetime), data: times + option) {
            $0.hopLimit = 255
            $0.source = source
            $0.destination = .allNodes
            $0.destinationMAC = IPv6Address.allNodes.groupMAC
        }
    }

    @Test func `a router that offers itself is the default route while its lifetime lasts`() throws
    {
        let limits = SlowPathLimits(acceptsRouterAdvertisements: true)
        let world = try World(Self.state(), slowPathLimits: limits, hasLinkLocalAddresses: true)
        world.hosts6[0][Self.router] = .client(20)
        world.advance(.seconds(2))
        let solicitation = try #require(world.takeLinkTalk(0).first { $0.icmp?.type == 133 })
        #expect(solicitation.destination?.address == .v6(.allRouters))
        #expect(!world.provisioner.reclaim())
        world.send(advertisement(lifetime: 30), on: 0)
        #expect(world.slowPath.advertisedRouters == [AdvertisedRouter(.v6(Self.router), on: 0)])
        #expect(world.provisioner.reclaim())
        try world.apply(world.provisioner.state)
        world.advance(.seconds(15))
        let adjacency = world.engine.adjacencies.find(.v6(Self.router), on: 0)
        #expect(world.engine.adjacencies.answer(for: adjacency).isReachable)
        #expect(!world.takeLinkTalk(0).contains { $0.icmp?.type == 133 }, "it was answered")
        world.advance(.seconds(16))
        #expect(world.slowPath.advertisedRouters.isEmpty && world.provisioner.reclaim())
        world.expectConservation()
    }

    @Test(arguments: ["not accepted", "lifetime 0", "a global source"])
    func `a router is not believed when it must not be`(why: String) throws {
        let limits = SlowPathLimits(acceptsRouterAdvertisements: why != "not accepted")
        let world = try world(slowPathLimits: limits)
        if why == "lifetime 0" { world.send(advertisement(lifetime: 1800), on: 0) }
        let source = why == "a global source" ? Self.host : Self.router
        world.send(advertisement(lifetime: why == "lifetime 0" ? 0 : 1800, from: source), on: 0)
        #expect(world.slowPath.advertisedRouters.isEmpty)
        #expect(world.drops(.badNeighbourDiscovery) == (why == "a global source" ? 1 : 0))
        world.expectConservation()
    }

    // MARK: - Off

    @Test func `with ipv6_defs disable on nothing of IPv6 is said or heard`() throws {
        var state = Self.state()
        state.settings.items["ipv6_defs.disable"] = .flag(true)
        let world = try World(state, hasLinkLocalAddresses: true)
        world.advance(.seconds(3))
        world.send(ask(Self.own), IPv6Frame.icmp(128) { $0.destination = Self.own }, on: 0)
        #expect(world.takeLinkTalk(0).isEmpty && world.take(0).isEmpty)
        #expect(world.drops(.ipv6Disabled) == 2)
        world.expectConservation()
    }

    // MARK: - Anything

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `arbitrary ICMPv6 neither traps nor loses a packet`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let limits = SlowPathLimits(acceptsRouterAdvertisements: true)
        let world = try World(Self.state(), slowPathLimits: limits, hasLinkLocalAddresses: true)
        let models = [
            ask(Self.own), ask(Self.own, from: .any), advertisement(lifetime: 9),
            IPv6Frame.icmp(128, data: [1, 2, 3]) { $0.destination = Self.own },
            IPv6Frame.advertisement(
                of: Self.host,
                at: .client(10),
                to: Self.own,
                at: World.portMACs[0]
            ),
        ]
        for round in 0..<400 {
            let type = [UInt8](128...143).randomElement(using: &random) ?? 135
            let length = Int.random(in: 0...96, using: &random)
            let octets = random.octets(length)
            let built = IPv6Frame.icmp(type, data: octets) { frame in
                frame.hopLimit = [1, 64, 255].randomElement(using: &random) ?? 255
                frame.destination = [Self.own, .allNodes].randomElement(using: &random) ?? .any
            }
            world.links[0].deliver(built)
            if let model = models.randomElement(using: &random) {
                world.links[0].deliver(random.mutation(of: model) + [])
            }
            if round % 50 == 0 { world.advance(.milliseconds(300)) }
        }
        world.advance(.seconds(3))
        world.expectConservation()
    }
}
