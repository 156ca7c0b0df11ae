// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// An instance gets segments of connections that another one had, as when ECMP counts one less.
@Suite struct LateSegmentScenarios {
    private static let sloppy: [SchedulerOptions.Flag] = [.mhSloppy, .conhashSloppy]

    private func world(
        _ scheduler: SchedulerKind,
        _ flags: Set<SchedulerOptions.Flag>,
        _ mode: ForwardingMode = .dr,
        _ transport: TransportProtocol = .tcp
    ) throws -> World {
        var state = DesiredState.web(transport, scheduler: scheduler)
        state.services[0].mode = mode
        state.services[0].localAddresses = []
        state.services[0].schedulerOptions.flags = flags
        state.services[0].backends = (2...9)
            .map { Backend(endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, UInt8($0))), 80)) }
        #expect(state.services[0].schedulingProblems.isEmpty)
        return try quickstartWorld(state)
    }

    private func send(
        _ world: World,
        _ client: Int,
        _ flags: UInt8,
        _ sequence: UInt32 = 1001,
        _ acknowledgment: UInt32 = 9001
    ) -> MACAddress? {
        _ = world.take(1)
        let segment = TransportFrame(from: "10.0.0.\(client):40000", to: "10.0.0.100:80") {
            ($0.flags, $0.sequence, $0.acknowledgment) = (flags, sequence, acknowledgment)
        }
        world.send(segment.octets, on: 0)
        return world.takeFrames(1).last
            .map {
                MACAddress(rawValue: $0.prefix(6).reduce(0) { $0 << 8 | UInt64($1) })
            }
    }

    @Test(arguments: sloppy, [ForwardingMode.dr, .tunnel])
    func `a segment goes to the backend that the other instance had chosen`(
        flag: SchedulerOptions.Flag,
        mode: ForwardingMode
    ) throws {
        let (first, second) = (
            try world(flag.scheduler, [flag], mode), try world(flag.scheduler, [flag], mode)
        )
        defer { second.expectConservation() }
        var backends: Set<MACAddress> = []
        for client in 10...40 {
            let chosen = try #require(send(first, client, Frame.syn, 1000, 0))
            #expect(send(second, client, Frame.push) == chosen)
            #expect(send(second, client, Frame.ack, 1101) == chosen)
            backends.insert(chosen)
        }
        #expect(backends.count > 3 && second.connectionCount == 31)
        let service = second.provisioner.state.services[0]
        func active() throws -> Int {
            try service.backends.reduce(0) {
                $0 + (try second.backend(.active, $1.endpoint.description, of: service))
            }
        }
        #expect(try active() == 31)
        // Numbers count from the first segment on.
        _ = send(second, 10, Frame.finAck, 0x7000_0000)
        #expect(try active() == 31)
        _ = send(second, 10, Frame.finAck, 1101)
        #expect(try active() == 30)
    }

    @Test(arguments: [SchedulerKind.mh, .conhash])
    func `without the flag it is refused`(scheduler: SchedulerKind) throws {
        let world = try world(scheduler, [])
        defer { world.expectConservation() }
        #expect(send(world, 10, Frame.push) == nil && world.connectionCount == 0)
        #expect(world.take(0).first?.tcpFlags.map { $0 & Frame.rst } == Frame.rst)
    }

    @Test(arguments: [Frame.rst, Frame.rstAck, Frame.synAck, 0])
    func `resets, answers and segments without an acknowledgment open nothing`(
        flags: UInt8
    ) throws {
        let world = try world(.mh, [.mhSloppy])
        defer { world.expectConservation() }
        #expect(send(world, 10, flags) == nil && world.connectionCount == 0)
    }

    @Test func `data of SCTP is taken up as well, and an ABORT is not`() throws {
        let world = try world(.mh, [.mhSloppy], .dr, .sctp)
        defer { world.expectConservation() }
        func send(_ chunk: UInt8, tag: UInt32) {
            var payload: [UInt8] = [0x13, 0x88, 0, 80] + IPPacket.octets(UInt64(tag), 4)
            payload += [0, 0, 0, 0, chunk, 0, 0, 8, 1, 2, 3, 4]
            let sum = CRC32c.of(payload)
            payload.replaceSubrange(8..<12, with: IPPacket.octets(UInt64(sum.byteSwapped), 4))
            world.send(IPPacket(from: "10.0.0.10", to: "10.0.0.100", 132, payload), on: 0)
        }
        send(6, tag: 7)
        #expect(world.connectionCount == 0 && world.drops(.sctpNotInit) == 1)
        send(0, tag: 7)
        #expect(world.connectionCount == 1 && world.takePackets(1).count == 1)
        let service = world.provisioner.state.services[0]
        func active() throws -> Int {
            try service.backends.reduce(0) {
                $0 + (try world.backend(.active, $1.endpoint.description, of: service))
            }
        }
        send(6, tag: 8)
        #expect(try active() == 1)
        send(6, tag: 7)
        #expect(try active() == 0)
    }

    @Test func `only services whose backends keep the whole connection may be sloppy`() {
        for (mode, transport) in [(ForwardingMode.fnat, TransportProtocol.tcp), (.dr, .udp)] {
            var service = DesiredState.web(transport, scheduler: .mh).services[0]
            service.mode = mode
            service.schedulerOptions.flags = [.mhSloppy]
            #expect(service.schedulingProblems.map(\.value) == ["mh-sloppy"])
        }
    }
}
