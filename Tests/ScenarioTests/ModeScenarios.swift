// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Every way to a backend, in both directions and both families.
@Suite struct ModeScenarios {
    private static let tcp: UInt8 = 6
    private static let udp: UInt8 = 17

    private func client(
        _ families: Families,
        _ payload: [UInt8],
        _ number: UInt8 = tcp
    ) -> IPPacket {
        IPPacket(from: families.client, to: families.vip, number, payload)
    }

    private func endpoint(_ address: String, _ port: UInt16) -> String {
        IPAddress(address).map { Endpoint($0, port).description } ?? address
    }

    // MARK: - FNAT and NAT64

    @Test(arguments: Families.allCases)
    func `fnat carries a TCP connection from handshake to end`(families: Families) throws {
        let world = try dualWorld(.dual(families))
        defer { world.expectConservation() }
        let service = try #require(world.provisioner.state.services.first)
        let (vip, backend) = (endpoint(families.vip, 80), endpoint(families.backend, 8080))

        world.send(client(families, IPPacket.tcp(40000, 80, flags: Frame.syn)), on: 0)
        let syn = try #require(world.takePackets(1).first)
        #expect(syn.to == backend && syn.source.description == families.local && syn.isSound)
        #expect(
            syn.isIPv6 == families.backendIsIPv6 && syn.timeToLive == (families == .nat64 ? 63 : 64)
        )

        let (local, port) = (syn.source.description, syn.ports.source)
        func answer(_ flags: UInt8, _ data: [UInt8] = []) -> IPPacket {
            let payload = IPPacket.tcp(8080, port, flags: flags, data)
            return IPPacket(from: families.backend, to: local, Self.tcp, payload)
        }
        world.send(answer(Frame.synAck), on: 1)
        let synAck = try #require(world.takePackets(0).first)
        #expect(synAck.from == vip && synAck.to == endpoint(families.client, 40000))
        #expect(synAck.isSound && synAck.isIPv6 == families.clientIsIPv6)

        world.send(client(families, IPPacket.tcp(40000, 80, [1, 2, 3])), on: 0)
        #expect(world.takePackets(1).last?.payload.suffix(3) == [1, 2, 3])
        let endpoint = service.backends[0].endpoint.description
        #expect(try world.backend(.active, endpoint, of: service) == 1)
        world.send(answer(Frame.push, [4, 5]), on: 1)
        let data = try #require(world.takePackets(0).last)
        #expect(data.payload.suffix(2) == [4, 5] && data.isSound)

