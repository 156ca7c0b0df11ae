// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Companions of VLANs: dpdk0.5, 10.5.0.1/24, on the clients' port.
@Suite struct VLANCompanionScenarios {
    private static let tags = VLANTags(outer: 5)
    private static let name = "dpdk0.5.kni"

    private static func state(_ type: CompanionType = .auto) -> DesiredState {
        var state = DesiredState.web()
        state.vlans = [VLANInterface(name: "dpdk0.5", link: "dpdk0", id: 5, companionType: type)]
        state.addresses.append(
            InterfaceAddress(interface: "dpdk0.5", prefix: .literal("10.5.0.1/24"))
        )
        return state
    }

    private func world(
        _ state: DesiredState = state(),
        companions: [Int] = [0, 1],
        workers: Int = 1
    ) throws -> World {
        let world = try World(state, workers: workers, companions: companions)
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        for last in 2...3 { world.hosts[1][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last) }
        world.settle()
        world.advance(.seconds(3))
        for port in 0..<2 {
            _ = world.take(port)
            _ = world.takeARP(port)
            _ = world.takeKernel(port)
        }
        _ = world.companion(Self.name)?.takeDeparted()
        return world
    }

    private func tagged(_ frame: [UInt8], _ tags: VLANTags = tags) -> [UInt8] {
        Array(frame.prefix(12)) + tags.octets + frame.dropFirst(12)
    }

    private func ospf(to destination: String, mac: UInt64? = nil) -> [UInt8] {
        Frame(.other(protocol: 89, data: Array(repeating: 0, count: 40))) { frame in
            frame.source = IPv4Address(10, 5, 0, 10)
            frame.destination = IPv4Address(destination) ?? .any
            if let mac { frame.destinationMAC = MACAddress(rawValue: mac) }
        }
        .octets
    }

    /// IS-IS: a length in place of the EtherType, then LLC.
    private func intermediateSystem() -> [UInt8] {
        var frame = ospf(to: "10.5.0.1")
        frame.replaceSubrange(12..<17, with: [0x00, 0x27, 0xFE, 0xFE, 0x03])
        return frame
    }

    // MARK: - Up

    @Test(arguments: [1, 3])
    func `what is the kernel's goes up by the VLAN's companion alone, without tags`(
        workers: Int
    ) throws {
        let world = try world(workers: workers)
        defer { world.expectConservation() }
        let companion = try #require(world.companion(Self.name))
        let frames = [
            ospf(to: "10.5.0.1"), ospf(to: "224.0.0.5", mac: 0x0100_5E00_0005),
            Frame.tcp(from: "10.5.0.10:4000", to: "10.5.0.1:22", Frame.syn),
            Frame.udp(from: "10.5.0.10:4000", to: "10.5.0.1:53"),
            Frame.arp(from: "10.5.0.10", at: .client(10), to: "10.5.0.77"), intermediateSystem(),
        ]
        for frame in frames {
            world.send(tagged(frame), on: 0)
            #expect(companion.takeDeparted() == [frame])
        }
        #expect(world.takeKernel(0).isEmpty && world.takeKernel(1).isEmpty)
        #expect(world.take(0).isEmpty, "nobody is refused")
        #expect(world.exceptions(.passed, .routing, 0) == 3, "IS-IS is known without its tag")
        #expect(world.exceptions(.passed, .management, 0) == 1)
    }

    @Test func `the port's own frames stay with the port's companion`() throws {
        let world = try world()
        defer { world.expectConservation() }
        let frame = ospf(to: "224.0.0.5", mac: 0x0100_5E00_0005)
        world.send(frame, on: 0)
        #expect(world.takeKernel(0) == [frame])
        #expect(world.companion(Self.name)?.takeDeparted() == [])
        // Tags of priority only are none, for the kernel, too.
        let priority = Array(frame.prefix(12)) + [0x81, 0x00, 0xE0, 0x00] + frame.dropFirst(12)
        world.send(priority, on: 0)
        #expect(world.takeKernel(0) == [frame])
    }

