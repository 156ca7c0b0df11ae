// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Packets that are too long for their way and may be cut.
@Suite struct CuttingScenarios {
    private static let udp: UInt8 = 17
    private static let data = (0..<1400).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func request(
        _ families: Families = .ipv4,
        _ data: [UInt8] = data,
        _ change: (inout IPPacket) -> Void = { _ in }
    ) -> IPPacket {
        let payload = IPPacket.udp(5000, 80, data)
        return IPPacket(from: families.client, to: families.vip, Self.udp, payload, change)
    }

    @Test(arguments: [ForwardingMode.fnat, .nat, .dr], [68, 576, 1000])
    func `what the next link does not take goes in fragments`(
        mode: ForwardingMode,
        mtu: UInt16
    ) throws {
        let world = try dualWorld(.dual(.ipv4, mode, .udp), mtus: [1500, mtu])
        defer { world.expectConservation() }
        var made = 0
        for _ in 0..<2 {
            world.send(request { $0.identification = 99 }, on: 0)
            let parts = world.takePackets(1)
            made += parts.count
            #expect(parts.count > 1 && parts.allSatisfy { $0.octets.count <= Int(mtu) })
            let whole = try #require(IPPacket(reassembling: parts))
            #expect(whole.isSound && whole.identification == 99)
            #expect(Array(whole.payload.dropFirst(8)) == Self.data)
            #expect(parts.first?.fragmentOffset == 0)
            let backend = mode == .dr ? Families.ipv4.vip : Families.ipv4.backend
            #expect(whole.destination.description == backend)
        }
        #expect(world.total(.madeFragments) == made)
        #expect(world.drops(.tooBig) == 0 && world.connectionCount == 1)
    }

    @Test func `fragments themselves are cut again, and what asks to stay whole is answered`()
        throws
    {
        let world = try dualWorld(.dual(.ipv4, .fnat, .udp), mtus: [1500, 576])
        defer { world.expectConservation() }
        let whole = request(.ipv4, Self.data + Self.data).withChecksum
        world.send(whole.fragments(of: 1480), on: 0)
        let parts = world.takePackets(1)
        #expect(parts.count == 6)
        let arrived = try #require(IPPacket(reassembling: parts))
        #expect(arrived.isSound && arrived.payload.dropFirst(8) == whole.payload.dropFirst(8))

        world.send(request { $0.dontFragment = true }, on: 0)
        #expect(world.takePackets(1).isEmpty && world.drops(.tooBig) == 1)
        let error = try #require(world.takePackets(0).first)
        #expect(Array(error.payload[0..<2]) == [3, 4])
        #expect(IPPacket.number(error.payload, 4, 4) == 576)
    }

    @Test func `without buffers what is left of the packet is dropped`() throws {
        let world = try dualWorld(.dual(.ipv4, .fnat, .udp), mtus: [1500, 576])
        defer { world.expectConservation() }
        world.send(request(), on: 0)
        #expect(world.takePackets(1).count == 3)
        world.withoutBuffers(but: 2) { world.send(request(), on: 0) }
        #expect(world.takePackets(1).count == 1 && world.drops(.noBuffer) == 1)
    }

    // MARK: - Tunnels

    @Test(arguments: Tunnel.Kind.allCases, [Families.ipv4, .ipv6])
    func `a packet is cut before the tunnel, so that its receiver reassembles`(
        kind: Tunnel.Kind,
        backend: Families
    ) throws {
        var state = DesiredState.dual(.ipv4, .tunnel, .udp, tunnel: Tunnel(kind: kind))
        let address = try #require(IPAddress(backend.backend))
        state.services[0].backends = [Backend(endpoint: Endpoint(address, 80))]
        let world = try dualWorld(state, mtus: [1500, 1500])
        defer { world.expectConservation() }
        let sent = request(.ipv4, Array(repeating: 5, count: 1472)).withChecksum
        world.send(sent, on: 0)
        let frames = world.takeFrames(1)
        #expect(frames.count == 2 && frames.allSatisfy { $0.count <= 1514 })
        let tunnelled = frames.compactMap { Decapsulator(frame: $0) }
        #expect(tunnelled.allSatisfy { $0.outer.destination == address })
        let whole = IPPacket(reassembling: tunnelled.compactMap { IPPacket($0.innerOctets) })
        #expect(whole?.octets == sent.octets)
    }

    @Test(arguments: [Families.ipv4, .ipv6])
    func `what IPv6 may not be told is cut after the tunnel's header`(backend: Families) throws {
        var state = DesiredState.dual(.ipv6, .tunnel, .udp, tunnel: Tunnel(kind: .ipip))
        let address = try #require(IPAddress(backend.backend))
        state.services[0].backends = [Backend(endpoint: Endpoint(address, 80))]
        let world = try dualWorld(state, mtus: [1500, 1280])
        defer { world.expectConservation() }
        let sent = request(.ipv6, Array(repeating: 5, count: 1232)).withChecksum
        #expect(sent.octets.count == 1280)
        for _ in 0..<2 {
            world.send(sent, on: 0)
            let parts = world.takePackets(1)
            #expect(parts.count == 2 && parts.allSatisfy { $0.octets.count <= 1280 })
            let outer = try #require(IPPacket(reassembling: parts))
            #expect(outer.destination == address && outer.payload == sent.octets)
        }
    }

