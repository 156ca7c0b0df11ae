// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Links that spread frames over the queues of several workers as network cards do.
@Suite struct SteeringScenarios {
    private func scaling(_ workers: Int) -> ReceiveSideScaling {
        ReceiveSideScaling(table: (0..<128).map { $0 % workers })
    }

    /// Sends requests of `flows` clients and replies to each; all frames go where the hash says.
    private func exchange(_ world: World, flows: Int) throws {
        for flow in 0..<flows {
            let client = "10.0.0.\(10 + flow % 30):\(20_000 + flow)"
            world.links[0].deliverBySpreading(Frame.udp(from: client, to: "10.0.0.100:80"))
            world.settle()
            let request = try #require(world.take(1).first)
            let reply = Frame.udp(
                from: try #require(request.destination).description,
                to: try #require(request.source).description
            ) { $0.destinationMAC = World.portMACs[1] }
            world.links[1].deliverBySpreading(reply)
            world.settle()
            #expect(world.take(0).first?.destination == Endpoint(client))
        }
    }

    @Test(arguments: [2, 3, 4, 8])
    func `replies arrive at the worker that owns their connection, every one`(workers: Int) throws {
        let world = try quickstartWorld(
            .web(.udp, localAddresses: [IPv4Address(10, 0, 1, 200), IPv4Address(10, 0, 1, 201)]),
            workers: workers,
            scaling: scaling(workers)
        )
        try exchange(world, flows: 200)
        #expect(world.total(.directReplies) == 200)
        #expect(world.total(.redirectedOut) == 0)
        let busy = world.engine.interchange.counters.filter { $0[.connectionsOpened] > 0 }
        #expect(busy.count == workers, "the clients' flows are spread as well")
        world.expectConservation()
    }

    @Test func `a device that hashes otherwise than it says loses nothing: replies are redirected`()
        throws
    {
        let world = try quickstartWorld(.web(.udp), workers: 4, scaling: scaling(4))
        world.links[1].scaling?.table.reverse()
        try exchange(world, flows: 100)
        #expect(world.total(.redirectedOut) > 0)
        #expect(world.total(.directReplies) + world.total(.redirectedIn) == 100)
        world.expectConservation()
    }

    @Test(arguments: [2, 3, 4])
    func `rules on the low bits of ports bring replies home as well`(workers: Int) throws {
        let steering = FamilySteering(sharesAmong: workers, classes: 2)
        let mask = UInt16(steering.ipv4.classCount - 1)
        let world = try World(.web(.udp), workers: workers, steering: steering)
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        for last in 2...3 { world.hosts[1][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last) }
        world.settle()
        for flow in 0..<60 {
            let client = "10.0.0.10:\(20_000 + flow)"
            let request = Frame.udp(from: client, to: "10.0.0.100:80")
            world.send(request, on: 0, queue: flow % workers)
            let sent = try #require(world.take(1).first)
            let local = try #require(sent.source)
            let reply = Frame.udp(
                from: try #require(sent.destination).description,
                to: local.description
            ) { $0.destinationMAC = World.portMACs[1] }
            world.send(reply, on: 1, queue: Int(local.port & mask) % workers)
            #expect(world.take(0).first?.destination == Endpoint(client))
        }
        #expect(world.total(.directReplies) == 60 && world.total(.redirectedOut) == 0)
        world.expectConservation()
    }

    @Test func `a reload in the middle keeps every flow at its worker`() throws {
        let world = try quickstartWorld(.web(.udp), workers: 3, scaling: scaling(3))
        try exchange(world, flows: 50)
        try world.change {
            $0.services[0].backends
                .append(
                    Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, 4)), 9090))
                )
            $0.services[0].localAddresses.append(.v4(IPv4Address(10, 0, 1, 202)))
        }
        world.settle()
        try exchange(world, flows: 100)
        #expect(world.total(.redirectedOut) == 0 && world.total(.directReplies) == 150)
        world.expectConservation()
    }

    // MARK: - Devices that scatter flows

    private func scattering(_ state: DesiredState, workers: Int) throws -> World {
        try quickstartWorld(state, workers: workers, offloads: [.scattersFlows])
    }

    @Test(arguments: [2, 3, 8], [ForwardingMode.fnat, .nat, .dr])
    func `a client's datagrams that come to every queue in turn are one connection`(
        workers: Int,
        mode: ForwardingMode
    ) throws {
        var state = DesiredState.web(.udp)
        state.services[0].mode = mode
        if mode != .fnat { state.services[0].localAddresses = [] }
        let world = try scattering(state, workers: workers)
        for flow in 0..<24 {
            var ways: Set<String> = []
            for datagram in 0..<workers {
                let client = "10.0.0.\(10 + flow):\(20_000 + flow)"
                let request = Frame.udp(from: client, to: "10.0.0.100:80")
                world.send(request, on: 0, queue: (flow + datagram) % workers)
                let sent = try #require(world.take(1).first)
                let source = try #require(sent.source)
                ways.insert("\(source) \(String(describing: sent.destinationMAC))")
            }
            #expect(ways.count == 1, "one backend, by one local port")
        }
        #expect(world.total(.connectionsOpened) == 24)
        let busy = world.engine.interchange.counters.filter { $0[.connectionsOpened] > 0 }
        #expect(busy.count == workers, "the clients' flows are spread as well")
        world.expectConservation()
    }

    @Test func `a TCP connection whose packets come to other queues than its SYN is not reset`()
        throws
    {
        let world = try scattering(.web(), workers: 3)
        for flow in 0..<12 {
            let client = "10.0.0.10:\(20_000 + flow)"
            world.send(
                Frame.tcp(from: client, to: "10.0.0.100:80", Frame.syn),
                on: 0,
                queue: flow % 3
            )
            let local = try #require(world.take(1).first?.source)
            for packet in 1...4 {
                world.send(
                    Frame.tcp(from: client, to: "10.0.0.100:80", Frame.ack),
                    on: 0,
                    queue: (flow + packet) % 3
                )
                #expect(world.take(1).first?.source == local)
            }
        }
        #expect(world.take(0).isEmpty, "no client is told anything")
        #expect(world.total(.connectionsOpened) == 12)
        world.expectConservation()
    }

    @Test func `where the device keeps a flow on one queue its packets are not handed over`()
        throws
    {
        let world = try quickstartWorld(.web(.udp), workers: 3)
        for flow in 0..<30 {
            let request = Frame.udp(from: "10.0.0.10:\(20_000 + flow)", to: "10.0.0.100:80")
            world.send(request, on: 0, queue: flow % 3)
        }
        #expect(world.total(.redirectedOut) == 0 && world.total(.connectionsOpened) == 30)
        world.expectConservation()
    }
}
