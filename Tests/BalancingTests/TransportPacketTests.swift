// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet
import PacketTesting
import Testing
import Timing

@testable import Balancing

@Suite struct TransportPacketTests {
    private static let seeds: [UInt64] = [1, 2, 3]

    /// What a connection is made of.
    struct Subject {
        var client: Flow
        var backend: Flow
        var connection: Connection

        func tuple(_ direction: Direction) -> IPv4Tuple {
            let flow = direction == .inbound ? client : backend
            return IPv4Tuple(source: flow.source, destination: flow.destination, ports: flow.ports)
        }
    }

    /// The packet in a buffer with a plain frame.
    private static func packet(in buffer: borrowing LooseBuffer) -> TransportPacket<IPv4Tuple> {
        unsafe TransportPacket(
            network: buffer.frame + 14,
            transport: buffer.frame + 34,
            protocol: FlowProtocol(
                IPProtocol(rawValue: buffer.bytes.octet(23) ?? 0),
                isIPv6: false
            ) ?? .tcp,
            totalLength: buffer.bytes.word(16) ?? 0
        )
    }

    private static func rewrite(
        _ buffer: borrowing LooseBuffer,
        by subject: Subject,
        _ direction: Direction
    ) {
        let isInbound = direction == .inbound
        let delta = (subject.connection.addressDelta, subject.connection.transportDelta)
        packet(in: buffer)
            .rewrite(
                to: subject.tuple(isInbound ? .outbound : .inbound).reversed,
                addressDelta: isInbound ? delta.0 : ~delta.0,
                transportDelta: isInbound ? delta.1 : ~delta.1
            )
    }

    /// A packet of the connection's client, as it arrives.
    private static func frame(
        of subject: Subject,
        using random: inout SeededGenerator
    ) -> [UInt8] {
        let client = subject.tuple(.inbound)
        let data = random.octets(.random(in: 0...40, using: &random))
        let transport: Frame.Transport =
            subject.client.protocol == .tcp
            ? .tcp(
                source: client.sourcePort,
                destination: client.destinationPort,
                flags: Frame.ack,
                sequence: .random(in: 0...(.max), using: &random),
                data: data
            ) : .udp(source: client.sourcePort, destination: client.destinationPort, data: data)
        return Frame(transport) { frame in
            frame.source = client.ipv4Source
            frame.destination = client.ipv4Destination
            frame.timeToLive = .random(in: 1...255, using: &random)
        }
        .octets
    }

    private static func connection(
        _ number: FlowProtocol,
        using random: inout SeededGenerator
    ) -> Subject {
        func flow() -> Flow {
            let tuple = IPv4Tuple(addresses: random.next(), ports: UInt32(random.next() >> 32))
            return Flow(tuple, number)
        }
        let (client, backend) = (flow(), flow())
        let connection = Connection(
            client: client,
            backend: backend,
            kind: .fnat,
            state: .none,
            backendSlot: 0,
            now: Tick(rawValue: 0)
        )
        return Subject(client: client, backend: backend, connection: connection)
    }

    // MARK: - Rewriting

