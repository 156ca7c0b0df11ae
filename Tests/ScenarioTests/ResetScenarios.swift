// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import PacketTesting
import Provisioning
import Testing

/// Resets end a connection when they are from one of its ends, and not when a stranger made them up.
@Suite struct ResetScenarios {
    private static let distances: [UInt32] = [0x1_0001, 0x40_0002, 0x8000_0000, 0xFFFE_FFFE]

    private func active(_ world: World, _ talk: TCPTalk) throws -> Int {
        let service = try #require(world.provisioner.state.services.first)
        return try world.backend(.active, talk.backend, of: service)
    }

    @Test(arguments: distances, [true, false])
    func `a reset far from what is expected is passed on and ends nothing`(
        distance: UInt32,
        isClients: Bool
    ) throws {
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world))
        talk.answer(data: [1])
        _ = (world.take(0), world.take(1))
        #expect(try active(world, talk) == 1)
        if isClients {
            talk.ask(Frame.rst, sequence: talk.clientSequence &+ distance)
        } else {
            talk.answer(Frame.rst, sequence: talk.backendSequence &+ distance)
        }
        #expect(world.take(isClients ? 1 : 0).first?.tcpFlags == Frame.rst)
        #expect(try active(world, talk) == 1)
    }

    @Test(
        arguments: [(0, Frame.rst), (1460, Frame.rst), (0x3F_0000, Frame.rstAck)]
            as [(UInt32, UInt8)],
        [true, false]
    )
    func `a reset of one of the ends closes`(_ reset: (UInt32, UInt8), isClients: Bool) throws {
        let (ahead, flags) = reset
        let world = try quickstartWorld()
        defer { world.expectConservation() }
        let talk = try #require(TCPTalk(world))
        talk.answer(data: [1])
        if isClients {
            talk.ask(flags, sequence: talk.clientSequence &+ ahead)
        } else {
            talk.answer(flags, sequence: talk.backendSequence &+ ahead)
        }
        #expect(try active(world, talk) == 0)
    }

    @Test func `after a made-up reset the idle reset still has the right numbers`() throws {
        let world = try quickstartWorld()
        let talk = try #require(TCPTalk(world))
        talk.answer(data: [1])
        talk.answer(Frame.rst, sequence: talk.backendSequence &+ 0x1000_0000)
        _ = (world.take(0), world.take(1))
        world.advance(.seconds(95))
        let reset = try #require(world.take(0).first)
        #expect(reset.tcpFlags.map { $0 & Frame.rst } == Frame.rst)
        #expect(reset.sequence == talk.backendSequence &+ 1)
    }
}
