// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Containers
import Dataplane
import Model
import Networking
import PacketTesting
import Provisioning
import Testing

/// What was replaced stays as long as somebody may still use it.
@Suite struct ReclamationScenarios {
    @Test func `a slot is not given back while a connection is between two counters`() throws {
        let world = try quickstartWorld(.web(.udp))
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        let service = world.provisioner.state.services[0]
        let key = Provisioner.BackendKey(
            service: service.key,
            endpoint: service.backends[0].endpoint
        )
        let slot = try #require(world.provisioner.slot(of: key))
        try world.change { $0.services[0].backends.removeFirst() }
        world.settle()
        // A worker that moves a connection takes it from one and then adds it to the other.
        let counters = world.engine.backendCounters[0]
        let inactive = BackendCounter.inactive.index(slot: slot)
        #expect(counters[inactive] == 1)
        counters.add(.max, at: inactive)
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.slot(of: key) == slot)
        counters.add(1, at: inactive)
        world.advance(.seconds(310))
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.slot(of: key) == nil)
    }

    @Test func `a snapshot stays until the slow path has finished a turn with a later one`() throws
    {
        let world = try quickstartWorld(.web(.udp))
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.leavingCount == 0)
        try world.change { $0.services[0].backends[0].weight = 5 }
        for _ in 0..<3 { world.turn(worker: 0) }
        #expect(world.provisioner.isSettled)
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.leavingCount == 1, "the slow path may be reading it")
        _ = world.slowPath.turn(now: world.now)
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.leavingCount == 0)
    }

    @Test func `the place of a neighbour that is gone is used again after turns, not after time`()
        throws
    {
        let world = try quickstartWorld(.web(.udp))
        func neighbour(_ last: UInt8) throws -> AdjacencyHandle {
            try #require(
                world.slowPath.adjacency(
                    for: .v4(IPv4Address(10, 0, 1, last)),
                    on: 1,
                    isPinned: false
                )
            )
        }
        // Nobody answers for it, so it is forgotten.
        let gone = try neighbour(77)
        for _ in 0..<8 {
            world.leap(.seconds(2))
            _ = world.slowPath.turn(now: world.now)
        }
        #expect(!world.engine.adjacencies.answer(for: gone).isCurrent)
        // The worker has not turned for all this time, and may have read the handle just before.
        #expect(try neighbour(78).positionNumber != gone.positionNumber)
        for _ in 0..<2 {
            world.turn(worker: 0)
            world.leap(.seconds(1))
            _ = world.slowPath.turn(now: world.now)
        }
        #expect(try neighbour(79).positionNumber == gone.positionNumber)
    }

    @Test func `a worker that owes an answer is not asked anew, and answers what it was asked`()
        throws
    {
        let world = try quickstartWorld(.web(.udp))
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80"), on: 0)
        func flow(_ port: UInt16) throws -> Flow {
            try world.provisioner.flow(
                of: ExplanationRequest(
                    source: Endpoint(.v4(IPv4Address(10, 0, 0, 10)), port),
                    destination: Endpoint(.v4(IPv4Address(10, 0, 0, 100)), 80),
                    protocol: .udp
                )
            )
        }
        let cell = world.engine.interchange.inspections[0]
        #expect(try cell.ask(flow(5000)))
        #expect(try !cell.ask(flow(5001)), "the cell belongs to the worker")
        world.turn(worker: 0)
        #expect(cell.isAnswered && cell.answer.image != nil)
        #expect(try cell.ask(flow(5001)))
        world.turn(worker: 0)
        #expect(cell.isAnswered && cell.answer.image == nil)
    }
}