    @Test(arguments: [FlowProtocol.tcp, .udp], seeds)
    func `a rewritten packet has the new tuple, right checksums and the same data`(
        number: FlowProtocol,
        seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let connection = Self.connection(number, using: &random)
            let frame = Self.frame(of: connection, using: &random)
            let buffer = LooseBuffer(frame)
            Self.rewrite(buffer, by: connection, .inbound)
            let before = try #require(DecodedFrame(frame))
            let after = try #require(DecodedFrame(buffer.octets))
            let expected = connection.tuple(.outbound).reversed
            #expect(after.source == Endpoint(expected.source.address, expected.sourcePort))
            #expect(
                after.destination
                    == Endpoint(expected.destination.address, expected.destinationPort)
            )
            #expect(before.hasValidChecksums && after.hasValidChecksums, "seed \(seed): \(frame)")
            #expect(after.data == before.data && after.timeToLive == before.timeToLive)
            #expect(after.sequence == before.sequence && after.tcpFlags == before.tcpFlags)
        }
    }

    @Test(arguments: [FlowProtocol.tcp, .udp], seeds)
    func `there and back is the packet that it was`(number: FlowProtocol, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let connection = Self.connection(number, using: &random)
            let frame = Self.frame(of: connection, using: &random)
            let buffer = LooseBuffer(frame)
            Self.rewrite(buffer, by: connection, .inbound)
            // Answered by its own receiver: source and destination change places, sums do not.
            let packet = Self.packet(in: buffer)
            packet.tuple = packet.tuple.reversed
            Self.rewrite(buffer, by: connection, .outbound)
            packet.tuple = packet.tuple.reversed
            #expect(buffer.octets == frame, "seed \(seed)")
        }
    }

    @Test(arguments: [FlowProtocol.tcp, .udp], seeds)
    func `the updated checksum is the recomputed one`(number: FlowProtocol, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let connection = Self.connection(number, using: &random)
            let buffer = LooseBuffer(Self.frame(of: connection, using: &random))
            Self.rewrite(buffer, by: connection, .inbound)
            let updated = buffer.octets
            Self.packet(in: buffer).recomputeChecksum()
            #expect(buffer.octets == updated, "seed \(seed)")
        }
    }

    @Test func `a packet without a UDP checksum stays without one`() {
        var random = SeededGenerator(seed: 9)
        let connection = Self.connection(FlowProtocol.udp, using: &random)
        let buffer = LooseBuffer(
            Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80", hasChecksum: false)
        )
        Self.rewrite(buffer, by: connection, .inbound)
        #expect(buffer.bytes.word(40) == 0)
        Self.packet(in: buffer).recomputeChecksum()
        #expect(buffer.bytes.word(40) == 0)
    }

    // MARK: - The checksum as a whole

    @Test(arguments: [FlowProtocol.tcp, .udp], seeds)
    func `a checksum is right, wrong or unfinished`(number: FlowProtocol, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let frame = Self.frame(of: Self.connection(number, using: &random), using: &random)
            let whole = LooseBuffer(frame)
            #expect(Self.packet(in: whole).hasRightChecksum)
            let packet = try #require(IPPacket(frame: frame)).withUnfinishedChecksum
            let unfinished = LooseBuffer(Array(frame.prefix(34)) + packet.payload)
            #expect(Self.packet(in: unfinished).hasUnfinishedChecksum)
            Self.packet(in: unfinished).recomputeChecksum()
            #expect(unfinished.octets == frame, "seed \(seed)")
            var damaged = frame
            let bit = UInt8.random(in: 0...7, using: &random)
            damaged[.random(in: 34..<36, using: &random)] ^= 1 << bit
            #expect(!Self.packet(in: LooseBuffer(damaged)).hasRightChecksum)
        }
    }

    /// RFC 768: the length of a datagram is its own, and less than that of its packet is allowed.
    @Test func `octets behind a datagram do not count`() {
        let frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80", data: [1, 2, 3])
        let buffer = LooseBuffer(frame + [0xAA, 0xBB])
        buffer.bytes.set((buffer.bytes.word(16) ?? 0) + 2, at: 16)
        #expect(Self.packet(in: buffer).hasRightChecksum)
        let right = buffer.bytes.word(40)
        buffer.bytes.set(UInt16(0x1234), at: 40)
        Self.packet(in: buffer).recomputeChecksum()
        #expect(buffer.bytes.word(40) == right)
    }

    /// RFC 768: "If the computed checksum is zero, it is transmitted as all ones".
    @Test(arguments: UInt8.min...UInt8.max)
    func `a UDP checksum that becomes zero is sent as all ones`(first: UInt8) {
        var random = SeededGenerator(seed: UInt64(first))
        let connection = Self.connection(FlowProtocol.udp, using: &random)
        func frame(_ tuple: IPv4Tuple, _ data: [UInt8]) -> [UInt8] {
            Frame(.udp(source: tuple.sourcePort, destination: tuple.destinationPort, data: data)) {
                $0.source = tuple.ipv4Source
                $0.destination = tuple.ipv4Destination
            }
            .octets
        }
        // What the checksum is without two octets, they must be for it to become zero.
        let target = frame(connection.tuple(.outbound).reversed, [first, 0, 0, 0])
        let data = [first, 0, target[40], target[41]]
        let buffer = LooseBuffer(frame(connection.tuple(.inbound), data))
        Self.rewrite(buffer, by: connection, .inbound)
        #expect(buffer.bytes.word(40) == 0xFFFF)
        Self.packet(in: buffer).recomputeChecksum()
        #expect(buffer.bytes.word(40) == 0xFFFF)
    }

    @Test(arguments: UInt8(1)...255)
    func `one hop less keeps the header checksum right`(timeToLive: UInt8) throws {
        let frame = Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.100:80") { frame in
            frame.timeToLive = timeToLive
        }
        let buffer = LooseBuffer(frame)
        Self.packet(in: buffer).decrementTimeToLive()
        let after = try #require(DecodedFrame(buffer.octets))
        #expect(after.timeToLive == timeToLive - 1 && after.hasValidChecksums)
    }

    @Test(arguments: 0...17)
    func `a checksum is computed over any number of octets, and no more`(count: Int) throws {
        var random = SeededGenerator(seed: 7)
        for number in [FlowProtocol.tcp, .udp] {
            let data = random.octets(count)
            let transport: Frame.Transport =
                number == FlowProtocol.tcp
                ? .tcp(source: 1, destination: 2, flags: 0, data: data)
                : .udp(source: 1, destination: 2, data: data)
            let offset = number == FlowProtocol.tcp ? 50 : 40
            let frame = Frame(transport).octets
            // Padding that is not zero must not count.
            let buffer = LooseBuffer(frame + [0xAA, 0xBB, 0xCC], surroundings: 0xDD)
            buffer.bytes.set(UInt16(0x1234), at: offset)
            Self.packet(in: buffer).recomputeChecksum()
            #expect(Array(buffer.octets.dropLast(3)) == frame)
            let isIntact = buffer.isIntact(surroundings: 0xDD)
            #expect(isIntact)
        }
    }
}

extension IPv4Tuple {
    var ipv4Source: IPv4Address { IPv4Address(rawValue: source.ipv4.bigEndian) }
    var ipv4Destination: IPv4Address {
        IPv4Address(rawValue: destination.ipv4.bigEndian)
    }
}
