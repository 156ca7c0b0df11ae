// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct DrainScenarios {
    private func world(
        _ protection: Protection,
        _ transport: TransportProtocol = .tcp
    ) throws -> World {
        var state = DesiredState.web(transport)
        state.services[0].protection = protection
        return try quickstartWorld(state)
    }

    /// How a backend stops to serve.
    enum Leaving: CaseIterable {
        case weight, removal, serviceRemoval

        func apply(to state: inout DesiredState) {
            switch self {
            case .weight: state.services[0].backends[0].weight = 0
            case .removal: state.services[0].backends.removeFirst()
            case .serviceRemoval: state.services.removeFirst()
            }
        }
    }

    @Test(arguments: Leaving.allCases)
    func `with expireQuiescent connections end with resets as soon as their backend leaves`(
        leaving: Leaving
    ) throws {
        let world = try world(Protection(expiresQuiescent: true))
        let first = try #require(TCPTalk(world, from: "10.0.0.10:40000"))
        let second = try #require(TCPTalk(world, from: "10.0.0.11:40000"))
        #expect(first.backend == "10.0.1.2:8080" && second.backend == "10.0.1.3:8080")
        try world.change { leaving.apply(to: &$0) }
        world.settle()
        let others = leaving == .serviceRemoval ? 2 : 1
        let (toClients, toBackends) = (world.take(0), world.take(1))
        #expect(toClients.count == others && toBackends.count == others)
        #expect((toClients + toBackends).allSatisfy { $0.tcpFlags == Frame.rst })
        let mine = try #require(toClients.first { $0.destination == Endpoint(first.client) })
        #expect(mine.sequence == first.backendSequence)
        let its = try #require(toBackends.first { $0.destination == Endpoint(first.backend) })
        #expect(its.sequence == first.clientSequence && its.source == Endpoint(first.local))
        #expect(world.connectionCount == 2 - others)
        if leaving != .serviceRemoval {
            second.ask(data: [1])
            #expect(world.take(1).last?.data == [1])
        }
        world.expectConservation()
    }

    @Test(
        arguments: [Leaving.weight, .removal],
        [Protection(drainTimeout: .seconds(1)), Protection(expiresQuiescent: true)]
    )
    func `a word about it holds for a backend that had left before`(
        leaving: Leaving,
        protection: Protection
    ) throws {
        let world = try world(Protection())
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world))
        try world.change { leaving.apply(to: &$0) }
        world.advance(.seconds(5))
        try world.change { $0.services[0].protection = protection }
        world.advance(.seconds(3))
        if protection.drainTimeout != nil {
            #expect(world.provisioner.isDrained(at: world.now), "the control side has to publish")
            try world.apply(world.provisioner.state)
        }
        world.settle()
        #expect(world.connectionCount == 0)
        let told = world.take(0).filter { $0.tcpFlags == Frame.rst }
        #expect(told.map(\.destination) == [Endpoint(talk.client)])
    }

    @Test func `without a word about it connections of a backend at weight 0 go on`() throws {
        let world = try world(Protection())
        let talk = try #require(TCPTalk(world))
        try world.change { $0.services[0].backends[0].weight = 0 }
        world.advance(.seconds(60))
        talk.ask(data: [1, 2])
        #expect(world.take(1).last?.data == [1, 2] && world.take(0).isEmpty)
        world.expectConservation()
    }

    @Test func `UDP of a leaving backend ends silently, and its client gets another one`() throws {
        let world = try world(Protection(expiresQuiescent: true), .udp)
        #expect(world.ask(10) == 2)
        try world.change { $0.services[0].backends[0].weight = 0 }
        world.settle()
        #expect(world.connectionCount == 0 && world.take(0).isEmpty && world.take(1).isEmpty)
        #expect(world.ask(10) == 3)
        world.expectConservation()
    }

    @Test(arguments: [Leaving.weight, .removal])
    func `connections of a draining backend finish until its time is up`(leaving: Leaving) throws {
        let world = try world(Protection(drainTimeout: .seconds(40)))
        let talk = try #require(TCPTalk(world))
        try world.change { leaving.apply(to: &$0) }
        world.advance(.seconds(30))
        #expect(!world.provisioner.isDrained(at: world.now))
        talk.ask(data: [1, 2])
        #expect(world.take(1).last?.data == [1, 2])
        world.advance(.seconds(11))
        #expect(world.provisioner.isDrained(at: world.now), "the control side has to publish")
        try world.apply(world.provisioner.state)
        #expect(!world.provisioner.isDrained(at: world.now))
        world.settle()
        #expect(world.take(0).map(\.tcpFlags) == [Frame.rst])
        #expect(world.take(1).map(\.tcpFlags) == [Frame.rst])
        #expect(world.connectionCount == 0)
        world.expectConservation()
    }

    @Test func `other reloads do not begin the time anew, and a weight stops it`() throws {
        let world = try world(Protection(drainTimeout: .seconds(40)))
        let talk = try #require(TCPTalk(world))
        try world.change { $0.services[0].backends[0].weight = 0 }
        world.advance(.seconds(30))
        try world.change { $0.services[0].backends[1].weight = 7 }
        world.advance(.seconds(11))
        #expect(world.provisioner.isDrained(at: world.now))
        try world.change { $0.services[0].backends[0].weight = 1 }
        #expect(!world.provisioner.isDrained(at: world.now))
        world.settle()
        talk.ask(data: [3])
        #expect(world.take(1).last?.data == [3])
        world.expectConservation()
    }

    @Test(arguments: [true, false], Leaving.allCases)
    func `both ends are told that a drain ends their half-closed connection`(
        isClients: Bool,
        leaving: Leaving
    ) throws {
        let world = try world(Protection(expiresQuiescent: true))
        defer { world.expectConservation() }
        var talk = try #require(TCPTalk(world))
        if isClients {
            talk.ask(Frame.finAck)
            talk.clientSequence += 1
            talk.answer(Frame.ack)
        } else {
            talk.answer(Frame.finAck)
            talk.backendSequence += 1
            talk.ask(Frame.ack)
            talk.answer(Frame.ack)
        }
        _ = (world.take(0), world.take(1))
        try world.change { leaving.apply(to: &$0) }
        world.settle()
        #expect(world.connectionCount == 0)
        let (toClient, toBackend) = (world.take(0), world.take(1))
        #expect(toClient.map(\.tcpFlags) == [Frame.rst])
        #expect(toBackend.map(\.tcpFlags) == [Frame.rst])
        #expect(toClient.first?.sequence == talk.backendSequence)
        #expect(toBackend.first?.sequence == talk.clientSequence)
    }

    @Test func `a removed backend is listed with what it still has`() throws {
        let world = try world(Protection())
        _ = try #require(TCPTalk(world))
        try world.change { $0.services[0].backends.removeFirst() }
        let totals = try #require(world.provisioner.totals().services.first)
        #expect(totals.leaving.map(\.endpoint.description) == ["10.0.1.2:8080"])
        #expect(totals.leaving.first?.counters[BackendCounter.active.rawValue] == 1)
        world.advance(.seconds(100))
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.totals().services.first?.leaving.isEmpty == true)
        world.expectConservation()
    }

    @Test func `a thousand connections end within moments, and none of another backend`() throws {
        let world = try world(Protection(expiresQuiescent: true), .udp)
        for port in 0..<1000 { _ = world.ask(10 + port % 20, port: 5000 + port) }
        #expect(world.connectionCount == 1000)
        try world.change { $0.services[0].backends[0].weight = 0 }
        world.advance(.milliseconds(200))
        #expect(world.connectionCount == 500)
        let service = world.provisioner.state.services[0]
        #expect(try world.backend(.claimed, "10.0.1.2:8080", of: service) == 0)
        #expect(try world.backend(.claimed, "10.0.1.3:8080", of: service) == 500)
        world.expectConservation()
    }

    @Test(arguments: [ForwardingMode.fnat, .nat, .dr])
    func `flows of UDP end with their service, however busily their client sends`(
        mode: ForwardingMode
    ) throws {
        var state = DesiredState.web(.udp)
        state.services[0].mode = mode
        if mode != .fnat { state.services[0].localAddresses = [] }
        if mode == .dr {
            for index in 0..<2 { state.services[0].backends[index].endpoint.port = 80 }
        }
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        #expect(world.ask(10) != nil)
        try world.change { $0.services.removeFirst() }
        world.settle()
        #expect(world.ask(10) == nil && world.connectionCount == 0)
        var other = state
        other.services[0].backends.removeFirst()
        try world.apply(other)
        #expect(world.ask(10) != nil && world.connectionCount == 1)
        let endpoint = other.services[0].backends[0].endpoint.description
        #expect(try world.backend(.claimed, endpoint, of: other.services[0]) == 1)
    }

    @Test func `flows of a removed service go on for its drainTimeout, and are told of`() throws {
        let world = try world(Protection(drainTimeout: .seconds(5)), .udp)
        defer { world.expectConservation() }
        let backend = try #require(world.ask(10))
        try world.change { $0.services.removeFirst() }
        for _ in 0..<4 {
            #expect(world.ask(10) == backend)
            world.advance(.seconds(1))
        }
        let totals = try #require(world.provisioner.totals().services.first)
        #expect(totals.isRemoved && totals.service.name == "web" && totals.backends.isEmpty)
        #expect(totals.leaving.map(\.endpoint.description) == ["10.0.1.\(backend):8080"])
        #expect(totals.sum[BackendCounter.claimed.rawValue] == 1)
        world.advance(.seconds(2))
        try world.change { _ in }
        world.settle()
        #expect(world.connectionCount == 0 && world.ask(10) == nil)
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.totals().services.isEmpty)
    }

    @Test func `a removed service is told of while its connections last, and not when it is back`()
        throws
    {
        let state = DesiredState.web()
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world))
        try world.change { $0.services.removeFirst() }
        #expect(world.provisioner.totals().services.map(\.isRemoved) == [true])
        talk.ask(data: [1])
        #expect(world.take(1).last?.data == [1])
        try world.apply(state)
        #expect(world.provisioner.totals().services.map(\.isRemoved) == [false])
        try world.change { $0.services.removeFirst() }
        world.advance(.seconds(100))
        _ = world.provisioner.reclaim()
        #expect(world.provisioner.totals().services.isEmpty)
    }
}
