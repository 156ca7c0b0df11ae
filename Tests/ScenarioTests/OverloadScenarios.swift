// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Provisioning
import Testing

/// What happens where something is used up: the rest goes on, and what is lost has a name.
@Suite struct OverloadScenarios {
    private static let service = "10.0.0.100:80"
    private static let established = Frame.udp(from: "10.0.0.11:4000", to: service)

    /// Datagrams of `count` flows of one client, made from one frame: only the port differs.
    private static func flows(_ count: Int, from first: Int = 1) -> [[UInt8]] {
        let template = Frame.udp(from: "10.0.0.10:0", to: service, hasChecksum: false)
        return (first..<first + count)
            .map { port in
                var frame = template
                frame[34] = UInt8(port >> 8)
                frame[35] = UInt8(port & 0xFF)
                return frame
            }
    }

    /// Lets worker 0 take `frames` as fast as it can; returns how many left toward the backends.
    private static func open(_ frames: [[UInt8]], in world: World) -> Int {
        var sent = 0
        for start in stride(from: 0, to: frames.count, by: 32) {
            world.links[0].deliver(Array(frames[start..<min(start + 32, frames.count)]))
            world.turn(worker: 0)
            sent += world.links[1].takeDeparted().count
        }
        return sent
    }

    // MARK: - The packet pool

    @Test(arguments: ["echo", "ARP", "UDP to nobody", "TCP to nobody"])
    func `answers that find no buffer are counted, and traffic goes on`(kind: String) throws {
        let world = try quickstartWorld(.web(.udp), buffers: 40)
        world.send(Self.established, on: 0)
        #expect(world.take(1).count == 1)
        let question =
            switch kind {
            case "echo": Frame.echo(from: "10.0.0.10", to: "10.0.0.100")
            case "ARP": Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.100")
            case "UDP to nobody": Frame.udp(from: "10.0.0.10:4000", to: "10.0.0.100:53")
            default: Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:81", Frame.syn)
            }
        for _ in 0..<32 { world.links[0].deliver(question) }
        world.links[0].deliver(Self.established)
        world.settle()
        let answers = world.take(0).count + world.takeARP(0).count
        #expect(answers > 0 && world.drops(.noBuffer) == 32 - answers)
        #expect(world.drops(.noBuffer) > 0)
        #expect(world.take(1).count == 1)
        world.expectConservation()
        world.send(question, on: 0)
        #expect(world.take(0).count + world.takeARP(0).count == 1, "buffers came back")
        world.expectConservation()
    }