    // MARK: - NAT64

    /// The backend's packet to the client of a connection that a request of one octet opened.
    private func answer(
        _ world: World,
        _ data: [UInt8],
        _ change: (inout IPPacket) -> Void = { _ in }
    ) throws -> IPPacket {
        world.send(request(.nat64, [1]), on: 0)
        let port = try #require(world.takePackets(1).first).ports.source
        return IPPacket(
            from: Families.nat64.backend,
            to: Families.nat64.local,
            Self.udp,
            IPPacket.udp(8080, port, data),
            change
        )
    }

    @Test(arguments: [false, true])
    func `nat64 makes fragments of an answer that IPv6 has no room for`(hasChecksum: Bool) throws {
        let world = try dualWorld(.dual(.nat64, .fnat, .udp), mtus: [1500, 1500])
        defer { world.expectConservation() }
        let sent = try answer(world, Array(repeating: 9, count: 1472)) { $0.identification = 77 }
        var frame = (hasChecksum ? sent.withChecksum : sent).frame()
        frame.replaceSubrange(0..<6, with: World.portMACs[1].octets)
        world.send(frame, on: 1)
        let parts = world.takePackets(0)
        #expect(parts.count == 2 && parts.allSatisfy { $0.hasFragmentHeader && $0.isIPv6 })
        #expect(parts.allSatisfy { $0.octets.count <= 1500 })
        let whole = try #require(IPPacket(reassembling: parts))
        #expect(whole.transportChecksum == 0 && whole.identification == 77)
        #expect(whole.destination.description == Families.nat64.client)
        #expect(whole.payload.count == 1480)
    }

    @Test func `fragments pass from one family to the other, both ways`() throws {
        let world = try dualWorld(.dual(.nat64, .fnat, .udp), mtus: [1500, 1500])
        defer { world.expectConservation() }
        let reply = try answer(world, Self.data + Self.data).withChecksum
        world.send(reply.fragments(of: 1400), on: 1)
        let back = try #require(IPPacket(reassembling: world.takePackets(0)))
        #expect(back.isIPv6 && back.transportChecksum == 0)
        #expect(back.payload.dropFirst(8) == reply.payload.dropFirst(8))

        let question = request(.nat64, Self.data + Self.data).withChecksum
        world.send(question.fragments(of: 1400).reversed(), on: 0)
        let there = try #require(IPPacket(reassembling: world.takePackets(1)))
        #expect(!there.isIPv6 && there.transportChecksum == 0)
        #expect(there.payload.dropFirst(8) == question.payload.dropFirst(8))
    }

    @Test func `short packets from IPv6 are cut for a short link of IPv4`() throws {
        let world = try dualWorld(.dual(.nat64, .fnat, .udp), mtus: [1500, 576])
        defer { world.expectConservation() }
        world.send(request(.nat64, Array(repeating: 3, count: 1200)), on: 0)
        let parts = world.takePackets(1)
        #expect(parts.count == 3 && parts.allSatisfy { $0.octets.count <= 576 })
        #expect(IPPacket(reassembling: parts)?.isSound == true)
    }

    // MARK: - The client's address

    @Test func `a TCP segment in fragments goes without the client's address`() throws {
        var state = DesiredState.dual(.ipv4)
        state.services[0].clientAddress = .toa
        let world = try dualWorld(state)
        defer { world.expectConservation() }
        func segment(_ flags: UInt8, _ data: [UInt8] = [], sequence: UInt32 = 1001) -> IPPacket {
            let tcp = IPPacket.tcp(40000, 80, sequence: sequence, flags: flags, data)
            return IPPacket(from: Families.ipv4.client, to: Families.ipv4.vip, 6, tcp)
        }
        world.send(segment(Frame.syn, sequence: 1000), on: 0)
        let port = try #require(world.takePackets(1).first).ports.source
        let synAck = IPPacket.tcp(8080, port, flags: Frame.synAck)
        world.send(
            IPPacket(from: Families.ipv4.backend, to: Families.ipv4.local, 6, synAck),
            on: 1
        )
        let before = world.total(.unaddressedForForm)
        let data = segment(Frame.push, Self.data).withChecksum
        world.send(data.fragments(of: 800), on: 0)
        let whole = try #require(IPPacket(reassembling: world.takePackets(1)))
        #expect(whole.isSound && whole.payload.dropFirst(20) == data.payload.dropFirst(20))
        #expect(world.total(.unaddressedForForm) == before + 1)
        #expect(world.drops(.unexpectedFragment) == 0)
    }
}