        world.send(client(families, IPPacket.tcp(40000, 80, flags: Frame.finAck)), on: 0)
        world.send(answer(Frame.finAck), on: 1)
        #expect(try world.backend(.active, endpoint, of: service) == 0)
        world.advance(.seconds(10))
        #expect(world.connectionCount == 0)
    }

    @Test(arguments: Families.allCases)
    func `fnat carries UDP both ways`(families: Families) throws {
        let world = try dualWorld(.dual(families, .fnat, .udp))
        defer { world.expectConservation() }
        world.send(client(families, IPPacket.udp(5000, 80, [1, 2, 3]), Self.udp), on: 0)
        let request = try #require(world.takePackets(1).first)
        #expect(request.to == endpoint(families.backend, 8080) && request.isSound)
        let reply = IPPacket(
            from: families.backend,
            to: families.local,
            Self.udp,
            IPPacket.udp(8080, request.ports.source, [9])
        )
        world.send(reply, on: 1)
        let answer = try #require(world.takePackets(0).first)
        #expect(answer.from == endpoint(families.vip, 80) && answer.payload.last == 9)
        #expect(answer.to == endpoint(families.client, 5000) && answer.isSound)
    }

    @Test func `nat64 lowers what a SYN asks for to what the other family has room for`() throws {
        let world = try dualWorld(.dual(.nat64), mtus: [1500, 1500])
        let options: [UInt8] = [2, 4, 0x05, 0xB4]
        let syn = IPPacket.tcp(40000, 80, flags: Frame.syn, options: options)
        world.send(client(.nat64, syn), on: 0)
        let packet = try #require(world.takePackets(1).first)
        #expect(Array(packet.payload[20..<24]) == [2, 4, 0x05, 0xA0] && packet.isSound)
    }

    @Test func `nat64 tells an IPv6 client what fits with the difference of the headers`() throws {
        let world = try dualWorld(.dual(.nat64, .fnat, .udp), mtus: [1600, 1500])
        defer { world.expectConservation() }
        let data = Array(repeating: UInt8(7), count: 1500)
        world.send(client(.nat64, IPPacket.udp(5000, 80, data), Self.udp), on: 0)
        let error = try #require(world.takePackets(0).first)
        #expect(error.protocolNumber == 58 && error.payload[0] == 2 && error.isSound)
        #expect(IPPacket.number(error.payload, 4, 4) == 1520)
        #expect(world.takePackets(1).isEmpty && world.drops(.tooBig) == 1)
    }

    // MARK: - DR

    @Test(arguments: [Families.ipv4, .ipv6])
    func `dr changes nothing but the neighbour, and tracks the client alone`(
        families: Families
    ) throws {
        let world = try dualWorld(.dual(families, .dr))
        defer { world.expectConservation() }
        let service = try #require(world.provisioner.state.services.first)
        let backend = service.backends[0].endpoint.description
        for flags in [Frame.syn, Frame.ack] {
            world.send(client(families, IPPacket.tcp(40000, 80, flags: flags)), on: 0)
        }
        let frames = world.takeFrames(1)
        #expect(frames.count == 2)
        for frame in frames {
            #expect(Array(frame[0..<6]) == MACAddress.backend(2).octets)
            let packet = try #require(IPPacket(frame: frame))
            #expect(packet.from == endpoint(families.client, 40000) && packet.isSound)
            #expect(packet.to == endpoint(families.vip, 80))
        }
        #expect(try world.backend(.active, backend, of: service) == 1)
        #expect(try world.backend(.incomingPackets, backend, of: service) == 2)
        world.send(client(families, IPPacket.tcp(40000, 80, flags: Frame.finAck)), on: 0)
        #expect(try world.backend(.active, backend, of: service) == 0)
        world.advance(.seconds(58))
        #expect(world.connectionCount == 1, "the backend may go on sending")
        world.advance(.seconds(4))
        #expect(world.connectionCount == 0)
    }

    // MARK: - Tunnel

    struct TunnelCase: CustomTestStringConvertible {
        var kind: Tunnel.Kind
        var client: Families
        var backend: Families
        var overhead: Int {
            let shim =
                switch kind {
                case .ipip: 0
                case .gre: 4
                case .gue: 12
                case .fou: 8
                }
            return (backend == .ipv6 ? 40 : 20) + shim
        }
        var testDescription: String { "\(kind) \(client) in \(backend)" }

        static let all = Tunnel.Kind.allCases.flatMap { kind in
            [Families.ipv4, .ipv6]
                .flatMap { client in
                    [Families.ipv4, .ipv6]
                        .map { TunnelCase(kind: kind, client: client, backend: $0) }
                }
        }
    }

    private func state(_ subject: TunnelCase) -> DesiredState {
        var state = DesiredState.dual(
            subject.client,
            .tunnel,
            .tcp,
            tunnel: Tunnel(kind: subject.kind)
        )
        let backend = IPAddress(subject.backend.backend)
        state.services[0].backends = backend.map { [Backend(endpoint: Endpoint($0, 80))] } ?? []
        return state
    }

    @Test(arguments: TunnelCase.all)
    func `a tunnel carries the packet as it was to the backend`(subject: TunnelCase) throws {
        let world = try dualWorld(state(subject))
        defer { world.expectConservation() }
        let syn = client(subject.client, IPPacket.tcp(40000, 80, flags: Frame.syn))
        world.send(syn, on: 0)
        let frame = try #require(world.takeFrames(1).first)
        #expect(Array(frame[0..<6]) == MACAddress.backend(2).octets)
        let tunnelled = try #require(Decapsulator(frame: frame))
        #expect(tunnelled.innerOctets == syn.withChecksum.octets)
        #expect(tunnelled.outer.destination.description == subject.backend.backend)
        let own = subject.backend == .ipv6 ? "2001:db8:1::1" : "10.0.1.1"
        #expect(tunnelled.outer.source.description == own && tunnelled.outer.hasValidHeader)
        #expect(frame.count == 14 + syn.octets.count + subject.overhead)
    }

    @Test(arguments: TunnelCase.all)
    func `a packet that the tunnel has no room for is answered`(subject: TunnelCase) throws {
        let world = try dualWorld(state(subject))
        defer { world.expectConservation() }
        world.send(client(subject.client, IPPacket.tcp(40000, 80, flags: Frame.syn)), on: 0)
        _ = world.takePackets(1)
        let data = Array(repeating: UInt8(1), count: 1500 - (subject.client == .ipv6 ? 60 : 40))
        var packet = client(subject.client, IPPacket.tcp(40000, 80, data))
        packet.dontFragment = true
        world.send(packet, on: 0)
        let error = try #require(world.takePackets(0).first)
        #expect(error.isSound && error.source.description == subject.client.vip)
        let mtu = Int(IPPacket.number(error.payload, 4, 4))
        #expect(mtu == 1500 - subject.overhead)
        #expect(world.takePackets(1).isEmpty && world.drops(.tooBig) == 1)
    }

    // MARK: - NAT

    @Test(arguments: [Families.ipv4, .ipv6], [1, 2, 4])
    func `nat keeps the client and finds replies at whatever worker`(
        families: Families,
        workers: Int
    ) throws {
        let world = try dualWorld(.dual(families, .nat, .udp), workers: workers)
        defer { world.expectConservation() }
        for port in UInt16(5000)..<5016 {
            let queue = Int(port) % workers
            let request = client(families, IPPacket.udp(port, 80, [1]), Self.udp)
            world.send(request, on: 0, queue: queue)
            let out = try #require(world.takePackets(1).first)
            #expect(out.from == endpoint(families.client, port) && out.isSound)
            #expect(out.to == endpoint(families.backend, 8080))
            let reply = IPPacket(
                from: families.backend,
                to: families.client,
                Self.udp,
                IPPacket.udp(8080, port, [2])
            )
            world.send(reply, on: 1, queue: (queue + 1) % workers)
            let back = try #require(world.takePackets(0).first)
            #expect(back.from == endpoint(families.vip, 80) && back.isSound)
            #expect(back.to == endpoint(families.client, port))
        }
        #expect(world.connectionCount == 16)
        let busy = world.engine.interchange.counters.filter { $0[.connectionsOpened] > 0 }
        #expect(busy.count == workers, "the clients are spread over the workers")
        let stranger = IPPacket(
            from: families.backend,
            to: families.client,
            Self.udp,
            IPPacket.udp(8081, 5000, [2])
        )
        world.send(stranger, on: 1)
        #expect(world.drops(.notForUs) == 1)
    }

    // MARK: - Reload

    @Test func `a tunnel to where no route leads waits for a route`() throws {
        var state = DesiredState.web(weights: [1], localAddresses: [])
        state.services[0].mode = .tunnel
        state.services[0].backends[0].endpoint = Endpoint(.v4(IPv4Address(203, 0, 113, 7)), 80)
        let world = try quickstartWorld(state)
        defer { world.expectConservation() }
        let syn = Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn)
        world.send(syn, on: 0)
        #expect(world.takeFrames(1).isEmpty && world.drops(.noRoute) == 1)
        try world.change { state in
            let network = IPPrefix.literal("203.0.113.0/24")
            let gateway = IPAddress.v4(IPv4Address(10, 0, 1, 2))
            state.routes.append(Route(destination: network, gateway: gateway))
        }
        world.settle()
        world.send(syn, on: 0)
        let tunnelled = try #require(world.takeFrames(1).last.flatMap { Decapsulator(frame: $0) })
        #expect(tunnelled.outer.source == IPAddress("10.0.1.1"))
        #expect(tunnelled.outer.destination == IPAddress("203.0.113.7"))
    }

    @Test(arguments: [ForwardingMode.fnat, .nat, .dr, .tunnel])
    func `a connection keeps the way that it began with`(mode: ForwardingMode) throws {
        let world = try dualWorld(.dual(.ipv4, mode, .udp))
        defer { world.expectConservation() }
        let request = client(.ipv4, IPPacket.udp(5000, 80, [1]), Self.udp)
        world.send(request, on: 0)
        let before = try #require(world.takePackets(1).first)
        try world.change { state in
            state.services[0].mode = mode == .fnat ? .dr : .fnat
            state.services[0].tunnel = nil
            state.services[0].localAddresses =
                mode == .fnat ? [] : [.v4(IPv4Address(10, 0, 1, 200))]
        }
        world.send(request, on: 0)
        let after = try #require(world.takePackets(1).first)
        #expect(after.source == before.source && after.destination == before.destination)
        #expect(after.protocolNumber == before.protocolNumber)
    }
}
