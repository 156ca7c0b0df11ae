// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Types of chunks (RFC 9260 section 3.2).
private enum Chunk {
    static let data: UInt8 = 0, initiation: UInt8 = 1, initiationAck: UInt8 = 2
    static let abort: UInt8 = 6, shutdown: UInt8 = 7, shutdownAck: UInt8 = 8
    static let cookieEcho: UInt8 = 10, cookieAck: UInt8 = 11, shutdownComplete: UInt8 = 14
}

@Suite struct SCTPScenarios {
    private func packet(
        _ chunk: UInt8,
        from source: String,
        _ sourcePort: UInt16,
        to destination: String,
        _ destinationPort: UInt16,
        isDamaged: Bool = false,
        tag: UInt32 = 99,
        data: [UInt8] = [0, 0, 0, 99]
    ) -> IPPacket {
        var payload = bigEndian(sourcePort) + bigEndian(destinationPort) + bigEndian(tag)
        payload += [0, 0, 0, 0, chunk, 0] + bigEndian(UInt16(4 + data.count)) + data
        let sum = CRC32c.of(payload)
        payload.replaceSubrange(8..<12, with: bigEndian(sum.byteSwapped))
        if isDamaged { payload[payload.count - 1] ^= 1 }
        return IPPacket(from: source, to: destination, 132, payload)
    }

    private func hasRightChecksum(_ packet: IPPacket) -> Bool {
        var payload = packet.payload
        payload.replaceSubrange(8..<12, with: [0, 0, 0, 0])
        return bigEndian(CRC32c.of(payload).byteSwapped) == Array(packet.payload[8..<12])
    }

    private func request(_ family: Family, _ chunk: UInt8, isDamaged: Bool = false) -> IPPacket {
        packet(chunk, from: family.client, 5000, to: family.vip, 80, isDamaged: isDamaged)
    }

    private func port(_ packet: IPPacket, _ offset: Int) -> UInt16 {
        UInt16(IPPacket.number(packet.payload, offset, 2))
    }

    @Test(arguments: Family.allCases)
    func `an association is opened, used and shut down through the balancer`(
        family: Family
    ) throws {
        let world = try family.world(try family.state(.sctp))
        defer { world.expectConservation() }
        let service = try #require(world.provisioner.state.services.first)
        let endpoint = "\(Endpoint(try required(IPAddress(family.backend(2))), 8080))"
        world.send([request(family, Chunk.initiation)], on: 0)
        let opened = try #require(world.takeFragments(1).first)
        #expect(opened.source.description == family.local && hasRightChecksum(opened))
        #expect(opened.destination.description == family.backend(2) && port(opened, 2) == 8080)

        func answer(_ chunk: UInt8) {
            let reply = packet(
                chunk,
                from: family.backend(2),
                8080,
                to: family.local,
                port(opened, 0)
            )
            world.send([reply], on: 1)
        }
        answer(Chunk.initiationAck)
        let back = try #require(world.takeFragments(0).first)
        #expect(back.source.description == family.vip && port(back, 0) == 80)
        #expect(port(back, 2) == 5000 && hasRightChecksum(back))
        world.send([request(family, Chunk.cookieEcho)], on: 0)
        #expect(try world.backend(.active, endpoint, of: service) == 0)
        answer(Chunk.cookieAck)
        #expect(try world.backend(.active, endpoint, of: service) == 1)
        world.send([request(family, Chunk.data)], on: 0)
        world.leap(.seconds(890))
        world.settle()
        #expect(world.connectionCount == 1)
        answer(Chunk.shutdown)
        world.send([request(family, Chunk.shutdownAck)], on: 0)
        answer(Chunk.shutdownComplete)
        #expect(try world.backend(.active, endpoint, of: service) == 0)
        world.leap(.seconds(63))
        world.settle()
        #expect(world.connectionCount == 0)
    }

    enum End: CaseIterable { case unanswered, shutdown, abort }

