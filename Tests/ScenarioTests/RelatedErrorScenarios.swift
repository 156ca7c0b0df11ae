// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// ICMP errors about packets that were balanced find who sent them, inner headers included.
@Suite struct RelatedErrorScenarios {
    private static let udp: UInt8 = 17

    /// An error of `router` about `quoted`, to whom that seems to come from.
    private func error(
        _ type: UInt8,
        _ code: UInt8,
        rest: UInt32 = 0,
        about quoted: IPPacket,
        from router: String
    ) -> IPPacket {
        let octets = Array(quoted.octets.prefix(quoted.isIPv6 ? 1000 : 500))
        return IPPacket(
            from: router,
            to: quoted.source.description,
            quoted.isIPv6 ? 58 : 1,
            IPPacket.icmp(type, code, rest: rest, octets)
        )
    }

    /// A world, the client's packet, and what the backend got.
    private func opened(
        _ families: Families,
        _ mode: ForwardingMode = .fnat,
        tunnel: Tunnel? = nil,
        workers: Int = 1
    ) throws -> (World, request: IPPacket, out: IPPacket) {
        let world = try dualWorld(.dual(families, mode, .udp, tunnel: tunnel), workers: workers)
        let request = IPPacket(
            from: families.client,
            to: families.vip,
            Self.udp,
            IPPacket.udp(5000, 80, [1, 2, 3, 4])
        )
        .withChecksum
        world.send(request, on: 0)
        return (world, request, try #require(world.takePackets(1).first))
    }

    private func quoted(_ error: IPPacket) throws -> IPPacket {
        try #require(IPPacket(Array(error.payload.dropFirst(8))))
    }

    @Test(arguments: Families.allCases, [ForwardingMode.fnat, .nat])
    func `a client learns that the port of its backend is closed`(
        families: Families,
        mode: ForwardingMode
    ) throws {
        guard families != .nat64 || mode == .fnat else { return }
        let (world, request, out) = try opened(families, mode)
        defer { world.expectConservation() }
        let isIPv6 = families.backendIsIPv6
        let message = error(
            isIPv6 ? 1 : 3,
            isIPv6 ? 4 : 3,
            about: out,
            from: families.backend
        )
        world.send(message, on: 1)
        let got = try #require(world.takePackets(0).first)
        #expect(got.destination == request.source && got.isSound)
        #expect(got.source.description == families.vip)
        let clientIsIPv6 = families.clientIsIPv6
        #expect(Array(got.payload[0..<2]) == (clientIsIPv6 ? [1, 4] : [3, 3]))
        let inner = try quoted(got)
        #expect(inner.from == request.from && inner.to == request.to && inner.hasValidHeader)
        #expect(inner.payload.prefix(8) == request.payload.prefix(8), "checksum, too")
        #expect(world.total(.relatedErrors) == 1)
    }

    @Test(arguments: Families.allCases)
    func `a backend learns of a short link toward the client`(families: Families) throws {
        let (world, _, out) = try opened(families)
        defer { world.expectConservation() }
        let reply = IPPacket(
            from: families.backend,
            to: families.local,
            Self.udp,
            IPPacket.udp(8080, out.ports.source, Array(repeating: 5, count: 1400))
        )
        .withChecksum
        world.send(reply, on: 1)
        let sent = try #require(world.takePackets(0).first)
        let isIPv6 = families.clientIsIPv6
        let router = isIPv6 ? "2001:db8:ffff::1" : "203.0.113.1"
        let message = error(
            isIPv6 ? 2 : 3,
            isIPv6 ? 0 : 4,
            rest: 1380,
            about: sent,
            from: router
        )
        world.send(message, on: 0)
        let got = try #require(world.takePackets(1).first)
        #expect(got.destination.description == families.backend && got.isSound)
        #expect(got.source.description == families.local)
        let backendIsIPv6 = families.backendIsIPv6
        #expect(Array(got.payload[0..<2]) == (backendIsIPv6 ? [2, 0] : [3, 4]))
        #expect(IPPacket.number(got.payload, 4, 4) == (families == .nat64 ? 1360 : 1380))
        let inner = try quoted(got)
        #expect(inner.from == reply.from && inner.to == reply.to)
    }

    @Test(arguments: [1, 2, 4])
    func `an error reaches the worker that has the connection`(workers: Int) throws {
        let (world, _, out) = try opened(.ipv4, workers: workers)
        defer { world.expectConservation() }
        for queue in 0..<workers {
            world.send(error(3, 3, about: out, from: "10.0.1.2"), on: 1, queue: queue)
            #expect(world.takePackets(0).count == 1, "queue \(queue)")
        }
        let reply = IPPacket(
            from: "10.0.1.2",
            to: "10.0.1.200",
            Self.udp,
            IPPacket.udp(8080, out.ports.source, [9])
        )
        world.send(reply, on: 1)
        let sent = try #require(world.takePackets(0).first)
        for queue in 0..<workers {
            let message = error(3, 4, rest: 1300, about: sent, from: "203.0.113.1")
            world.send(message, on: 0, queue: queue)
            #expect(world.takePackets(1).count == 1, "queue \(queue)")
        }
    }

    @Test(arguments: [Families.ipv4, .ipv6])
    func `an error about what a backend sent by itself goes to the backend`(
        families: Families
    ) throws {
        let (world, request, _) = try opened(families, .dr)
        defer { world.expectConservation() }
        let reply = IPPacket(
            from: families.vip,
            to: families.client,
            Self.udp,
            IPPacket.udp(80, 5000, [1])
        )
        .withChecksum
        let isIPv6 = families.clientIsIPv6
        let message = error(
            isIPv6 ? 1 : 3,
            isIPv6 ? 4 : 3,
            about: reply,
            from: request.source.description
        )
        world.send(message, on: 0)
        let frame = try #require(world.takeFrames(1).first)
        #expect(Array(frame[0..<6]) == MACAddress.backend(2).octets)
        let got = try #require(IPPacket(frame: frame))
        #expect(got.octets == message.withChecksum.octets)
    }

    @Test(arguments: Tunnel.Kind.allCases, [Families.ipv4, .ipv6])
    func `a client learns what a link below the tunnel takes`(
        kind: Tunnel.Kind,
        families: Families
    ) throws {
        let (world, request, out) = try opened(families, .tunnel, tunnel: Tunnel(kind: kind))
        defer { world.expectConservation() }
        let isIPv6 = families.backendIsIPv6
        let message = error(
            isIPv6 ? 2 : 3,
            isIPv6 ? 0 : 4,
            rest: 1400,
            about: out,
            from: families.router
        )
        world.send(message, on: 1)
        let got = try #require(world.takePackets(0).first)
        #expect(got.destination == request.source && got.source == request.destination)
        #expect(got.isSound)
        let overhead = out.octets.count - request.octets.count
        #expect(Int(IPPacket.number(got.payload, 4, 4)) == 1400 - overhead)
        #expect(try quoted(got).octets == request.octets)
    }

    // MARK: - What the client's address adds

    struct Telling: Sendable, CustomTestStringConvertible {
        var families: Families
        var mode: ClientAddressMode
        /// Octets that a packet gains, the difference of the families included.
        var growth: Int
        var testDescription: String { "\(mode) \(families)" }
        var isTCP: Bool { mode == .toa }

        static let all = [
            Telling(families: .ipv4, mode: .toa, growth: 8),
            Telling(families: .ipv6, mode: .toa, growth: 20),
            Telling(families: .nat64, mode: .toa, growth: 0),
            Telling(families: .ipv4, mode: .uoa, growth: 12),
            Telling(families: .ipv6, mode: .uoa, growth: 24),
            Telling(families: .ipv4, mode: .uoaOption, growth: 8),
            Telling(families: .ipv6, mode: .uoaOption, growth: 24),
            Telling(families: .ipv4, mode: .proxyV2, growth: 28),
            Telling(families: .ipv6, mode: .proxyV2, growth: 52),
        ]
    }

    /// What a router behind us has room for is less for the client by what its packets gain.
    @Test(arguments: Telling.all)
    func `a client is told an MTU that leaves room for its address`(telling: Telling) throws {
        let families = telling.families
        var state = DesiredState.dual(families, .fnat, telling.isTCP ? .tcp : .udp)
        state.services[0].clientAddress = telling.mode
        let world = try dualWorld(state)
        defer { world.expectConservation() }
        let number: UInt8 = telling.isTCP ? 6 : 17
        func client(_ payload: [UInt8]) -> IPPacket {
            IPPacket(from: families.client, to: families.vip, number, payload).withChecksum
        }
        var request = client(IPPacket.udp(5000, 80, [1, 2, 3, 4]))
        if telling.isTCP {
            world.send(client(IPPacket.tcp(5000, 80, flags: Frame.syn)), on: 0)
            let syn = try #require(world.takePackets(1).first)
            let answer = IPPacket.tcp(8080, syn.ports.source, sequence: 5000, flags: Frame.synAck)
            var synAck = answer
            synAck.replaceSubrange(8..<12, with: bigEndian(UInt32(1001)))
            world.send(IPPacket(from: families.backend, to: families.local, 6, synAck), on: 1)
            request = client(IPPacket.tcp(5000, 80, sequence: 1001, flags: Frame.push, [7]))
            request.payload.replaceSubrange(8..<12, with: bigEndian(UInt32(5001)))
            request = request.withChecksum
            _ = world.takePackets(0)
        }
        world.send(request.frame(to: World.portMACs[0]), on: 0)
        let frame = try #require(world.takeFrames(1).last)
        // All that is quoted, IP options included.
        let packet = Array(frame.dropFirst(14))
        let isIPv6 = families.backendIsIPv6
        let message = IPPacket(
            from: families.router,
            to: families.local,
            isIPv6 ? 58 : 1,
            IPPacket.icmp(isIPv6 ? 2 : 3, isIPv6 ? 0 : 4, rest: 1400, packet)
        )
        world.send(message, on: 1)
        let told = try #require(world.takePackets(0).first)
        #expect(told.isSound && told.destination == request.source)
        let nat64 = families == .nat64 ? 20 - AddressOption.length(for: request.source) : 0
        #expect(IPPacket.number(told.payload, 4, 4) == UInt64(1400 - telling.growth + nat64))
        // The quotation is of what the client sent.
        let inner = try #require(IPPacket(Array(told.payload.dropFirst(8))))
        #expect(inner.source == request.source && inner.destination == request.destination)
        #expect(inner.protocolNumber == number && inner.hasValidHeader)
        #expect(inner.ports == request.ports)
    }

    /// UOA's header is in front of the datagram, and its sender never wrote it.
    @Test(arguments: [Families.ipv4, .ipv6, .nat64])
    func `an error about a datagram with the client's address quotes what the client sent`(
        families: Families
    ) throws {
        var state = DesiredState.dual(families, .fnat, .udp)
        state.services[0].clientAddress = .uoa
        let world = try dualWorld(state)
        defer { world.expectConservation() }
        let payload = IPPacket.udp(5000, 80, [1, 2, 3, 4])
        let request = IPPacket(from: families.client, to: families.vip, 17, payload).withChecksum
        world.send(request, on: 0)
        let out = try #require(world.takePackets(1).first)
        #expect(out.protocolNumber == 248)
        let isIPv6 = families.backendIsIPv6
        let message = error(isIPv6 ? 1 : 3, isIPv6 ? 4 : 3, about: out, from: families.backend)
        world.send(message, on: 1)
        let told = try #require(world.takePackets(0).first)
        #expect(told.isSound && told.destination == request.source)
        let inner = try quoted(told)
        #expect(inner.payload == request.payload && inner.protocolNumber == 17)
        #expect(inner.claimedPayloadLength == request.payload.count && inner.hasValidHeader)
    }

    @Test func `an error about nothing of ours is ours alone`() throws {
        let (world, _, out) = try opened(.ipv4)
        defer { world.expectConservation() }
        var other = out
        other.payload = IPPacket.udp(1, 2, [3])
        world.send(error(3, 3, about: other, from: "10.0.1.2"), on: 1)
        #expect(world.takePackets(0).isEmpty && world.drops(.icmpIgnored) == 1)
    }
}
