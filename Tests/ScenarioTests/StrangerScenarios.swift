// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import PacketTesting
import Provisioning
import Testing

/// Whoever makes addresses and ports up, but does not know the numbers, changes nothing.
@Suite struct StrangerScenarios {
    private static let modes: [ForwardingMode] = [.fnat, .nat, .dr, .tunnel]

    /// A TCP connection of 10.0.0.10:40000 in any mode, seen from outside.
    private struct Connection {
        let world: World
        let service: Service
        /// Whom the backend answers, where answers pass.
        private var local = ""

        init(_ mode: ForwardingMode, isEstablished: Bool = true) throws {
            var state = DesiredState.web(.tcp, weights: [1])
            state.services[0].mode = mode
            if mode != .fnat { state.services[0].localAddresses = [] }
            if mode == .dr || mode == .tunnel { state.services[0].backends[0].endpoint.port = 80 }
            world = try quickstartWorld(state)
            service = world.provisioner.state.services[0]
            client(Frame.syn, 1000, 0)
            local = try #require(world.take(1).first?.source?.description)
            backend(Frame.synAck, 9000, 1001)
            guard isEstablished else { return }
            client(Frame.ack, 1001, 9001)
            try #require(try isActive)
        }

        var isTwoWay: Bool { service.mode == .fnat || service.mode == .nat }

        var isActive: Bool {
            get throws {
                let endpoint = service.backends[0].endpoint.description
                return try world.backend(.active, endpoint, of: service) == 1
            }
        }

        func client(_ flags: UInt8, _ sequence: UInt32, _ acknowledgment: UInt32) {
            world.send(
                segment("10.0.0.10:40000", "10.0.0.100:80", flags, sequence, acknowledgment),
                on: 0
            )
        }

        func backend(_ flags: UInt8, _ sequence: UInt32, _ acknowledgment: UInt32) {
            guard isTwoWay else { return }
            let octets = segment("10.0.1.2:8080", local, flags, sequence, acknowledgment)
            world.send([2, 0, 0, 0, 0, 2] + octets.dropFirst(6), on: 1)
        }

        private func segment(
            _ from: String,
            _ to: String,
            _ flags: UInt8,
            _ sequence: UInt32,
            _ acknowledgment: UInt32
        ) -> [UInt8] {
            TransportFrame(from: from, to: to) {
                ($0.flags, $0.sequence, $0.acknowledgment) = (flags, sequence, acknowledgment)
            }
            .octets
        }
    }

    @Test(arguments: modes, [Frame.finAck, Frame.rst, Frame.rstAck])
    func `a FIN or a reset with made-up numbers ends nothing, and one with the right ones does`(
        mode: ForwardingMode,
        flags: UInt8
    ) throws {
        let connection = try Connection(mode)
        defer { connection.world.expectConservation() }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<64 {
            let numbers = (generator.next(), generator.next())
            let (sequence, acknowledgment) = (
                UInt32(truncatingIfNeeded: numbers.0), UInt32(truncatingIfNeeded: numbers.1)
            )
            connection.client(flags, sequence, acknowledgment)
            connection.backend(flags, acknowledgment, sequence)
        }
        // As the window of 4 MiB was tried through.
        for step in 1..<512 as Range<UInt32> {
            connection.client(flags, 1001 &+ step << 23, 0)
            connection.backend(flags, 9001 &+ step << 23, 0)
        }
        #expect(try connection.isActive)
        connection.client(flags, 1001, 9001)
        #expect(try !connection.isActive)
    }

    @Test(arguments: modes)
    func `made-up segments do not move what the right numbers are measured by`(
        mode: ForwardingMode
    ) throws {
        let connection = try Connection(mode)
        defer { connection.world.expectConservation() }
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<64 {
            let (low, high) = (generator.next(), generator.next())
            let sequence = UInt32(truncatingIfNeeded: low)
            for flags in [Frame.ack, Frame.synAck, Frame.push] {
                connection.client(flags, sequence, UInt32(truncatingIfNeeded: high))
                connection.backend(flags, sequence, UInt32(truncatingIfNeeded: high))
            }
            connection.client(Frame.rst, sequence, 0)
            connection.backend(Frame.rst, sequence, 0)
        }
        #expect(try connection.isActive)
        if connection.isTwoWay {
            connection.backend(Frame.finAck, 9001, 1001)
        } else {
            connection.client(Frame.finAck, 1001, 9001)
        }
        #expect(try !connection.isActive)
    }

    @Test(arguments: modes)
    func `numbers follow what goes on behind lost segments and long windows`(
        mode: ForwardingMode
    ) throws {
        let connection = try Connection(mode)
        defer { connection.world.expectConservation() }
        for step in 1...8 as ClosedRange<UInt32> {
            let (mine, other) = (1001 &+ step << 21, 9001 &+ step * 3 << 20)
            connection.client(Frame.ack, mine, other)
            connection.backend(Frame.ack, other - 1000, mine)
        }
        connection.client(Frame.finAck, 1001 &+ 8 << 21, 9001 &+ 24 << 20)
        #expect(try !connection.isActive)
    }

    @Test func `a FIN behind much unacknowledged data counts by what it acknowledges`() throws {
        let connection = try Connection(.fnat)
        connection.client(Frame.finAck, 1001 + 3 << 20, 0x7777_7777)
        #expect(try connection.isActive)
        connection.client(Frame.finAck, 1001 + 3 << 20, 9001)
        #expect(try !connection.isActive)
    }

    @Test func `whoever made a SYN up cannot establish its connection`() throws {
        let connection = try Connection(.fnat, isEstablished: false)
        connection.client(Frame.ack, 1001, 0x1234_5678)
        #expect(try !connection.isActive)
        connection.client(Frame.ack, 1001, 9001)
        #expect(try connection.isActive)
    }

    @Test func `a backend's answer by another cookie is followed`() throws {
        let connection = try Connection(.fnat, isEstablished: false)
        connection.backend(Frame.synAck, 0x7000_0000, 1001)
        connection.client(Frame.ack, 1001, 0x7000_0001)
        #expect(try connection.isActive)
        connection.backend(Frame.finAck, 0x7000_0001, 1001)
        #expect(try !connection.isActive)
    }

    @Test func `an answer that does not acknowledge the SYN opens nothing`() throws {
        let connection = try Connection(.fnat, isEstablished: false)
        let other = try Connection(.fnat)
        defer { other.world.expectConservation() }
        other.world.send(
            TransportFrame(from: "10.0.0.11:40000", to: "10.0.0.100:80") { $0.flags = Frame.syn }
                .octets,
            on: 0
        )
        let local = try #require(other.world.take(1).last?.source?.description)
        let forged = TransportFrame(from: "10.0.1.2:8080", to: local) {
            ($0.flags, $0.sequence, $0.acknowledgment) = (Frame.synAck, 5000, 0x5555_5555)
        }
        other.world.send([2, 0, 0, 0, 0, 2] + forged.octets.dropFirst(6), on: 1)
        other.world.advance(.seconds(32))
        #expect(other.world.connectionCount == 1, "the handshake that nobody answered has ended")
        #expect(try !connection.isActive)
    }
}
