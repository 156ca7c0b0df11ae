// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing
import Timing

/// One process ends and another goes on with its connections.
@Suite struct HandoverScenarios {
    /// A TCP connection that a second world takes over from a first one.
    private func talk(
        _ families: Families,
        _ clientAddress: ClientAddressMode = .toa,
        workers: Int = 1,
        afterwards edit: (inout DesiredState) -> Void = { _ in },
        silence: Duration = .zero
    ) throws -> (talk: TCPTalk, before: World) {
        var state = DesiredState.dual(families)
        state.services[0].clientAddress = clientAddress
        let before = try dualWorld(state, workers: workers)
        var talk = try #require(
            TCPTalk(
                before,
                from: families.clientIsIPv6
                    ? "[\(families.client)]:40000" : "\(families.client):40000",
                to: families.clientIsIPv6 ? "[\(families.vip)]:80" : "\(families.vip):80"
            )
        )
        talk.ask(data: Array("GET /".utf8))
        _ = before.take(1)
        var handover = try before.leave()
        handover.age(by: silence)
        edit(&state)
        talk.world = try dualWorld(state, workers: workers, after: handover)
        talk.world.settle()
        return (talk, before)
    }

    @Test(arguments: Families.allCases)
    func `an established connection goes on both ways`(_ families: Families) throws {
        let (talk, before) = try talk(families)
        let world = talk.world
        #expect(world.connectionCount == 1)
        talk.ask(data: Array(" / HTTP/1.1".utf8), sequence: talk.clientSequence + 5)
        let request = try #require(world.take(1).first)
        #expect(request.destination?.description == talk.backend)
        #expect(request.source?.description == talk.local)
        talk.answer(data: Array("200".utf8))
        let reply = try #require(world.take(0).first)
        #expect(reply.source?.description == talk.service)
        #expect(reply.destination?.description == talk.client)
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.handoverResult?.adopted == 1)
        before.expectConservation()
        world.expectConservation()
    }

    @Test func `sequence numbers stay shifted by a PROXY header`() throws {
        var state = DesiredState.dual(.ipv4)
        state.services[0].clientAddress = .proxyV1
        let before = try dualWorld(state)
        var talk = try #require(TCPTalk(before))
        talk.ask(data: Array("GET /".utf8))
        let first = try #require(before.takePackets(1).last)
        let headerLength = first.payload.count - 20 - 5
        #expect(headerLength > 20)
        talk.world = try dualWorld(state, after: try before.leave())
        talk.world.settle()
        _ = talk.world.takePackets(1)
        talk.ask(data: Array("more".utf8), sequence: talk.clientSequence + 5)
        let later = try #require(talk.world.takePackets(1).last)
        let sequence = later.payload[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        #expect(sequence == talk.clientSequence + 5 + UInt32(headerLength))
    }

    @Test(arguments: [1, 2])
    func `the local port stays taken`(workers: Int) throws {
        let state = DesiredState.dual(.ipv4, .fnat, .udp)
        let before = try dualWorld(state, workers: workers)
        for port in 5000..<5020 { _ = before.ask(10, port: port, on: port % workers) }
        let after = try dualWorld(state, workers: workers, after: try before.leave())
        after.settle()
        #expect(after.connectionCount == 20)
        let used = after.provisioner.totals().localAddresses.reduce(0) { $0 + $1.used }
        #expect(used == 20)
        // Replies find their connections wherever they come in.
        var locals: Set<String> = []
        for port in 5000..<5020 {
            after.send(
                Frame.udp(from: "10.0.0.10:\(port)", to: "10.0.0.100:80"),
                on: 0,
                queue: port % workers
            )
            let request = try #require(after.take(1).first?.source)
            #expect(locals.insert(request.description).inserted)
            let reply = Frame.udp(from: "10.0.1.2:8080", to: request.description) {
                $0.destinationMAC = World.portMACs[1]
            }
            after.send(reply, on: 1, queue: 0)
            #expect(after.take(0).first?.destination == Endpoint("10.0.0.10:\(port)"))
        }
        for port in 6000..<6020 {
            after.send(
                Frame.udp(from: "10.0.0.10:\(port)", to: "10.0.0.100:80"),
                on: 0,
                queue: port % workers
            )
            let request = try #require(after.take(1).first?.source)
            #expect(locals.insert(request.description).inserted, "a port in use was given out")
        }
        after.advance(.seconds(310))
        #expect(after.connectionCount == 0)
        let left = after.provisioner.totals().localAddresses.reduce(0) { $0 + $1.used }
        #expect(left == 0)
        after.expectConservation()
    }

    @Test func `counters go on where they were`() throws {
        let state = DesiredState.dual(.ipv4, .fnat, .udp)
        let before = try dualWorld(state)
        for _ in 0..<7 { _ = before.ask(10) }
        let after = try dualWorld(state, after: try before.leave())
        after.settle()
        for _ in 0..<3 { _ = after.ask(10) }
        let endpoint = "10.0.1.2:8080"
        let service = state.services[0]
        #expect(try after.backend(.incomingPackets, endpoint, of: service) == 10)
        #expect(try after.backend(.connections, endpoint, of: service) == 1)
        #expect(try after.backend(.claimed, endpoint, of: service) == 1)
        after.advance(.seconds(310))
        #expect(try after.backend(.claimed, endpoint, of: service) == 0)
        #expect(try after.backend(.inactive, endpoint, of: service) == 0)
        #expect(try after.backend(.active, endpoint, of: service) == 0)
    }

    @Test func `a connection whose backend is gone is refused`() throws {
        let (talk, _) = try talk(.ipv4) { $0.services[0].backends[0].endpoint.port = 9090 }
        _ = talk.world.provisioner.reclaim()
        let result = try #require(talk.world.provisioner.handoverResult)
        #expect(result.refused == 1)
        #expect(talk.world.connectionCount == 0)
    }

    @Test func `a connection whose service has another mode is refused`() throws {
        let (talk, _) = try talk(.ipv4) { $0.services[0].mode = .nat }
        _ = talk.world.provisioner.reclaim()
        #expect(talk.world.provisioner.handoverResult?.refused == 1)
    }

    @Test func `a connection whose time ran out between the processes is left`() throws {
        let (talk, _) = try talk(.ipv4, silence: .seconds(100))
        _ = talk.world.provisioner.reclaim()
        #expect(talk.world.provisioner.handoverResult?.expired == 1)
        #expect(talk.world.connectionCount == 0)
        #expect(talk.world.provisioner.totals().localAddresses[0].used == 0)
    }

    @Test func `more workers than before take nothing over, one takes all`() throws {
        let state = DesiredState.dual(.ipv4, .fnat, .udp)
        let two = try dualWorld(state, workers: 2)
        for port in 5000..<5010 { _ = two.ask(10, port: port, on: port % 2) }
        let handover = try two.leave()
        let one = try dualWorld(state, workers: 1, after: handover)
        one.settle()
        #expect(one.connectionCount == 10)
        let three = try dualWorld(state, workers: 3, after: handover)
        three.settle()
        _ = three.provisioner.reclaim()
        #expect(three.connectionCount == 0)
        #expect(three.provisioner.handoverResult?.refused == 10)
    }

    @Test func `connections of mode nat go to the workers that their clients tell`() throws {
        let state = DesiredState.dual(.ipv4, .nat, .udp)
        let before = try dualWorld(state, workers: 2)
        for port in 5000..<5020 { _ = before.ask(10, port: port, on: port % 2) }
        var handover = try before.leave()
        // A version before this one had all of them at worker 0.
        for index in handover.connections.indices { handover.connections[index].worker = 0 }
        for workers in [1, 2, 3] {
            let after = try dualWorld(state, workers: workers, after: handover)
            after.settle()
            #expect(after.connectionCount == 20)
            for port in 5000..<5020 {
                let reply = Frame.udp(from: "10.0.1.2:8080", to: "10.0.0.10:\(port)") {
                    $0.destinationMAC = World.portMACs[1]
                }
                after.send(reply, on: 1, queue: port % workers)
                #expect(after.take(0).first?.destination == Endpoint("10.0.0.10:\(port)"))
            }
            after.expectConservation()
        }
    }

    @Test func `clients of a persistent service keep their backends`() throws {
        var state = DesiredState.dual(.ipv4, .fnat, .udp)
        state.services[0].backends += (3...6)
            .map { Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, UInt8($0))), 8080)) }
        state.services[0].persistence = Persistence(timeout: .seconds(60))
        let before = try dualWorld(state)
        let chosen = (10...15).map { before.ask($0) }
        let after = try dualWorld(state, after: try before.leave())
        after.settle()
        #expect((10...15).map { after.ask($0, port: 7000) } == chosen)
    }

    @Test func `clients without connections keep their backends, and no longer than before`() throws
    {
        var state = DesiredState.dual(.ipv4, .fnat, .udp)
        state.services[0].backends += (3...6)
            .map { Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, UInt8($0))), 8080)) }
        state.services[0].persistence = Persistence(timeout: .seconds(600))
        let before = try dualWorld(state)
        // Twice five clients get every backend twice, one after the other.
        let chosen = (10...19).map { before.ask($0) }
        before.advance(.seconds(310))
        #expect(before.connectionCount == 0)
        var handover = try before.leave()
        #expect(handover.head.clients == 10)
        handover.age(by: .seconds(30))
        let after = try dualWorld(state, after: handover)
        after.settle()
        #expect((10...19).reversed().map { after.ask($0, port: 7000) } == chosen.reversed())
        handover.age(by: .seconds(600))
        #expect(handover.clients.isEmpty)
    }

    @Test func `clients of a service that is persistent no more are forgotten`() throws {
        var state = DesiredState.dual(.ipv4, .fnat, .udp)
        state.services[0].persistence = Persistence(timeout: .seconds(600))
        let before = try dualWorld(state)
        _ = before.ask(10)
        before.advance(.seconds(310))
        let handover = try before.leave()
        #expect(handover.clients.count == 1)
        state.services[0].persistence = nil
        let after = try dualWorld(state, after: handover)
        after.settle()
        #expect(after.engine.persistence.clients(now: after.now.tick) == [:])
    }

    @Test func `any octets are a connection or nothing`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...200, using: &random)
            var octets = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            if octets.count > 39 { octets[39] &= ~1 }
            guard let read = SavedConnection(reading: octets) else { continue }
            #expect(SavedConnection(reading: read.encoded)?.encoded == read.encoded)
        }
    }
}
