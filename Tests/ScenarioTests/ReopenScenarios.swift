// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// A client that opens a TCP connection again from the same port while the old one is still known.
@Suite struct ReopenScenarios {
    /// Why a backend gets no new connections.
    enum Reason: CaseIterable { case none, weight, removal, down, full }

    struct Case: CustomTestStringConvertible {
        var families: Families
        var mode: ForwardingMode
        var reason: Reason
        var testDescription: String { "\(families) \(mode) \(reason)" }

        private static let ways: [(Families, ForwardingMode)] = [
            (.ipv4, .fnat), (.ipv6, .fnat), (.nat64, .fnat), (.ipv4, .dr), (.ipv6, .dr),
            (.ipv4, .nat),
        ]

        static let all =
            ways.flatMap { families, mode in
                Reason.allCases.map { Case(families: families, mode: mode, reason: $0) }
            }
    }

    private static let tcp: UInt8 = 6

    /// Two backends, .2 and .3.
    private func world(
        _ families: Families,
        _ mode: ForwardingMode,
        _ edit: (inout DesiredState) -> Void = { _ in }
    ) throws -> World {
        var state = DesiredState.dual(families, mode)
        let first = state.services[0].backends[0]
        let text = String(families.backend.dropLast()) + "3"
        let second = try #require(IPAddress(text))
        state.services[0].backends
            .append(
                Backend(endpoint: Endpoint(second, first.endpoint.port))
            )
        edit(&state)
        return try dualWorld(state)
    }

    /// Sends a segment of a client; returns what reached a backend, and which one, by its last octet.
    private func ask(
        _ world: World,
        _ families: Families,
        _ flags: UInt8,
        port: UInt16 = 40000
    ) -> (packet: IPPacket, backend: Int)? {
        let payload = IPPacket.tcp(port, 80, flags: flags)
        world.send(IPPacket(from: families.client, to: families.vip, Self.tcp, payload), on: 0)
        guard let frame = world.takeFrames(1).last, let packet = IPPacket(frame: frame) else {
            return nil
        }
        return (packet, Int(frame[5]))
    }

    /// Sends a segment of the backend that got `packet`.
    private func answer(_ world: World, _ flags: UInt8, to packet: IPPacket) {
        let ports = packet.ports
        let reply = IPPacket(
            from: packet.destination.description,
            to: packet.source.description,
            Self.tcp,
            IPPacket.tcp(ports.destination, ports.source, flags: flags)
        )
        world.send(reply, on: 1)
        _ = world.takePackets(0)
    }

    /// Opens a connection and ends it on both sides; returns its backend.
    private func openAndClose(_ world: World, _ subject: Case, port: UInt16 = 40000) throws -> Int {
        let (families, isTwoWay) = (subject.families, subject.mode != .dr)
        let syn = try #require(ask(world, families, Frame.syn, port: port))
        if isTwoWay { answer(world, Frame.synAck, to: syn.packet) }
        for flags in [Frame.ack, Frame.finAck] {
            #expect(ask(world, families, flags, port: port)?.backend == syn.backend)
        }
        if isTwoWay { answer(world, Frame.finAck, to: syn.packet) }
        return syn.backend
    }

    private func slot(_ world: World, _ service: Service, _ index: Int) throws -> UInt32 {
        let endpoint = service.backends[index].endpoint
        let key = Provisioner.BackendKey(service: service.key, endpoint: endpoint)
        return try #require(world.provisioner.slot(of: key))
    }

    @Test(arguments: Case.all)
    func `a SYN for a connection that is over goes to a backend for new ones`(
        subject: Case
    ) throws {
        let world = try world(subject.families, subject.mode)
        defer { world.expectConservation() }
        let service = world.provisioner.state.services[0]
        let old = try openAndClose(world, subject)
        let index = old - 2
        try end(subject.reason, index, in: world)
        let opened = world.total(.connectionsOpened)
        let again = try #require(ask(world, subject.families, Frame.syn))
        let moves = subject.reason != .none
        #expect((again.backend != old) == moves && again.packet.isSound)
        #expect(world.connectionCount == 1)
        #expect(world.total(.connectionsOpened) == opened + (moves ? 1 : 0))
        for (number, expected) in [(old, moves ? 0 : 1), (5 - old, moves ? 1 : 0)] {
            let endpoint = service.backends[number - 2].endpoint.description
            #expect(try world.backend(.claimed, endpoint, of: service) == expected)
            #expect(try world.backend(.inactive, endpoint, of: service) == expected)
            #expect(try world.backend(.active, endpoint, of: service) == 0)
        }
        if subject.mode != .dr { answer(world, Frame.synAck, to: again.packet) }
        #expect(ask(world, subject.families, Frame.ack)?.backend == again.backend)
    }

    /// Takes the backend at `index` out of those for new connections.
    private func end(_ reason: Reason, _ index: Int, in world: World) throws {
        let slot = try slot(world, world.provisioner.state.services[0], index)
        switch reason {
        case .none: break
        case .weight: try world.change { $0.services[0].backends[index].weight = 0 }
        case .removal: try world.change { _ = $0.services[0].backends.remove(at: index) }
        case .down: world.engine.conditions.insert(.down, slot: slot)
        case .full: world.engine.conditions.insert(.full, slot: slot)
        }
    }

