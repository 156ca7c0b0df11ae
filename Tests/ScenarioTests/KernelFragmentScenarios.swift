// SPDX-License-Identifier: Apache-2.0
import Balancing
import Dataplane
import Model
import Packet
import PacketTesting
import Provisioning
import Testing

/// Fragments for the kernel behind a companion: they go up, and the kernel puts them together.
@Suite struct KernelFragmentScenarios {
    /// What is cut into pieces.
    enum Content: CaseIterable, Sendable {
        case udp, tcp, echoRequest, echoReply, sctp

        func packet(_ family: Family, to destination: String) -> IPPacket {
            let data = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let isIPv4 = family == .ipv4
            let number: UInt8
            let payload: [UInt8]
            switch self {
            case .udp: (number, payload) = (17, IPPacket.udp(40000, 53, data))
            case .tcp: (number, payload) = (6, IPPacket.tcp(40000, 22, flags: 2, data))
            case .echoRequest:
                (number, payload) = (
                    isIPv4 ? 1 : 58, IPPacket.icmp(isIPv4 ? 8 : 128, rest: 77 << 16, data)
                )
            case .echoReply:
                (number, payload) = (
                    isIPv4 ? 1 : 58, IPPacket.icmp(isIPv4 ? 0 : 129, rest: 77 << 16, data)
                )
            case .sctp:
                // The ports 40000 and 9, and a chunk INIT.
                let header: [UInt8] = [0x9C, 0x40, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]
                (number, payload) = (132, header + [1, 0, 11, 0xB8] + data)
            }
            return IPPacket(from: family.client, to: destination, number, payload).withChecksum
        }
    }

    private func own(_ family: Family) -> String {
        family == .ipv4 ? "10.0.0.1" : "2001:db8::1"
    }

    private func frames(_ packets: [IPPacket]) -> [[UInt8]] {
        packets.map { $0.frame(to: World.portMACs[0]) }
    }

    @Test(arguments: Family.allCases, Content.allCases)
    func `all fragments go up as they came, the first one first`(
        family: Family,
        content: Content
    ) throws {
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let world = try family.world(try family.state(), companions: [0])
            defer { world.expectConservation() }
            let fragments = content.packet(family, to: own(family)).fragments(of: 1200)
            try #require(fragments.count == 3)
            world.send(order.map { fragments[$0] }, on: 0)
            let seen = world.takeKernel(0)
            #expect(Set(seen) == Set(frames(fragments)) && seen.count == 3, "\(order)")
            #expect(world.take(0).isEmpty && world.connectionCount == 0)
        }
    }

    @Test(arguments: Family.allCases, [true, false])
    func `whatever worker a fragment comes to, it finds the others`(
        family: Family,
        isHashKnown: Bool
    ) throws {
        let workers = 3
        let scaling = ReceiveSideScaling(table: (0..<128).map { $0 % workers })
        let world = try family.world(
            try family.state(),
            workers: workers,
            scaling: isHashKnown ? scaling : nil,
            companions: [0]
        )
        for flow in 0..<12 {
            for (kind, content) in Content.allCases.enumerated() {
                let fragments = content.packet(family, to: own(family))
                    .fragments(of: 1200, identification: UInt32(flow * 10 + kind))
                for (number, frame) in frames(fragments.reversed()).enumerated() {
                    world.links[0].deliver(frame, queue: (flow + number) % workers)
                }
                world.settle()
                #expect(Set(world.takeKernel(0)) == Set(frames(fragments)), "\(flow) \(content)")
                world.advance(.milliseconds(100))
            }
        }
        world.expectConservation()
    }

    @Test(arguments: Family.allCases)
    func `without a companion, and at a service's address, they are dropped as before`(
        family: Family
    ) throws {
        for (destination, companions) in [(own(family), []), (family.vip, [0])] {
            let world = try family.world(try family.state(), companions: companions)
            for content in [Content.udp, .echoRequest] {
                world.send(content.packet(family, to: destination).fragments(of: 1200), on: 0)
            }
            #expect(world.takeKernel(0).isEmpty)
            #expect(world.drops(.noService) == 1 && world.drops(.unexpectedFragment) == 1)
            #expect(world.drops(.fragmentOfDropped) == 4)
            world.expectConservation()
        }
    }

    @Test func `a datagram whose first fragment is beyond the rate costs the kernel nothing`()
        throws
    {
        var state = try Family.ipv4.state()
        state.settings.items["exception_defs.rest_rate"] = .integer(100)
        let world = try Family.ipv4.world(state, companions: [0])
        for number in 0..<20 {
            world.send(
                Content.udp.packet(.ipv4, to: "10.0.0.1")
                    .fragments(of: 1200, identification: UInt32(number)),
                on: 0
            )
        }
        let seen = world.takeKernel(0).compactMap { IPPacket(frame: $0) }
        let firsts = seen.count { $0.fragmentOffset == 0 }
        #expect(
            (3...5).contains(firsts) && (10...12).contains(seen.count),
            "a tenth of 100 at once"
        )
        #expect(world.drops(.fragmentOfDropped) == 2 * (20 - firsts))
        #expect(world.drops(.exceptionPoliced) == 20 - firsts + (3 * firsts - seen.count))
        world.expectConservation()
    }
}
