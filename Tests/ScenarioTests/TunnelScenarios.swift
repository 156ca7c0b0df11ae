// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Packet
import PacketTesting
import Testing

/// The quickstart with its backends behind a tunnel.
///
///     clients 10.0.0.0/24 -- dpdk0 [ workers, slow path ] dpdk1 == 10.0.1.9 -- backends 10.9.0.0/24
@Suite struct TunnelScenarios {
    struct Wrapping: Sendable, CustomTestStringConvertible {
        var kind: TunnelInterface.Kind
        var words = TunnelInterface.Words()
        var testDescription: String { "\(kind) \(words)" }

        static let all = [
            Wrapping(kind: .ipip),
            Wrapping(kind: .gre),
            Wrapping(kind: .gre, words: .init(key: 7)),
            Wrapping(kind: .gre, words: .init(key: 9, hasChecksum: true, hasSequence: true)),
        ]

        /// Octets before the inner packet.
        var overhead: Int {
            20 + (kind == .gre ? 4 : 0)
                + [words.key != nil, words.hasChecksum, words.hasSequence].count { $0 } * 4
        }

        /// A frame of the other end.
        func wrap(
            _ inner: [UInt8],
            sequence: UInt32 = 0,
            _ edit: (inout IPPacket) -> Void = { _ in }
        ) -> [UInt8] {
            var shim: [UInt8] = []
            let isIPv6 = inner[0] >> 4 == 6
            if kind == .gre {
                let flags =
                    (words.hasChecksum ? 0x80 : 0) | (words.key == nil ? 0 : 0x20)
                    | (words.hasSequence ? 0x10 : 0)
                shim = [UInt8(flags), 0] + (isIPv6 ? [0x86, 0xDD] : [0x08, 0x00])
                if words.hasChecksum { shim += [0, 0, 0, 0] }
                if let key = words.key { shim += IPPacket.octets(UInt64(key), 4) }
                if words.hasSequence { shim += IPPacket.octets(UInt64(sequence), 4) }
                if words.hasChecksum {
                    let sum = IPPacket.octets(UInt64(Checksum.of(shim + inner)), 2)
                    shim.replaceSubrange(4..<6, with: sum)
                }
            }
            let number: UInt8 = kind == .gre ? 47 : isIPv6 ? 41 : 4
            let outer = IPPacket(from: "10.0.1.9", to: "10.0.1.1", number, shim + inner, edit)
            var frame = outer.frame()
            frame.replaceSubrange(0..<6, with: World.portMACs[1].octets)
            return frame
        }
    }

    private static func state(_ wrapping: Wrapping) -> DesiredState {
        var state = DesiredState.web(weights: [1])
        state.tunnels = [
            TunnelInterface(
                name: "t",
                kind: wrapping.kind,
                remote: IPAddress("10.0.1.9"),
                local: IPAddress("10.0.1.1"),
                input: wrapping.words,
                output: wrapping.words,
                companionType: .off
            )
        ]
        state.addresses.append(InterfaceAddress(interface: "t", prefix: .literal("10.9.0.1/24")))
        state.services[0].backends[0].endpoint.address = .v4(IPv4Address(10, 9, 0, 2))
        return state
    }

    private func world(
        _ state: DesiredState,
        workers: Int = 1,
        offloads: PortTraits.Offloads = []
    ) throws -> World {
        let world = try World(state, workers: workers, offloads: offloads)
        for last in 10...20 { world.hosts[0][IPv4Address(10, 0, 0, UInt8(last))] = .client(last) }
        for last in [2, 3, 9] {
            world.hosts[1][IPv4Address(10, 0, 1, UInt8(last))] = .backend(last)
        }
        world.settle()
        _ = (world.takeARP(0), world.takeARP(1))
        return world
    }

    private func inside(
        _ world: World,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Decapsulator {
        let dropped = DropReason.allCases.filter { world.drops($0) > 0 }
        let frame = try #require(
            world.takeFrames(1).first,
            "dropped: \(dropped)",
            sourceLocation: sourceLocation
        )
        #expect(Array(frame[..<6]) == MACAddress.backend(9).octets)
        let packet = try #require(Decapsulator(frame: frame))
        #expect(packet.outer.destination == IPAddress("10.0.1.9") && packet.outer.hasValidHeader)
        #expect(packet.outer.source == IPAddress("10.0.1.1"))
        return packet
    }

