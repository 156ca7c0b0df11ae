// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Testing

/// What kernels put together and hand over longer than the link's MTU: segments by TSO and GSO of senders
/// on this host or GRO of the interface, datagrams by `UDP_SEGMENT`, fragments by `net_af_packet`.
@Suite struct SuperPacketScenarios {
    private func data(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 11) }
    }

    /// A world with a connection of 10.0.0.10:5000, whose ports have senders on this host.
    private func world(
        _ families: Families = .ipv4,
        _ transport: TransportProtocol = .tcp,
        mtus: [UInt16] = [1500, 1500],
        offloads: PortTraits.Offloads = .unfinishedReceiveChecksums
    ) throws -> World {
        let world = try dualWorld(.dual(families, .fnat, transport), mtus: mtus, offloads: offloads)
        if transport == .tcp {
            send(segment(families, flags: Frame.syn, []), to: world)
            send(segment(families, []), to: world)
            #expect(world.takePackets(1).count == 2)
        }
        return world
    }

    private func send(_ packet: IPPacket, cutTo count: Int? = nil, to world: World) {
        let frame = packet.frame(to: World.portMACs[0])
        world.send(Array(frame.prefix(count ?? frame.count)), on: 0)
    }

    private func segment(
        _ families: Families,
        flags: UInt8 = Frame.ack,
        _ data: [UInt8]
    ) -> IPPacket {
        let payload = IPPacket.tcp(5000, 80, flags: flags, data)
        return IPPacket(from: families.client, to: families.vip, 6, payload) {
            $0.dontFragment = true
        }
        .withUnfinishedChecksum
    }

    private func datagram(_ families: Families, _ data: [UInt8]) -> IPPacket {
        IPPacket(from: families.client, to: families.vip, 17, IPPacket.udp(5000, 80, data))
    }

    @Test(arguments: [Families.ipv4, .ipv6])
    func `several segments in one are dropped by name, and nothing longer than the MTU leaves`(
        families: Families
    ) throws {
        let world = try world(families)
        defer { world.expectConservation() }
        send(segment(families, data(1700)), to: world)
        #expect(world.takePackets(1).isEmpty && world.drops(.superPacket) == 1)
        #expect(world.received(.superPacket) == 1 && world.drops(.tooBig) == 0)
    }

    /// The driver's frames have no room for all of it.
    @Test(arguments: [Families.ipv4, .ipv6])
    func `the same when it comes in cut off`(families: Families) throws {
        let world = try world(families)
        defer { world.expectConservation() }
        send(segment(families, data(9000)), cutTo: 1982, to: world)
        #expect(world.takePackets(1).isEmpty && world.drops(.superPacket) == 1)
        #expect(world.received(.superPacket) == 1 && world.drops(.badTotalLength) == 0)
    }

    @Test func `a frame that is cut off short of the MTU is only broken`() throws {
        let world = try world()
        defer { world.expectConservation() }
        send(segment(.ipv4, data(1400)), cutTo: 1000, to: world)
        #expect(world.drops(.badTotalLength) == 1 && world.received(.superPacket) == 0)
    }

    @Test func `so it is from a network card, which puts nothing together`() throws {
        let world = try world(offloads: [])
        defer { world.expectConservation() }
        _ = world.takePackets(1)
        send(segment(.ipv4, data(9000)).withChecksum, cutTo: 1982, to: world)
        #expect(world.drops(.badTotalLength) == 1 && world.received(.superPacket) == 0)
    }

    /// Nothing in it tells where a datagram ends, so in fragments or as one it would be another.
    @Test(arguments: [Families.ipv4, .ipv6], [false, true])
    func `several datagrams in one are dropped by name`(
        families: Families,
        hasOptions: Bool
    ) throws {
        let world = try world(families, .udp, mtus: [1500, 9000])
        defer { world.expectConservation() }
        let packet = datagram(families, data(1900)).withUnfinishedChecksum
        var frame = packet.frame(to: World.portMACs[0])
        // A tag of priority sends the frame the careful way.
        if hasOptions { frame.insert(contentsOf: [0x81, 0x00, 0xE0, 0x00], at: 12) }
        world.send(frame, on: 0)
        #expect(world.takePackets(1).isEmpty && world.drops(.superPacket) == 1)
        #expect(world.connectionCount == 0)
    }

    @Test func `a datagram whose fragments the kernel has put together is cut again`() throws {
        let world = try world(.ipv4, .udp)
        defer { world.expectConservation() }
        let whole = datagram(.ipv4, data(1900)).withChecksum
        send(whole, to: world)
        let parts = world.takePackets(1)
        #expect(parts.count == 2 && parts.allSatisfy { $0.octets.count <= 1500 })
        let arrived = try #require(IPPacket(reassembling: parts))
        #expect(arrived.isSound && arrived.payload.dropFirst(8) == whole.payload.dropFirst(8))
        #expect(world.drops(.superPacket) == 0)
    }

    @Test func `a long segment goes on whole where the way on takes it`() throws {
        let world = try world(mtus: [1500, 9000])
        defer { world.expectConservation() }
        send(segment(.ipv4, data(1700)), to: world)
        let arrived = try #require(world.takePackets(1).first)
        #expect(arrived.isSound && arrived.payload.count == 1720)
    }
}
