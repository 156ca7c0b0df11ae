// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct ReloadScenarios {
    private let datagram = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")

    private func another(_ port: Int) -> [UInt8] {
        Frame.udp(from: "10.0.0.10:\(port)", to: "10.0.0.100:80")
    }

    @Test func `a drained backend keeps its connections and gets no new ones`() throws {
        let world = try quickstartWorld(.web(.udp))
        world.send(datagram, on: 0)
        #expect(world.take(1).first?.destination == Endpoint("10.0.1.2:8080"))
        try world.change { $0.services[0].backends[0].weight = 0 }
        world.send(datagram, another(6000), another(6001), on: 0)
        #expect(
            world.take(1).map(\.destination?.address.description)
                == ["10.0.1.2", "10.0.1.3", "10.0.1.3"]
        )
        world.expectConservation()
    }

    @Test func `connections of a removed backend finish and keep counting for the service`() throws
    {
        let world = try quickstartWorld(.web(.udp))
        world.send(datagram, on: 0)
        _ = world.take(1)
        try world.change { $0.services[0].backends.removeFirst() }
        for _ in 0..<5 {
            world.send(datagram, on: 0)
            _ = world.provisioner.reclaim()
        }
        #expect(
            world.take(1).map(\.destination)
                == Array(repeating: Endpoint("10.0.1.2:8080"), count: 5)
        )
        let total = world.provisioner.totals().services[0].sum
        #expect(total[BackendCounter.incomingPackets.rawValue] == 6)
        world.advance(.seconds(310))
        _ = world.provisioner.reclaim()
        let after = world.provisioner.totals().services[0].sum
        #expect(after[BackendCounter.incomingPackets.rawValue] == 6, "totals never fall")
        #expect(after[BackendCounter.connections.rawValue] == 1)
        world.expectConservation()
    }

    @Test func `a removed local address serves its connections to the end and then goes`() throws {
        let world = try quickstartWorld(.web(.udp))
        world.send(datagram, on: 0)
        let request = try #require(world.take(1).first)
        let local = try #require(request.source)
        try world.change { $0.services[0].localAddresses = [.v4(IPv4Address(10, 0, 1, 201))] }
        let reply = Frame.udp(from: "10.0.1.2:8080", to: local.description) {
            $0.destinationMAC = World.portMACs[1]
        }
        world.send(reply, on: 1)
        #expect(world.take(0).count == 1)
        world.send(another(6000), on: 0)
        #expect(world.take(1).first?.source?.address == IPAddress("10.0.1.201"))
        #expect(!world.provisioner.reclaim(), "its port is still in use")
        world.advance(.seconds(310))
        #expect(world.provisioner.reclaim())
        try world.apply(world.provisioner.state)
        world.settle()
        let ask = Frame.arp(from: "10.0.1.2", at: .backend(2), to: "10.0.1.200")
        _ = world.takeARP(1)
        world.send(ask, on: 1)
        #expect(world.takeARP(1).isEmpty, "the address is not ours any more")
        world.expectConservation()
    }

    @Test func `services, addresses and routes come and go live`() throws {
        let world = try quickstartWorld(.web(.udp))
        var dns = world.provisioner.state.services[0]
        dns.key = .init(address: dns.key.address, port: 53, protocol: .udp)
        dns.name = "dns"
        try world.change { $0.services.append(dns) }
        let query = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:53")
        world.send(query, on: 0)
        #expect(world.take(1).count == 1)
        try world.change { $0.services.removeLast() }
        world.send(Frame.udp(from: "10.0.0.10:5001", to: "10.0.0.100:53"), on: 0)
        #expect(world.take(1).isEmpty && world.drops(.noService) == 1)
        world.expectConservation()
    }

    @Test func `connections follow a changed route`() throws {
        var state = DesiredState.web(.udp, weights: [1])
        state.services[0].backends[0].endpoint = Endpoint(.v4(IPv4Address(172, 16, 0, 9)), 80)
        let network = IPPrefix.literal("172.16.0.0/16")
        state.routes = [Route(destination: network, gateway: .v4(IPv4Address(10, 0, 1, 5)))]
        let world = try quickstartWorld(state)
        world.send(datagram, on: 0)
        #expect(world.take(1).first?.destinationMAC == .backend(5))
        try world.change {
            $0.routes = [Route(destination: network, gateway: .v4(IPv4Address(10, 0, 1, 6)))]
        }
        world.settle()
        world.send(datagram, on: 0)
        #expect(world.take(1).first?.destinationMAC == .backend(6))
        world.expectConservation()
    }

    @Test func `a changed timeout counts for connections that are there`() throws {
        let world = try quickstartWorld(.web(.udp))
        world.send(datagram, on: 0)
        try world.change { $0.services[0].connectionTimeout = .seconds(5) }
        world.send(datagram, on: 0)
        world.advance(.seconds(400))
        #expect(world.connectionCount == 0)
        world.expectConservation()
    }

    @Test func `while stopping established flows go on and new ones are refused`() throws {
        let world = try quickstartWorld(.web(.udp))
        world.send(datagram, on: 0)
        world.provisioner.beginStopping()
        try world.apply(world.provisioner.state)
        world.send(datagram, another(6000), on: 0)
        #expect(world.take(1).count == 2 && world.drops(.stopping) == 1)
        world.expectConservation()
    }

    @Test func `a state that cannot be compiled changes nothing`() throws {
        let world = try quickstartWorld(.web(.udp))
        world.send(datagram, on: 0)
        #expect(throws: ProvisioningError.self) {
            try world.change {
                $0.addresses[0].interface = "dpdk7"
                $0.services[0].backends = []
            }
        }
        world.send(datagram, another(6000), on: 0)
        #expect(world.take(1).count == 3)
        world.expectConservation()
    }

    @Test func `a reload under traffic at a thousand services loses and mixes nothing`() throws {
        var state = DesiredState.web(.udp)
        let template = state.services[0]
        state.services = (0..<1_000)
            .map { number in
                var service = template
                service.key = .init(
                    address: service.key.address,
                    port: UInt16(1000 + number),
                    protocol: .udp
                )
                service.name = "service\(number)"
                return service
            }
        let world = try quickstartWorld(state, workers: 2, connections: 1 << 15)
        var random = SeededGenerator(seed: 7)
        var sent = 0
        for round in 0..<40 {
            // Generation by generation every service moves between two ports of its backends, so a
            // packet shows which generation chose its backend.
            let port = UInt16(8080 + round % 2)
            try world.change { state in
                for index in state.services.indices {
                    for backend in state.services[index].backends.indices {
                        state.services[index].backends[backend].endpoint.port = port
                    }
                }
            }
            for _ in 0..<50 {
                let service = Int.random(in: 0..<1_000, using: &random)
                world.links[0]
                    .deliver(
                        Frame.udp(
                            from: "10.0.0.\(10 + sent % 30):\(10_000 + sent)",
                            to: "10.0.0.100:\(1000 + service)"
                        ),
                        queue: sent % 2
                    )
                sent += 1
            }
            world.settle()
            let arrived = world.take(1)
            #expect(arrived.count == 50, "round \(round)")
            #expect(arrived.allSatisfy { $0.destination?.port == port }, "round \(round)")
            _ = world.provisioner.reclaim()
        }
        #expect(world.total(.transmitted) >= sent)
        world.expectConservation()
    }

    @Test func `one changed service among many leaves the others' compiled forms alone`() throws {
        let world = try quickstartWorld()
        var state = world.provisioner.state
        var other = state.services[0]
        other.key = .init(address: other.key.address, port: 81, protocol: .tcp)
        other.name = "other"
        state.services.append(other)
        try world.apply(state)
        let before = world.provisioner.compiledIdentities
        try world.change { $0.services[1].scheduler = .wrr }
        let after = world.provisioner.compiledIdentities
        #expect(before[state.services[0].key] == after[state.services[0].key])
        #expect(before[other.key] != after[other.key])
    }
}