    @Test(arguments: End.allCases, [true, false])
    func `an INIT goes elsewhere once the backend of the association before is none for new ones`(
        end: End,
        isRemoved: Bool
    ) throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.sctp))
        defer { world.expectConservation() }
        world.send([request(.ipv4, Chunk.initiation)], on: 0)
        let opened = try #require(world.takeFragments(1).first)
        func answer(_ chunk: UInt8) {
            let (source, back) = (opened.destination.description, port(opened, 0))
            let reply = packet(chunk, from: source, 8080, to: Family.ipv4.local, back)
            world.send([reply], on: 1)
        }
        if end != .unanswered {
            answer(Chunk.initiationAck)
            world.send([request(.ipv4, Chunk.cookieEcho)], on: 0)
            answer(Chunk.cookieAck)
        }
        switch end {
        case .unanswered: break
        case .shutdown:
            world.send([request(.ipv4, Chunk.shutdown)], on: 0)
            answer(Chunk.shutdownAck)
            world.send([request(.ipv4, Chunk.shutdownComplete)], on: 0)
        case .abort: world.send([request(.ipv4, Chunk.abort)], on: 0)
        }
        _ = (world.takeFragments(0), world.takeFragments(1))
        world.send([request(.ipv4, Chunk.initiation)], on: 0)
        #expect(world.takeFragments(1).first?.destination == opened.destination)
        try world.change { state in
            let index = state.services[0].backends
                .firstIndex { $0.endpoint.address.description == opened.destination.description }
            guard let index else { return }
            if isRemoved {
                state.services[0].backends.remove(at: index)
            } else {
                state.services[0].backends[index].weight = 0
            }
        }
        world.send([request(.ipv4, Chunk.initiation)], on: 0)
        let again = try #require(world.takeFragments(1).first)
        #expect(again.destination != opened.destination && hasRightChecksum(again))
        #expect(world.connectionCount == 1)
    }

    @Test func `what opens no association is refused without one`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.sctp))
        let chunks = [Chunk.data, Chunk.cookieEcho, Chunk.abort, Chunk.initiationAck]
        world.send(chunks.map { request(.ipv4, $0) }, on: 0)
        #expect(world.drops(.sctpNotInit) == 4 && world.connectionCount == 0)
        world.expectConservation()
    }

    @Test func `a flood of INIT is forgotten within seconds`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.sctp))
        world.send([request(.ipv4, Chunk.initiation)], on: 0)
        world.leap(.seconds(5))
        world.settle()
        #expect(world.connectionCount == 0)
    }

    @Test func `a damaged packet opens nothing, moves nothing and stays damaged`() throws {
        let world = try Family.ipv4.world(try Family.ipv4.state(.sctp))
        world.send([request(.ipv4, Chunk.initiation, isDamaged: true)], on: 0)
        #expect(world.drops(.badSCTPChecksum) == 1 && world.connectionCount == 0)
        world.send([request(.ipv4, Chunk.initiation)], on: 0)
        world.send([request(.ipv4, Chunk.abort, isDamaged: true)], on: 0)
        let sent = world.takeFragments(1)
        #expect(sent.map(hasRightChecksum) == [true, false])
        // An ABORT would have kept the association for 61 seconds.
        world.leap(.seconds(5))
        world.settle()
        #expect(world.connectionCount == 0)
        world.expectConservation()
    }

    @Test func `direct routing passes SCTP on as it is, and believes the client`() throws {
        let family = Family.ipv4
        let world = try family.world(try family.state(.sctp, mode: .dr, backendPort: 80))
        let chunks = [Chunk.initiation, Chunk.cookieEcho, Chunk.data]
        world.send(chunks.map { request(family, $0) }, on: 0)
        #expect(
            world.takeFragments(1).map(\.octets) == chunks.map { request(family, $0).octets }
        )
        let service = try #require(world.provisioner.state.services.first)
        #expect(try world.backend(.active, "10.0.1.2:80", of: service) == 1)
        world.expectConservation()
    }

    @Test func `fragments of SCTP pass where the ports stay, and not where they change`() throws {
        let family = Family.ipv4
        let long = packet(
            Chunk.data,
            from: family.client,
            5000,
            to: family.vip,
            80,
            data: Array(repeating: 7, count: 2000)
        )
        let fnat = try family.world(try family.state(.sctp))
        fnat.send([request(family, Chunk.initiation)], on: 0)
        fnat.send(long.fragments(of: 800), on: 0)
        #expect(fnat.drops(.unexpectedFragment) == 1 && fnat.drops(.fragmentOfDropped) == 2)
        fnat.expectConservation()
        let nat = try family.world(try family.state(.sctp, mode: .nat, backendPort: 80))
        nat.send([request(family, Chunk.initiation)], on: 0)
        _ = nat.takeFragments(1)
        nat.send(long.fragments(of: 800), on: 0)
        let whole = try #require(IPPacket(reassembling: nat.takeFragments(1)))
        #expect(whole.destination.description == family.backend(2) && hasRightChecksum(whole))
        nat.expectConservation()
    }
}