    @Test(arguments: Case.all)
    func `a SYN that nobody has answered goes elsewhere once its backend is none for new ones`(
        subject: Case
    ) throws {
        let world = try world(subject.families, subject.mode)
        defer { world.expectConservation() }
        let first = try #require(ask(world, subject.families, Frame.syn))
        #expect(ask(world, subject.families, Frame.syn)?.backend == first.backend)
        try end(subject.reason, first.backend - 2, in: world)
        let again = try #require(ask(world, subject.families, Frame.syn))
        // Of as many connections as its backend may have this is one.
        let moves = ![.none, .full].contains(subject.reason)
        #expect((again.backend != first.backend) == moves && again.packet.isSound)
        #expect(world.connectionCount == 1)
        if subject.mode != .dr { answer(world, Frame.synAck, to: again.packet) }
        #expect(ask(world, subject.families, Frame.ack)?.backend == again.backend)
    }

    @Test(arguments: Case.all)
    func `datagrams that nobody has answered leave a backend that is down, and no other`(
        subject: Case
    ) throws {
        let world = try world(subject.families, subject.mode) { state in
            state.services[0].key.protocol = .udp
        }
        defer { world.expectConservation() }
        let families = subject.families
        func datagram() -> Int? {
            let payload = IPPacket.udp(40000, 80, [1, 2, 3])
            world.send(IPPacket(from: families.client, to: families.vip, 17, payload), on: 0)
            return world.takeFrames(1).last.map { Int($0[5]) }
        }
        let first = try #require(datagram())
        try end(subject.reason, first - 2, in: world)
        #expect((try #require(datagram()) != first) == (subject.reason == .down))
        #expect(world.connectionCount == 1)
    }

    @Test(arguments: [true, false])
    func `persistence keeps an unanswered client at its backend of weight 0 unless told otherwise`(
        isKept: Bool
    ) throws {
        let world = try world(.ipv4, .fnat) { state in
            state.services[0].persistence = Persistence(timeout: .seconds(300))
            state.settings.items["ipvs_defs.conn.expire_quiescent_template"] = .flag(!isKept)
        }
        defer { world.expectConservation() }
        let first = try #require(ask(world, .ipv4, Frame.syn))
        try end(.weight, first.backend - 2, in: world)
        #expect((ask(world, .ipv4, Frame.syn)?.backend == first.backend) == isKept)
    }

    @Test func `a connection that is not over stays where it is`() throws {
        let world = try world(.ipv4, .fnat)
        defer { world.expectConservation() }
        let first = try #require(ask(world, .ipv4, Frame.syn))
        answer(world, Frame.synAck, to: first.packet)
        try world.change { $0.services[0].backends[first.backend - 2].weight = 0 }
        #expect(ask(world, .ipv4, Frame.ack)?.backend == first.backend)
        #expect(ask(world, .ipv4, Frame.syn)?.backend == first.backend)
    }

    @Test func `the new backend is told the client's address`() throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        let old = try #require(TCPTalk(world))
        old.ask(Frame.finAck)
        old.answer(Frame.finAck)
        let endpoint = try #require(Endpoint(old.backend))
        try world.change { state in
            for index in 0..<2 where state.services[0].backends[index].endpoint == endpoint {
                state.services[0].backends[index].weight = 0
            }
        }
        let new = try #require(TCPTalk(world))
        _ = world.takePackets(1)
        new.ask(data: [1])
        #expect(new.backend != old.backend)
        #expect(world.takePackets(1).last?.payload.dropFirst(20).first == 254)
    }

    @Test func `with xmit_ttl it is one hop, and limits hold`() throws {
        let subject = Case(families: .ipv6, mode: .fnat, reason: .weight)
        let world = try world(.ipv6, .fnat) { state in
            state.settings.items["ipvs_defs.conn.xmit_ttl"] = .flag(true)
            state.services[0].protection = Protection(maxConnections: 2)
        }
        defer { world.expectConservation() }
        let old = try openAndClose(world, subject)
        #expect(ask(world, .ipv6, Frame.syn, port: 40001) != nil)
        #expect(ask(world, .ipv6, Frame.syn, port: 40002) == nil)
        try world.change { $0.services[0].backends[old - 2].weight = 0 }
        let again = try #require(ask(world, .ipv6, Frame.syn), "its old place is its new one")
        #expect(again.backend != old && again.packet.timeToLive == 63 && again.packet.isSound)
        #expect(world.drops(.serviceConnectionLimit) == 1)
    }

    @Test func `without any backend the client is refused, and the old connection is gone`() throws
    {
        let world = try world(.ipv4, .fnat)
        defer { world.expectConservation() }
        _ = try openAndClose(world, Case(families: .ipv4, mode: .fnat, reason: .weight))
        _ = world.take(0)
        try world.change { state in
            for index in 0..<2 { state.services[0].backends[index].weight = 0 }
        }
        #expect(ask(world, .ipv4, Frame.syn) == nil && world.connectionCount == 0)
        #expect(world.take(0).first?.tcpFlags == Frame.rstAck && world.drops(.noBackend) == 1)
    }

    @Test(arguments: [false, true])
    func `a persistent client goes where new connections of it go`(expires: Bool) throws {
        let world = try world(.ipv4, .fnat) { state in
            state.services[0].persistence = Persistence(timeout: .seconds(60), mask: 32)
            let item = "ipvs_defs.conn.expire_quiescent_template"
            state.settings.items[item] = .flag(expires)
        }
        defer { world.expectConservation() }
        let old = try openAndClose(world, Case(families: .ipv4, mode: .fnat, reason: .weight))
        try world.change { $0.services[0].backends[old - 2].weight = 0 }
        let again = try #require(ask(world, .ipv4, Frame.syn))
        #expect((again.backend == old) == !expires)
        #expect(ask(world, .ipv4, Frame.syn, port: 40001)?.backend == again.backend)
    }
}