    private func ports(_ packet: IPPacket) -> (UInt16, UInt16) {
        (
            UInt16(IPPacket.number(packet.payload, 0, 2)),
            UInt16(IPPacket.number(packet.payload, 2, 2))
        )
    }

    // MARK: - Through

    @Test(arguments: Wrapping.all, [1, 2])
    func `a backend behind a tunnel gets a connection and answers`(
        wrapping: Wrapping,
        workers: Int
    ) throws {
        let world = try world(Self.state(wrapping), workers: workers)
        defer { world.expectConservation() }
        for (number, flags) in [Frame.syn, Frame.ack, Frame.push].enumerated() {
            world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", flags), on: 0)
            let there = try inside(world)
            #expect(there.inner.destination == IPAddress("10.9.0.2"))
            #expect(there.inner.withChecksum == there.inner, "its checksum is right")
            #expect(there.shim.count == wrapping.overhead - 20)
            if wrapping.words.hasSequence {
                #expect(Array(there.shim.suffix(4)) == [0, 0, 0, UInt8(number)])
            }
            if let key = wrapping.words.key {
                let place = wrapping.words.hasChecksum ? 8 : 4
                #expect(IPPacket.number(there.shim, place, 4) == UInt64(key))
            }
            if wrapping.words.hasChecksum {
                #expect(Checksum.of(there.shim + there.innerOctets) == 0)
            }
            let (local, port) = ports(there.inner)
            #expect(port == 8080)
            let answer = IPPacket(
                from: "10.9.0.2",
                to: "\(there.inner.source)",
                6,
                IPPacket.tcp(8080, local, flags: flags | 0x10)
            )
            let frame = wrapping.wrap(answer.withChecksum.octets, sequence: UInt32(number))
            world.send(frame, on: 1, queue: workers - 1)
            let back = try #require(world.take(0).first)
            #expect(back.destination == Endpoint("10.0.0.10:4000") && back.hasValidChecksums)
            #expect(back.source == Endpoint("10.0.0.100:80") && back.destinationMAC == .client(10))
        }
        #expect(world.connectionCount == 1)
    }

    /// The checksum of GRE is then that of the packet as it will be: "local checksum offload" of Linux.
    @Test(arguments: Wrapping.all)
    func `what an inner packet's sender has left to its device is finished`(
        wrapping: Wrapping
    ) throws {
        let world = try world(Self.state(wrapping), offloads: .unfinishedReceiveChecksums)
        defer { world.expectConservation() }
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        let there = try inside(world).inner
        let payload = IPPacket.tcp(8080, ports(there).0, flags: Frame.synAck)
        let answer = IPPacket(from: "10.9.0.2", to: "\(there.source)", 6, payload).withChecksum
        let unfinished = answer.withUnfinishedChecksum.octets
        world.send(wrapping.wrap(answer.octets).dropLast(unfinished.count) + unfinished, on: 1)
        #expect(world.take(0).map(\.hasValidChecksums) == [true])
    }

    @Test(arguments: Wrapping.all)
    func `an echo request, a refused segment and IPv6 are answered through the tunnel`(
        wrapping: Wrapping
    ) throws {
        var state = Self.state(wrapping)
        state.addresses.append(
            InterfaceAddress(interface: "t", prefix: .literal("2001:db8:9::1/64"))
        )
        let world = try world(state)
        defer { world.expectConservation() }
        let echo = IPPacket(from: "10.9.0.2", to: "10.9.0.1", 1, IPPacket.icmp(8, rest: 5, [1, 2]))
        world.send(wrapping.wrap(echo.withChecksum.octets, sequence: 1), on: 1)
        let reply = try inside(world).inner
        #expect(reply.destination == IPAddress("10.9.0.2") && reply.payload.first == 0)

        let syn = IPPacket(from: "10.9.0.2", to: "10.9.0.1", 6, IPPacket.tcp(1000, 9, flags: 2))
        world.send(wrapping.wrap(syn.withChecksum.octets, sequence: 2), on: 1)
        let reset = try inside(world).inner
        #expect(reset.payload[13] & 0x04 != 0 && reset.destination == IPAddress("10.9.0.2"))

        let echo6 = IPPacket(
            from: "2001:db8:9::2",
            to: "2001:db8:9::1",
            58,
            IPPacket.icmp(128, rest: 5, [1, 2])
        )
        world.send(wrapping.wrap(echo6.withChecksum.octets, sequence: 3), on: 1)
        let reply6 = try inside(world).inner
        #expect(reply6.destination == IPAddress("2001:db8:9::2") && reply6.payload.first == 129)
    }

