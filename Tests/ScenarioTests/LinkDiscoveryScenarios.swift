// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Packet
import PacketTesting
import Testing

@Suite struct LinkDiscoveryScenarios {
    private static let group = MACAddress(rawValue: 0x0180_C200_000E)
    private static let lldp: UInt16 = 0x88CC

    /// A message of a bridge, "b" for itself and `port` for its port.
    private static func frame(port: String = "p", timeToLive: UInt8 = 120) -> [UInt8] {
        let name = Array(port.utf8)
        return group.octets + [2, 0, 0, 0, 0, 9, 0x88, 0xCC, 2, 2, 7, 98]
            + [4, UInt8(name.count + 1), 5] + name + [6, 2, 0, timeToLive, 0, 0]
    }

    private func world(_ names: [Int: String] = [0: "dpdk0"]) throws -> World {
        let world = try World(.web(), slowPathLimits: SlowPathLimits(discoveredLinks: names))
        world.advance(.milliseconds(200))
        return world
    }

    private func messages(_ world: World, _ port: Int) -> [DecodedFrame] {
        world.take(port).filter { $0.etherType == Self.lldp }
    }

    /// Octets 0...1 of a message's third field: its time to live.
    private func timeToLive(_ frame: DecodedFrame, name: String = "dpdk0") -> UInt8? {
        let offset = 14 + 9 + 3 + name.utf8.count + 3
        return offset < frame.octets.count ? frame.octets[offset] : nil
    }

    @Test func `a port presents itself at once and every thirty seconds, others are silent`()
        throws
    {
        let world = try world()
        let first = messages(world, 0)
        #expect(first.count == 1 && messages(world, 1).isEmpty)
        let frame = try #require(first.first)
        #expect(frame.destinationMAC == Self.group && frame.sourceMAC == World.portMACs[0])
        #expect(timeToLive(frame) == 120)
        let text = String(decoding: frame.octets, as: UTF8.self)
        #expect(text.contains("dpvs port 0: dpdk0"))
        world.advance(.seconds(29))
        #expect(messages(world, 0).isEmpty)
        world.advance(.seconds(61))
        #expect(messages(world, 0).count == 3)
        #expect(world.slowPath.linkDiscovery.map(\.sent) == [4, 0])
        world.expectConservation()
    }

    @Test func `its own address is in it, one that a service implies is not`() throws {
        let world = try world()
        world.advance(.seconds(31))
        let octets = try #require(messages(world, 0).last?.octets)
        let own: [UInt8] = [5, 1, 10, 0, 0, 1, 2]
        #expect(octets.indices.contains { octets[$0...].starts(with: own) })
        let implied: [UInt8] = [5, 1, 10, 0, 0, 100]
        #expect(!octets.indices.contains { octets[$0...].starts(with: implied) })
    }

    @Test func `a neighbour is remembered, answered soon, and forgotten in time`() throws {
        let world = try world()
        _ = messages(world, 0)
        world.advance(.seconds(5))
        world.send(Self.frame(timeToLive: 20), on: 0)
        world.advance(.milliseconds(200))
        #expect(messages(world, 0).count == 1, "a new neighbour does not wait for the period")
        world.send(Self.frame(timeToLive: 20), on: 0)
        let report = try #require(world.slowPath.linkDiscovery.first)
        #expect(report.received == 2 && report.neighbours.count == 1)
        #expect(report.neighbours.first?.neighbour.port.text == "p")
        world.advance(.seconds(21))
        #expect(world.slowPath.linkDiscovery[0].neighbours.isEmpty)
        world.send(Self.frame(), on: 0)
        world.send(Self.frame(timeToLive: 0), on: 0)
        #expect(world.slowPath.linkDiscovery[0].neighbours.isEmpty, "it took leave")
        world.expectConservation()
    }

    @Test func `more neighbours than there is room for are counted, and so is nonsense`() throws {
        let world = try world()
        for number in 0..<20 { world.send(Self.frame(port: "p\(number)"), on: 0) }
        world.send(Array(Self.frame().prefix(20)), on: 0)
        let report = world.slowPath.linkDiscovery[0]
        #expect(report.neighbours.count == 16 && report.ignored == 4)
        #expect(report.received == 21 && report.malformed == 1)
        #expect(world.drops(.badLLDP) == 1)
        world.expectConservation()
    }

    @Test func `switched off, it takes leave and hears nothing; switched on, it begins anew`()
        throws
    {
        let world = try world()
        world.send(Self.frame(), on: 0)
        _ = messages(world, 0)
        world.slowPath.change(limits: SlowPathLimits())
        world.settle()
        let last = messages(world, 0)
        #expect(last.count == 1 && last.first.flatMap { timeToLive($0) } == 0)
        world.send(Self.frame(), on: 0)
        world.advance(.seconds(60))
        #expect(messages(world, 0).isEmpty && world.drops(.unsupportedEtherType) == 1)
        #expect(world.slowPath.linkDiscovery[0].neighbours.isEmpty)
        world.slowPath.change(limits: SlowPathLimits(discoveredLinks: [0: "dpdk0"]))
        world.advance(.milliseconds(200))
        #expect(messages(world, 0).count == 1)
        #expect(world.slowPath.leaveLinks())
        world.settle()
        #expect(messages(world, 0).count == 1 && !world.slowPath.leaveLinks())
        world.expectConservation()
    }
}
