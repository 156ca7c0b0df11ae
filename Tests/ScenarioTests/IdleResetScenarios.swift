// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Packet
import PacketTesting
import Testing

@Suite struct IdleResetScenarios {
    private static let modes: [ForwardingMode] = [.fnat, .nat]

    private func world(_ mode: ForwardingMode, isIPv6: Bool = false) throws -> World {
        var state = DesiredState.web(.tcp)
        state.services[0].mode = mode
        if isIPv6 {
            for (interface, prefix) in [("dpdk0", "2001:db8::1/64"), ("dpdk1", "2001:db8:1::1/64")]
            {
                state.addresses.append(
                    InterfaceAddress(interface: interface, prefix: .literal(prefix))
                )
            }
            let address = try #require(IPAddress("2001:db8::100"))
            state.services[0].key = .init(address: address, port: 80, protocol: .tcp)
            state.services[0].localAddresses = [try #require(IPAddress("2001:db8:1::200"))]
            state.services[0].backends = [
                Backend(endpoint: try #require(Endpoint("[2001:db8:1::2]:8080")))
            ]
        }
        let limits = SlowPathLimits(timeToLive: 61)
        let world = try quickstartWorld(state, slowPathLimits: limits)
        world.hosts6[0][try #require(IPv6Address("2001:db8::10"))] = .client(10)
        world.hosts6[1][try #require(IPv6Address("2001:db8:1::2"))] = .backend(2)
        // New addresses are probed for a moment.
        world.advance(.seconds(3))
        _ = (world.take(0), world.take(1))
        return world
    }

    @Test(arguments: modes, [false, true])
    func `an established connection that falls silent is reset at both ends`(
        mode: ForwardingMode,
        isIPv6: Bool
    ) throws {
        let world = try world(mode, isIPv6: isIPv6)
        let ends =
            isIPv6
            ? ("[2001:db8::10]:40000", "[2001:db8::100]:80")
            : ("10.0.0.10:40000", "10.0.0.100:80")
        var talk = try #require(TCPTalk(world, from: ends.0, to: ends.1))
        talk.ask(data: [1, 2, 3])
        talk.clientSequence += 3
        talk.answer(data: [4, 5, 6, 7, 8])
        talk.backendSequence += 5
        _ = (world.take(0), world.take(1))
        world.advance(.seconds(92))
        #expect(world.connectionCount == 0)

        let (toClient, toBackend) = (world.take(0), world.take(1))
        #expect(toClient.count == 1 && toBackend.count == 1)
        let first = try #require(toClient.first)
        #expect(
            first.source == Endpoint(talk.service) && first.destination == Endpoint(talk.client)
        )
        #expect(first.tcpFlags == Frame.rst && first.sequence == talk.backendSequence)
        #expect(first.destinationMAC == .client(10))
        let second = try #require(toBackend.first)
        #expect(second.source == Endpoint(talk.local))
        #expect(second.destination == Endpoint(talk.backend))
        #expect(second.tcpFlags == Frame.rst && second.sequence == talk.clientSequence)
        #expect(second.destinationMAC == .backend(2))
        for reset in [first, second] {
            #expect(reset.timeToLive == 61 && reset.hasValidChecksums && reset.data.isEmpty)
        }
        world.expectConservation()
    }

    @Test(arguments: [true, false])
    func `a connection that one end has half closed lives on, and its end is told to both`(
        isClient: Bool
    ) throws {
        let world = try world(.fnat)
        var talk = try #require(TCPTalk(world))
        if isClient {
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
        world.advance(.seconds(50))
        #expect(world.connectionCount == 1)
        if isClient { talk.answer(data: [1, 2]) } else { talk.ask(data: [1, 2]) }
        #expect(world.take(isClient ? 0 : 1).first?.data == [1, 2])
        if isClient { talk.backendSequence += 2 } else { talk.clientSequence += 2 }
        talk.answer(Frame.ack)
        _ = (world.take(0), world.take(1))
        world.advance(.seconds(isClient ? 62 : 122))
        #expect(world.connectionCount == 0)
        let (toClient, toBackend) = (world.take(0), world.take(1))
        #expect(toClient.map(\.tcpFlags) == [Frame.rst])
        #expect(toBackend.map(\.tcpFlags) == [Frame.rst])
        #expect(toClient.first?.sequence == talk.backendSequence)
        #expect(toBackend.first?.sequence == talk.clientSequence)
        world.expectConservation()
    }

    @Test func `nobody is reset whose connection was closed, reset or never answered`() throws {
        let world = try world(.fnat)
        let closed = try #require(TCPTalk(world, from: "10.0.0.10:40001"))
        closed.ask(Frame.finAck)
        closed.answer(Frame.finAck)
        let aborted = try #require(TCPTalk(world, from: "10.0.0.10:40002"))
        aborted.ask(Frame.rst)
        _ = try #require(TCPTalk(world, from: "10.0.0.10:40003", isAnswered: false))
        _ = (world.take(0), world.take(1))
        world.advance(.seconds(100))
        #expect(world.connectionCount == 0)
        #expect(world.take(0).isEmpty && world.take(1).isEmpty)
        world.expectConservation()
    }

    @Test func `UDP ends in silence`() throws {
        let world = try quickstartWorld(.web(.udp))
        #expect(world.ask(10) != nil)
        world.advance(.seconds(302))
        #expect(world.connectionCount == 0 && world.take(0).isEmpty && world.take(1).isEmpty)
        world.expectConservation()
    }

    @Test func `resets without a way to their end are dropped and counted`() throws {
        let world = try world(.fnat)
        _ = try #require(TCPTalk(world))
        try world.change { $0.addresses.removeLast() }
        world.advance(.seconds(92))
        #expect(world.take(0).count == 1 && world.drops(.noRoute) == 1)
        world.expectConservation()
    }

    @Test
    func `when more connections end at once than there is room to tell of, some end silently`()
        throws
    {
        let world = try quickstartWorld(.web(.tcp), buffers: 16384)
        for port in 0..<1100 {
            _ = try #require(TCPTalk(world, from: "10.0.0.10:\(20000 + port)"))
        }
        // The worker alone: the slow path does not get to empty the ring.
        world.leap(.seconds(92))
        for _ in 0..<20 { world.turn(worker: 0) }
        #expect(world.connectionCount == 0)
        world.settle()
        #expect(world.take(0).count == 1024 && world.take(1).count == 1024)
        world.expectConservation()
    }
}