    @Test func `ARP replies go to the kernel behind the VLAN, requests for us are answered`()
        throws
    {
        let world = try world()
        defer { world.expectConservation() }
        let reply = Frame.arp(
            isReply: true,
            from: "10.5.0.10",
            at: .client(10),
            to: "10.5.0.1",
            at: World.portMACs[0]
        )
        let ours = Frame.arp(from: "10.5.0.10", at: .client(10), to: "10.5.0.1")
        world.send(tagged(reply), tagged(ours), on: 0)
        #expect(world.companion(Self.name)?.takeDeparted() == [reply])
        #expect(world.takeARP(0).count == 1 && world.takeKernel(0).isEmpty)
    }

    @Test(arguments: [VLANTags(outer: 6), VLANTags(outer: 5, inner: 6)])
    func `no companion gets frames of VLANs that nobody has`(tags: VLANTags) throws {
        let world = try world()
        defer { world.expectConservation() }
        world.send(tagged(ospf(to: "10.5.0.1"), tags), on: 0)
        world.send(tagged(intermediateSystem(), tags), on: 0)
        world.send(
            tagged(Frame.arp(from: "10.5.0.10", at: .client(10), to: "10.5.0.77"), tags),
            on: 0
        )
        #expect(world.drops(.unknownVLAN) == 3)
        #expect(world.takeKernel(0).isEmpty)
        #expect(world.companion(Self.name)?.takeDeparted() == [])
    }

    @Test func `a route to the kernel behind a VLAN is for packets of any interface`() throws {
        var state = Self.state()
        state.routes = [
            Route(
                destination: .literal("192.168.100.28/32"),
                interface: "dpdk0.5",
                scope: .kniHost
            )
        ]
        let world = try world(state)
        defer { world.expectConservation() }
        let segment = Frame.tcp(from: "10.0.0.10:4000", to: "192.168.100.28:22", Frame.syn)
        for frame in [segment, tagged(segment)] {
            world.send(frame, on: 0)
            #expect(world.companion(Self.name)?.takeDeparted() == [segment])
        }
        #expect(world.takeKernel(0).isEmpty)
    }

    @Test func `without a companion the VLAN refuses by itself`() throws {
        let world = try world(Self.state(.off))
        defer { world.expectConservation() }
        #expect(world.companion(Self.name) == nil)
        world.send(
            tagged(Frame.tcp(from: "10.5.0.10:4000", to: "10.5.0.1:22", Frame.syn)),
            on: 0
        )
        #expect(world.take(0).first?.tcpFlags == Frame.rstAck)
        world.send(tagged(ospf(to: "10.5.0.1")), on: 0)
        #expect(world.drops(.unsupportedProtocol) == 1 && world.takeKernel(0).isEmpty)
    }

    @Test func `by itself a VLAN has a companion where its port has one`() throws {
        #expect(try world(companions: [1]).companion(Self.name) == nil)
        #expect(try world(Self.state(.tap), companions: [1]).companion(Self.name) != nil)
    }

    // MARK: - Down

    @Test func `what the kernel sends there leaves with the tags`() throws {
        let world = try world()
        defer { world.expectConservation() }
        let frame = ospf(to: "224.0.0.5", mac: 0x0100_5E00_0005)
        world.companion(Self.name)?.deliver(frame)
        world.settle()
        #expect(world.take(0).map(\.octets) == [tagged(frame)])
        #expect(world.take(1).isEmpty && world.exceptions(.sent, .routing, 0) == 1)
    }

    @Test func `the kernel is heard on every companion, however many there are`() throws {
        var state = Self.state()
        state.vlans = (1...40).map { VLANInterface(name: "v\($0)", link: "dpdk0", id: $0) }
        state.addresses.removeAll { $0.interface == "dpdk0.5" }
        let world = try world(state)
        defer { world.expectConservation() }
        let frame = ospf(to: "224.0.0.5", mac: 0x0100_5E00_0005)
        for id in 1...40 { world.companion("v\(id).kni")?.deliver(frame) }
        world.sendFromKernel(frame, on: 1)
        let expected = (1...40).map { tagged(frame, VLANTags(outer: UInt16($0))) }
        let sent = world.take(0).map(\.octets)
        #expect(Set(sent) == Set(expected) && sent.count == 40)
        #expect(world.take(1).map(\.octets) == [frame])
    }