    @Test func `a mark of congestion comes out of the tunnel, or its packet does not`() throws {
        let wrapping = Wrapping(kind: .gre)
        let world = try world(Self.state(wrapping))
        defer { world.expectConservation() }
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        let there = try inside(world).inner
        let segment = IPPacket.tcp(8080, ports(there).0, flags: 0x12)
        var answer = IPPacket(from: "10.9.0.2", to: "\(there.source)", 6, segment)
        answer.trafficClass = 2
        world.send(wrapping.wrap(answer.withChecksum.octets) { $0.trafficClass = 3 }, on: 1)
        let back = try #require(world.takePackets(0).first)
        #expect(back.trafficClass == 3 && back.hasValidHeader)
        answer.trafficClass = 0
        world.send(wrapping.wrap(answer.withChecksum.octets) { $0.trafficClass = 3 }, on: 1)
        #expect(world.drops(.badTunnelHeader) == 1 && world.takePackets(0).isEmpty)
    }

    @Test func `what is too long is told to its sender, or cut before it is wrapped`() throws {
        let wrapping = Wrapping(kind: .gre)
        let world = try world(Self.state(wrapping))
        defer { world.expectConservation() }
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        _ = try inside(world)
        func data(_ mayBeCut: Bool) -> IPPacket {
            IPPacket(
                from: "10.0.0.10",
                to: "10.0.0.100",
                6,
                IPPacket.tcp(4000, 80, sequence: 1, [UInt8](repeating: 1, count: 1460))
            ) { $0.dontFragment = !mayBeCut }
        }
        world.send(data(false), on: 0)
        let error = try #require(world.takePackets(0).first)
        #expect(error.protocolNumber == 1 && Array(error.payload[..<2]) == [3, 4])
        #expect(IPPacket.number(error.payload, 6, 2) == 1500 - 24)
        world.send(data(true), on: 0)
        let parts = world.takeFrames(1).compactMap { Decapsulator(frame: $0) }
        #expect(parts.count == 2 && parts.allSatisfy { $0.outer.octets.count <= 1500 })
        #expect(parts.first?.inner.hasMore == true && parts.last?.inner.hasMore == false)
    }

    @Test func `the kernel gets packets by the tunnel's companion, and sends by it`() throws {
        let wrapping = Wrapping(kind: .gre, words: .init(key: 3))
        var state = Self.state(wrapping)
        state.tunnels[0].companionType = .auto
        let world = try world(state)
        defer { world.expectConservation() }
        let companion = try #require(world.companion("t.kni"))
        let syn = IPPacket(from: "10.9.0.2", to: "10.9.0.1", 6, IPPacket.tcp(1000, 22, flags: 2))
        world.send(wrapping.wrap(syn.withChecksum.octets), on: 1)
        #expect(companion.takeDeparted() == [syn.withChecksum.octets])
        let answer = IPPacket(from: "10.9.0.1", to: "10.9.0.2", 6, IPPacket.tcp(22, 1000))
        companion.deliver(answer.withChecksum.octets)
        world.settle()
        #expect(try inside(world).innerOctets == answer.withChecksum.octets)
    }

    // MARK: - Refused

    @Test func `what does not belong to the tunnel or is not as agreed is dropped by name`() throws
    {
        let wrapping = Wrapping(
            kind: .gre,
            words: .init(key: 9, hasChecksum: true, hasSequence: true)
        )
        let world = try world(Self.state(wrapping))
        defer { world.expectConservation() }
        let echo = IPPacket(from: "10.9.0.2", to: "10.9.0.1", 1, IPPacket.icmp(8)).withChecksum
        func send(_ change: (inout Wrapping) -> Void, sequence: UInt32 = 10) {
            var other = wrapping
            change(&other)
            world.send(other.wrap(echo.octets, sequence: sequence), on: 1)
        }
        send { $0.words.key = 8 }
        send { $0.words.key = nil }
        send { $0.kind = .ipip }
        #expect(world.drops(.unsupportedProtocol) == 3)
        send { $0.words.hasChecksum = false }
        send { $0.words.hasSequence = false }
        #expect(world.drops(.badTunnelHeader) == 2)
        var broken = wrapping.wrap(echo.octets, sequence: 10)
        broken[broken.count - 1] ^= 1
        world.send(broken, on: 1)
        #expect(world.drops(.badTunnelHeader) == 3)
        send({ _ in }, sequence: 10)
        send({ _ in }, sequence: 9)
        send({ _ in }, sequence: 11)
        #expect(world.drops(.tunnelSequence) == 1 && world.takeFrames(1).count == 2)
    }