    @Test func `with every buffer waiting for a neighbour, traffic stops until they come back`()
        throws
    {
        var limits = SlowPathLimits()
        limits.neighbours.queueLength = 1000
        let world = try quickstartWorld(
            .web(.udp, weights: [1]),
            buffers: 64,
            slowPathLimits: limits
        )
        world.send(Self.established, on: 0)
        #expect(world.take(1).count == 1)
        try world.change { state in
            state.services[0].backends
                .append(
                    Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, 77)), 8080))
                )
            state.services[0].backends[0].weight = 0
        }
        for frame in Self.flows(100) { world.links[0].deliver(frame) }
        world.settle()
        #expect(world.total(.held) == 64)
        world.links[0].deliver(Self.established)
        world.settle()
        #expect(world.take(1).isEmpty)
        world.advance(.seconds(1))
        #expect(world.drops(.noBuffer) > 0, "the neighbour could not be asked again")
        world.expectConservation()
        world.advance(.seconds(8))
        #expect(world.take(1).map(\.destination) == [Endpoint("10.0.1.2:8080")])
        #expect(world.drops(.neighbourUnresolved) == 100 && world.total(.held) == 0)
        world.expectConservation()
    }

    // MARK: - Local addresses

    @Test func `a service without local addresses drops what is new, for a reason of its own`()
        throws
    {
        let world = try quickstartWorld(.web(.udp, weights: [1], localAddresses: []))
        #expect(Self.open(Self.flows(20), in: world) == 0)
        #expect(world.drops(.noLocalAddress) == 20 && world.drops(.noLocalPort) == 0)
        try world.change { $0.services[0].localAddresses = [.v4(IPv4Address(10, 0, 1, 200))] }
        #expect(Self.open(Self.flows(20), in: world) == 20)
        #expect(world.drops(.noLocalAddress) == 20 && world.connectionCount == 20)
        world.expectConservation()
    }

    @Test func `what operators see begins at 0 when they say so, and metrics go on`() throws {
        let world = try quickstartWorld(.web(.udp, weights: [1, 1]))
        #expect(Self.open(Self.flows(20), in: world) == 20)
        #expect(world.provisioner.totals().services[0].marks == nil)
        #expect(world.provisioner.zero(ServiceFilter(["udp 10.0.0.100:80"])))
        #expect(!world.provisioner.zero(ServiceFilter(["udp 10.0.0.100:81"])))
        #expect(Self.open(Array(Self.flows(26).suffix(6)), in: world) == 6)
        func expectSix() throws {
            let totals = world.provisioner.totals().services[0]
            let marks = try #require(totals.marks)
            let connections = BackendCounter.connections.rawValue
            #expect(totals.sum[connections] == 26)
            #expect(totals.sum[connections] - marks.sum[connections] == 6)
        }
        try expectSix()
        // A backend that goes takes nothing with it, and counts anew when it comes back.
        try world.change { $0.services[0].backends.removeLast() }
        try expectSix()
        world.leap(.seconds(310))
        while world.connectionCount > 0 { world.turn() }
        world.settle()
        _ = world.provisioner.reclaim()
        try expectSix()
        try world.change { $0 = .web(.udp, weights: [1, 1]) }
        try expectSix()
        let marks = try #require(world.provisioner.totals().services[0].marks)
        #expect(marks.backends[1].allSatisfy { $0 == 0 } && marks.backends[0].contains { $0 > 0 })
        // The questions for the neighbour that is new again.
        world.settle()
        world.expectConservation()
    }

    // MARK: - Local ports

    @Test func `without a free local port only new connections are refused, until some end`()
        throws
    {
        // Of 16 workers each owns a sixteenth of the ports.
        let world = try quickstartWorld(.web(.udp, weights: [1]), workers: 16, connections: 8192)
        let steering = world.engine.steering.ipv4
        let ports = LocalPortPool.ports.count {
            steering.owner(of: UInt16($0), flowHash: 0) == 0
        }
        let flows = Self.flows(ports + 50)
        #expect(Self.open(flows, in: world) == ports)
        #expect(world.drops(.noLocalPort) == 50)
        let local = try #require(world.provisioner.totals().localAddresses.first)
        #expect(local.exhausted == 50 && Int(local.used) == ports)
        #expect(Self.open(Array(flows.prefix(100)), in: world) == 100)
        world.leap(.seconds(310))
        while world.connectionCount > 0 { world.turn() }
        world.settle()
        #expect(world.provisioner.totals().localAddresses.first?.used == 0)
        world.send(flows[ports], on: 0)
        #expect(world.drops(.noLocalPort) == 50 && world.connectionCount == 1)
        world.expectConservation()
    }

    // MARK: - The connection table

    @Test func `when all connections of a full table end at once, each turn ends a few`() throws {
        let count = 1 << 15
        let world = try quickstartWorld(.web(.udp, weights: [1]), connections: count)
        let flows = Self.flows(count)
        #expect(Self.open(flows, in: world) == count && world.connectionCount == count)
        #expect(Self.open(Self.flows(1, from: count + 1), in: world) == 0)
        #expect(world.drops(.connectionTableFull) == 1)
        let busy = Array(flows.prefix(16))
        for _ in 0..<4 {
            world.leap(.seconds(60))
            world.settle()
            #expect(Self.open(busy, in: world) == 16)
        }
        world.leap(.seconds(65))
        var turns = 0
        while world.connectionCount > busy.count, turns < 2 * count / 128 {
            let before = world.connectionCount
            world.links[0].deliver(busy)
            world.turn(worker: 0)
            let ended = before - world.connectionCount
            try #require((0...128).contains(ended) && world.links[1].takeDeparted().count == 16)
            turns += 1
        }
        #expect(world.connectionCount == busy.count && turns >= (count - busy.count) / 128)
        #expect(Self.open(Self.flows(1, from: count + 1), in: world) == 1)
        world.settle()
        world.expectConservation()
    }

    // MARK: - Rings

    @Test func `what the slow path has no room for is dropped by name, and balancing goes on`()
        throws
    {
        let world = try quickstartWorld(.web(.udp))
        world.send(Self.established, on: 0)
        _ = world.take(1)
        let room = 2048
        let question = Frame.echo(from: "10.0.0.10", to: "10.0.0.100")
        for _ in 0..<room + 100 { world.links[0].deliver(question) }
        world.links[0].deliver(Self.established)
        for _ in 0..<room / 32 + 4 { world.turn(worker: 0) }
        #expect(world.drops(.slowPathRingFull) == 100 && world.total(.delivered) < room)
        #expect(world.links[1].takeDeparted().count == 1)
        world.settle()
        let answers = world.take(0).count
        #expect(answers > 0 && answers + world.drops(.icmpRateLimited) == room)
        world.expectConservation()
    }

    @Test func `what the owner of a connection has no room for is dropped by name`() throws {
        let world = try quickstartWorld(.web(.udp, weights: [1]), workers: 2)
        world.send(Self.established, on: 0)
        let local = try #require(world.take(1).first?.source)
        let reply = Frame.udp(from: "10.0.1.2:8080", to: local.description) {
            $0.destinationMAC = World.portMACs[1]
        }
        let room = 2048
        for _ in 0..<room + 100 { world.links[1].deliver(reply, queue: 1) }
        for _ in 0..<room / 32 + 4 { world.turn(worker: 1) }
        #expect(world.drops(.redirectRingFull) == 100)
        world.settle()
        #expect(world.take(0).count == room && world.total(.redirectedIn) == room)
        world.expectConservation()
    }

    // MARK: - Floods

    @Test(arguments: ["ARP", "echo"])
    func `a flood for the slow path does not stop balancing`(kind: String) throws {
        let world = try quickstartWorld(.web(.udp))
        let flood =
            kind == "ARP"
            ? Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.100")
            : Frame.echo(from: "10.0.0.10", to: "10.0.0.100")
        // The slow path has a turn for every twenty of the worker; one frame in sixteen is balanced,
        // half of those open a connection.
        let rounds = 400
        var sent = 0
        for round in 0..<rounds {
            for frame in Self.flows(1, from: 1 + round) + [Self.established] {
                for _ in 0..<15 { world.links[0].deliver(flood) }
                world.links[0].deliver(frame)
            }
            world.turn(worker: 0)
            if round % 20 == 0 { _ = world.slowPath.turn(now: world.now) }
            sent += world.links[1].takeDeparted().count
        }
        #expect(sent == 2 * rounds && world.connectionCount == rounds + 1)
        #expect(world.drops(.slowPathRingFull) > 0)
        world.settle()
        _ = (world.take(0), world.takeARP(0))
        world.send(Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.100"), on: 0)
        #expect(world.takeARP(0).count == 1)
        world.expectConservation()
    }
}