    // MARK: - Live

    @Test func `companions come, change their VLAN and go while the port's stays`() throws {
        let world = try world(.web())
        defer { world.expectConservation() }
        let frame = ospf(to: "10.5.0.1")
        #expect(world.companion(Self.name) == nil)
        world.send(tagged(frame), on: 0)
        #expect(world.drops(.unknownVLAN) == 1)

        try world.apply(Self.state())
        let companion = try #require(world.companion(Self.name))
        world.send(tagged(frame), on: 0)
        #expect(companion.takeDeparted() == [frame])

        var moved = Self.state()
        moved.vlans[0].id = 6
        try world.apply(moved)
        world.send(tagged(frame), tagged(frame, VLANTags(outer: 6)), on: 0)
        #expect(companion.takeDeparted() == [frame] && world.drops(.unknownVLAN) == 2)
        companion.deliver(frame)
        world.settle()
        #expect(world.take(0).map(\.octets) == [tagged(frame, VLANTags(outer: 6))])

        try world.apply(.web())
        world.send(tagged(frame, VLANTags(outer: 6)), on: 0)
        companion.deliver(frame)
        world.settle()
        #expect(companion.takeDeparted().isEmpty && world.take(0).isEmpty)
        world.send(frame, on: 0)
        #expect(world.takeKernel(0) == [frame], "the port's own is untouched")
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        #expect(world.take(1).count == 1)
    }

    @Test func `a frame whose VLAN goes while it waits for the slow path goes up nowhere`() throws {
        let world = try world()
        defer { world.expectConservation() }
        let companion = try #require(world.companion(Self.name))
        let other = Frame.arp(from: "10.5.0.10", at: .client(10), to: "10.5.0.77")
        for frame in [ospf(to: "10.5.0.1"), other] { world.links[0].deliver(tagged(frame)) }
        world.turn(worker: 0)
        try world.apply(.web())
        world.settle()
        #expect(companion.takeDeparted().isEmpty && world.takeKernel(0).isEmpty)
        #expect(world.drops(.unknownVLAN) == 1 && world.drops(.notForUs) == 1)
    }

    @Test func `one that must be there and cannot be had refuses the change`() throws {
        let world = try world(.web())
        defer { world.expectConservation() }
        world.kernel.refused = [Self.name]
        #expect(throws: (any Error).self) { try world.apply(Self.state(.tap)) }
        world.send(tagged(ospf(to: "10.5.0.1")), on: 0)
        #expect(world.drops(.unknownVLAN) == 1, "nothing has changed")
        try world.apply(Self.state())
        world.send(tagged(ospf(to: "10.5.0.1")), on: 0)
        #expect(world.drops(.unsupportedProtocol) == 1, "it goes without")
    }

    @Test func `what the kernel has on a VLAN that goes does not hold the change up`() throws {
        let world = try world()
        defer { world.expectConservation() }
        try world.change { state in
            state.addresses.append(
                InterfaceAddress(
                    interface: "dpdk0.5",
                    prefix: .literal("10.5.0.2/24"),
                    owner: .kernel
                )
            )
            state.routes.append(
                Route(
                    destination: .literal("10.9.0.0/16"),
                    gateway: .v4(IPv4Address(10, 5, 0, 254)),
                    interface: "dpdk0.5",
                    owner: .kernel
                )
            )
        }
        let segment = Frame.tcp(from: "10.5.0.10:4000", to: "10.5.0.2:22", Frame.syn)
        world.send(tagged(segment), on: 0)
        #expect(world.companion(Self.name)?.takeDeparted() == [segment])
        try world.change { state in
            state.vlans = []
            state.addresses.removeAll { $0.interface == "dpdk0.5" && $0.owner != .kernel }
        }
        #expect(world.provisioner.state.routes.isEmpty)
    }
}
