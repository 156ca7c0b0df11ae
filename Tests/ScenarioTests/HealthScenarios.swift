// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

@Suite struct HealthScenarios {
    private func world(
        _ transport: TransportProtocol = .tcp,
        scheduler: SchedulerKind = .rr,
        weights: [Int] = [1, 1],
        workers: Int = 1,
        check: DestCheck = DestCheck()
    ) throws -> World {
        var state = DesiredState.web(transport, scheduler: scheduler, weights: weights)
        state.services[0].protection.destCheck = check
        if scheduler == .mh { state.services[0].schedulerOptions.flags = [.mhPort] }
        if scheduler == .sh { state.services[0].schedulerOptions.flags = [.shPort] }
        let world = try quickstartWorld(state, workers: workers)
        #expect(world.look() == [])
        return world
    }

    /// A SYN that the backend refuses; the backend's last octet.
    @discardableResult
    private func refuse(_ world: World, port: Int) throws -> Int {
        let talk = try #require(
            TCPTalk(world, from: "10.0.0.10:\(port)", isAnswered: false)
        )
        talk.answer(Frame.rstAck)
        return try #require(Endpoint(talk.backend)?.address.ipv4.map { Int($0.rawValue & 0xFF) })
    }

    private func chosen(_ world: World, _ count: Int, from port: Int) -> Set<String> {
        Set((0..<count).compactMap { TCPTalk(world, from: "10.0.0.10:\(port + $0)")?.backend })
    }

    @Test(arguments: SchedulerKind.allCases.filter { $0 != .dh })
    func `a backend that refuses is out for a while, under every scheduler`(
        scheduler: SchedulerKind
    ) throws {
        let world = try world(scheduler: scheduler)
        let out = try refuse(world, port: 30000)
        #expect(
            world.look() == [
                "service web: backend 10.0.1.\(out):8080 does not answer, out for 5.0 seconds"
            ]
        )
        let other = "10.0.1.\(5 - out):8080"
        #expect(chosen(world, 20, from: 31000) == [other])
        #expect(world.provisioner.totals().services[0].conditions[out - 2].contains(.down))
        world.advance(.seconds(4))
        #expect(world.look() == [])
        world.advance(.seconds(2))
        #expect(world.look() == ["service web: backend 10.0.1.\(out):8080 gets connections again"])
        if [.rr, .wrr, .mh, .sh].contains(scheduler) {
            #expect(chosen(world, 20, from: 32000).count == 2)
        }
        world.expectConservation()
    }

    /// The local port of a connection does not tell the number of its SYN.
    @Test(arguments: [0, 999, 1000 + 2000, 0x8000_0000] as [UInt32], [Frame.rst, Frame.rstAck])
    func `a reset that does not acknowledge the SYN is no refusal`(
        acknowledged: UInt32,
        flags: UInt8
    ) throws {
        let world = try world()
        defer { world.expectConservation() }
        var talk = try #require(TCPTalk(world, from: "10.0.0.10:30000", isAnswered: false))
        let expected = talk.clientSequence
        talk.clientSequence = acknowledged
        talk.answer(flags)
        #expect(world.look() == [])
        talk.clientSequence = expected
        talk.backendSequence = 9000
        talk.answer(Frame.synAck)
        let service = world.provisioner.state.services[0]
        #expect(try world.backend(.inactive, talk.backend, of: service) == 1, "it still opens")
        talk.answer(Frame.rstAck)
        #expect(world.look() == [])
    }

    @Test func `a failure counts from the moment that a destCheck is there`() throws {
        let world = try quickstartWorld(.web(.tcp))
        defer { world.expectConservation() }
        try refuse(world, port: 29999)
        try world.change { $0.services[0].protection.destCheck = DestCheck() }
        let out = try refuse(world, port: 30000)
        #expect(world.look().map { $0.contains("10.0.1.\(out):8080 does not answer") } == [true])
    }

    @Test func `dh sends elsewhere what belongs to a backend that is down`() throws {
        let world = try world(scheduler: .dh)
        let out = try refuse(world, port: 30000)
        _ = world.look()
        #expect(chosen(world, 5, from: 31000) == ["10.0.1.\(5 - out):8080"])
        world.expectConservation()
    }

    @Test func `each failure doubles the exclusion, and success halves it`() throws {
        let world = try world(check: DestCheck(inhibit: .seconds(5) ... .seconds(20)))
        for (round, seconds) in [5, 10, 20, 20].enumerated() {
            for port in 0..<2 { try refuse(world, port: 30000 + round * 10 + port) }
            let length = "\(Duration.seconds(seconds))"
            let change = world.look()
            #expect(change.count == 1 && change[0].contains("10.0.1.2:8080 does not answer"))
            #expect(change[0].hasSuffix("out for \(length)"), "\(change)")
            world.advance(.seconds(seconds + 1))
            #expect(world.look() == ["service web: backend 10.0.1.2:8080 gets connections again"])
        }
    }

    @Test func `a handshake that only the client leaves unfinished is no failure`() throws {
        let world = try world()
        for port in 0..<6 {
            let talk = try #require(
                TCPTalk(world, from: "10.0.0.10:\(30000 + port)", isAnswered: false)
            )
            if port % 2 == 0 { talk.ask(Frame.rst) } else { talk.answer(Frame.synAck) }
        }
        world.advance(.seconds(40))
        #expect(world.connectionCount == 0 && world.look() == [])
        world.expectConservation()
    }

    @Test func `SYNs that stay without any answer are failures when they time out`() throws {
        let world = try world()
        _ = try #require(TCPTalk(world, isAnswered: false))
        world.advance(.seconds(29))
        #expect(world.look() == [])
        world.advance(.seconds(3))
        #expect(world.look().count == 1)
        world.expectConservation()
    }

    @Test func `UDP that is never answered is a failure, an answer a success`() throws {
        let world = try world(.udp)
        #expect(world.ask(10) == 2)
        world.advance(.seconds(302))
        #expect(world.look().count == 1 && world.ask(11) == 3)
        world.expectConservation()
    }

    /// A service of UDP whose flows end after five seconds.
    private func datagrams(_ mode: ForwardingMode = .fnat) throws -> World {
        var state = DesiredState.web(.udp)
        state.services[0].mode = mode
        if mode != .fnat { state.services[0].localAddresses = [] }
        state.services[0].protection.destCheck = DestCheck()
        state.services[0].connectionTimeout = .seconds(5)
        let world = try quickstartWorld(state)
        #expect(world.look() == [])
        return world
    }

    /// A datagram of a client on port 5000; what its backend got.
    private func datagram(_ world: World, _ client: Int) throws -> DecodedFrame {
        _ = world.take(1)
        world.send(Frame.udp(from: "10.0.0.\(client):5000", to: "10.0.0.100:80"), on: 0)
        return try #require(world.take(1).first)
    }

    private func answer(_ world: World, _ request: DecodedFrame) throws {
        let (source, destination) = (
            try #require(request.destination).description, try #require(request.source).description
        )
        let reply = Frame.udp(from: source, to: destination) {
            $0.destinationMAC = World.portMACs[1]
        }
        world.send(reply, on: 1)
        _ = world.take(0)
    }

    /// "Port unreachable" of `reporter` about what a backend got.
    private func refuse(
        _ world: World,
        _ request: IPPacket,
        by reporter: String? = nil,
        on port: Int = 1
    ) {
        let error = IPPacket(
            from: reporter ?? request.destination.description,
            to: request.source.description,
            1,
            IPPacket.icmp(3, 3, rest: 0, request.octets)
        )
        world.send(error, on: port)
        _ = world.takePackets(0)
    }

    @Test(arguments: [ForwardingMode.fnat, .nat], [false, true])
    func `a client that goes on asking does not hide that its backend is silent`(
        mode: ForwardingMode,
        wasAnswered: Bool
    ) throws {
        let world = try datagrams(mode)
        defer { world.expectConservation() }
        let first = try datagram(world, 10)
        if wasAnswered { try answer(world, first) }
        var changes: [String] = []
        var last = first
        for _ in 0..<9 {
            world.advance(.seconds(1))
            last = try datagram(world, 10)
            changes += world.look()
        }
        let silent = try #require(first.destination).description
        #expect(changes == ["service web: backend \(silent) does not answer, out for 5.0 seconds"])
        #expect(last.destination != first.destination)
    }

    @Test func `a backend that answers its only client now and then stays`() throws {
        let world = try datagrams()
        defer { world.expectConservation() }
        let first = try datagram(world, 10)
        for second in 0..<30 {
            if second % 4 == 0 { try answer(world, first) }
            world.advance(.seconds(1))
            #expect(try datagram(world, 10).destination == first.destination)
            #expect(world.look() == [])
        }
    }

    @Test func `clients leave a backend that others have found dead, unless it answers them`()
        throws
    {
        let world = try datagrams()
        defer { world.expectConservation() }
        let left = try datagram(world, 10)
        try answer(world, left)
        _ = try datagram(world, 11)
        let kept = try datagram(world, 12)
        try answer(world, kept)
        #expect(kept.destination == left.destination)
        _ = try datagram(world, 13)
        #expect(world.look() == [], "first answers are successes")
        world.advance(.seconds(2))
        _ = world.takePackets(1)
        world.send(Frame.udp(from: "10.0.0.14:5000", to: "10.0.0.100:80"), on: 0)
        refuse(world, try #require(world.takePackets(1).first))
        try answer(world, kept)
        #expect(world.look().count == 1)
        world.settle()
        #expect(try datagram(world, 12).destination == kept.destination)
        #expect(try datagram(world, 10).destination != left.destination)
        try answer(world, kept)
        world.advance(.seconds(2))
        #expect(world.look() == [])
        world.settle()
        #expect(try datagram(world, 12).destination != kept.destination)
    }

    @Test(arguments: [ForwardingMode.fnat, .nat], [TransportProtocol.tcp, .udp])
    func `a backend's own "port unreachable" is a failure, and nobody else's`(
        mode: ForwardingMode,
        protocol: TransportProtocol
    ) throws {
        var state = DesiredState.web(`protocol`)
        state.services[0].mode = mode
        if mode != .fnat { state.services[0].localAddresses = [] }
        state.services[0].protection.destCheck = DestCheck()
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        #expect(world.look() == [])
        let first =
            `protocol` == .udp
            ? Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
            : Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.100:80", Frame.syn)
        _ = world.takePackets(1)
        world.send(first, on: 0)
        let request = try #require(world.takePackets(1).first)
        refuse(world, request, by: "10.0.1.9")
        #expect(world.look() == [], "a router's word")
        if mode == .fnat { refuse(world, request, on: 0) }
        #expect(world.look() == [], "from the side of the clients")
        if `protocol` == .tcp {
            var other = request
            other.payload[7] ^= 1
            refuse(world, other)
            #expect(world.look() == [], "about another SYN")
        }
        refuse(world, request)
        #expect(world.look().count == 1)
    }

    @Test(arguments: [TransportProtocol.tcp, .udp])
    func `a damaged first packet opens nothing where failures are counted`(
        protocol: TransportProtocol
    ) throws {
        let world = try world(`protocol`)
        defer { world.expectConservation() }
        var frame =
            `protocol` == .udp
            ? Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80")
            : Frame.tcp(from: "10.0.0.10:5000", to: "10.0.0.100:80", Frame.syn)
        frame[40] ^= 1
        world.send(frame, on: 0)
        #expect(world.drops(.badTransportChecksum) == 1 && world.connectionCount == 0)
    }

    @Test func `connections that were told to end are no failures`() throws {
        var state = DesiredState.web(.udp)
        state.services[0].protection = Protection(expiresQuiescent: true, destCheck: DestCheck())
        let world = try quickstartWorld(state)
        #expect(world.look() == [] && world.ask(10) == 2)
        try world.change { $0.services[0].backends[0].weight = 0 }
        world.settle()
        try world.change { $0.services[0].backends[0].weight = 1 }
        #expect(world.look() == [] && world.connectionCount == 0)
        world.expectConservation()
    }

    @Test func `the last backend stays in`() throws {
        let world = try world()
        try refuse(world, port: 30000)
        try refuse(world, port: 30001)
        #expect(world.look().count == 1)
        try refuse(world, port: 30002)
        #expect(world.look() == [])
        #expect(TCPTalk(world, from: "10.0.0.10:30003") != nil)
        world.expectConservation()
    }

    @Test func `a failure that one worker sees takes the backend from all`() throws {
        let world = try world(.udp, workers: 3)
        #expect(world.ask(10, on: 2) != nil)
        world.advance(.seconds(302))
        #expect(world.look().count == 1)
        let backends = (0..<12).compactMap { world.ask(11 + $0, on: $0 % 3) }
        #expect(backends.count == 12 && Set(backends).count == 1)
        world.expectConservation()
    }

    @Test func `without a way back a backend stays out until its weight is set anew`() throws {
        let world = try world(check: DestCheck(inhibit: nil))
        let out = try refuse(world, port: 30000)
        #expect(world.look().first?.contains("until its weight is set anew") == true)
        world.advance(.seconds(100))
        #expect(world.look() == [] && chosen(world, 4, from: 31000).count == 1)
        try world.change { $0.services[0].backends[out - 2].weight = 0 }
        _ = world.look()
        try world.change { $0.services[0].backends[out - 2].weight = 1 }
        _ = world.look()
        #expect(chosen(world, 4, from: 32000).count == 2)
        world.expectConservation()
    }

    @Test func `a service without destCheck never counts failures`() throws {
        let world = try quickstartWorld()
        try refuse(world, port: 30000)
        let service = world.provisioner.state.services[0].key
        for endpoint in ["10.0.1.2:8080", "10.0.1.3:8080"] {
            let key = Provisioner.BackendKey(
                service: service,
                endpoint: try #require(Endpoint(endpoint))
            )
            let slot = try #require(world.provisioner.slot(of: key))
            #expect(world.engine.total(HealthCounter.failures, slot: slot) == 0)
        }
    }
}

extension World {
    /// What the control side finds out at this moment.
    fileprivate func look() -> [String] {
        provisioner.watchHealth(at: now).map(\.description)
    }
}