    @Test func `nobody on the wire can pretend to come by a tunnel`() throws {
        let world = try world(Self.state(Wrapping(kind: .gre)))
        defer { world.expectConservation() }
        let numbers = UInt16(256)..<UInt16(8448)
        for number in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 97) {
            var frame = Frame.echo(from: "10.9.0.2", to: "10.9.0.1")
            frame.insert(contentsOf: VLANTags(tunnel: number).octets, at: 12)
            world.send(frame, on: 0)
        }
        #expect(world.drops(.unsupportedEtherType) == 85)
        var numberless = Frame.echo(from: "10.0.0.10", to: "10.0.0.1")
        numberless.insert(contentsOf: [0x88, 0xB5, 0, 0], at: 12)
        world.send(numberless, on: 0)
        #expect(world.drops(.unsupportedEtherType) == 86)
        #expect(world.takePackets(0).isEmpty && world.takePackets(1).isEmpty)
    }

    @Test func `a way to the other end that leads into a tunnel is refused`() throws {
        let state = Self.state(Wrapping(kind: .ipip))
        let world = try world(state)
        var looping = state
        looping.routes.append(Route(destination: .literal("10.0.1.9/32"), interface: "t"))
        #expect(throws: (any Error).self) { try world.apply(looping) }
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        _ = try inside(world)
        world.expectConservation()
    }

    @Test(arguments: 0..<40)
    func `any octets behind an outer header end somewhere`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let wrapping = Wrapping.all[Int(seed) % Wrapping.all.count]
        let world = try world(Self.state(wrapping))
        defer { world.expectConservation() }
        let echo = IPPacket(from: "10.9.0.2", to: "10.9.0.1", 1, IPPacket.icmp(8)).withChecksum
        for _ in 0..<200 {
            var payload = wrapping.wrap(echo.octets)
            payload.removeFirst(34)
            for _ in 0..<Int.random(in: 0...4, using: &random) where !payload.isEmpty {
                let place = Int.random(in: 0..<payload.count, using: &random)
                payload[place] = UInt8.random(in: 0...255, using: &random)
            }
            payload = Array(payload.prefix(Int.random(in: 0...payload.count, using: &random)))
            let number: UInt8 = [4, 41, 47].randomElement(using: &random) ?? 47
            var frame = IPPacket(from: "10.0.1.9", to: "10.0.1.1", number, payload).frame()
            frame.replaceSubrange(0..<6, with: World.portMACs[1].octets)
            world.send(frame, on: 1)
        }
    }

    // MARK: - Live

    @Test func `a tunnel comes, changes and goes while others have traffic`() throws {
        let wrapping = Wrapping(kind: .gre, words: .init(key: 5))
        let world = try world(.web())
        defer { world.expectConservation() }
        let echo = IPPacket(from: "10.9.0.2", to: "10.9.0.1", 1, IPPacket.icmp(8)).withChecksum
        func isAnswered(_ key: UInt32) -> Bool {
            let other = Wrapping(kind: .gre, words: .init(key: key))
            world.send(other.wrap(echo.octets), on: 1)
            return !world.takeFrames(1).isEmpty
        }
        #expect(!isAnswered(5))
        var state = DesiredState.web()
        state.tunnels = Self.state(wrapping).tunnels
        state.addresses.append(InterfaceAddress(interface: "t", prefix: .literal("10.9.0.1/24")))
        try world.apply(state)
        world.settle()
        let asked = world.takeARP(1).map(\.arp?.target)
        #expect(asked == [IPv4Address(10, 0, 1, 9)], "nothing is announced on a tunnel")
        #expect(isAnswered(5) && !isAnswered(6))
        state.tunnels[0].input.key = 6
        state.tunnels[0].output.key = 6
        try world.apply(state)
        #expect(isAnswered(6) && !isAnswered(5))
        try world.apply(.web())
        #expect(!isAnswered(6))
        _ = world.take(1)
        world.send(Frame.tcp(from: "10.0.0.10:4000", to: "10.0.0.100:80", Frame.syn), on: 0)
        #expect(world.take(1).count == 1)
    }
}
