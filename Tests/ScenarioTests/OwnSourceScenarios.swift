// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Packet
import PacketTesting
import Testing

/// Packets that claim to come from an address of ours go nowhere.
@Suite struct OwnSourceScenarios {
    enum Owner: CaseIterable { case service, local, interface }

    private func address(_ owner: Owner, _ family: Family) -> String {
        switch owner {
        case .service: family.vip
        case .local: family.local
        case .interface: family == .ipv4 ? "10.0.0.1" : "2001:db8::1"
        }
    }

    private func payload(_ protocol: TransportProtocol, _ family: Family) -> (UInt8, [UInt8]) {
        switch `protocol` {
        case .tcp: (6, IPPacket.tcp(40000, 80, flags: Frame.syn))
        case .udp: (17, IPPacket.udp(40000, 80, [1, 2]))
        case .sctp: (132, [0x9C, 0x40, 0, 80] + Array(repeating: 0, count: 8) + [1, 0, 0, 4])
        case .icmp: (family == .ipv4 ? 1 : 58, [family == .ipv4 ? 8 : 128, 0, 0, 0, 0, 1, 0, 1])
        }
    }

    @Test(arguments: Family.allCases, TransportProtocol.allCases)
    func `no connection is opened for one, whatever the protocol`(
        family: Family,
        protocol: TransportProtocol
    ) throws {
        let world = try family.world(try family.state(`protocol`))
        defer { world.expectConservation() }
        let (number, octets) = payload(`protocol`, family)
        for owner in Owner.allCases {
            let source = address(owner, family)
            world.send(IPPacket(from: source, to: family.vip, number, octets), on: 0)
        }
        #expect(world.drops(.badSourceAddress) == 3 && world.connectionCount == 0)
        #expect(world.takePackets(0).isEmpty && world.takePackets(1).isEmpty)
        world.send(IPPacket(from: family.client, to: family.vip, number, octets), on: 0)
        #expect(world.drops(.badSourceAddress) == 3)
    }

    @Test(arguments: [ForwardingMode.nat, .dr])
    func `other modes open none either, and fragments neither`(mode: ForwardingMode) throws {
        let family = Family.ipv4
        let world = try family.world(try family.state(mode: mode, backendPort: 80))
        defer { world.expectConservation() }
        let datagram = IPPacket.udp(40000, 80, Array(repeating: 7, count: 1200))
        let packet = IPPacket(from: family.vip, to: family.vip, 17, datagram)
        world.send(packet, on: 0)
        world.send(packet.fragments(of: 800), on: 0)
        #expect(world.drops(.badSourceAddress) == 2 && world.drops(.fragmentOfDropped) == 1)
        #expect(world.connectionCount == 0)
    }

    @Test(arguments: Family.allCases)
    func `nobody is answered who asks ourselves in our name`(family: Family) throws {
        let world = try family.world(try family.state(.tcp))
        defer { world.expectConservation() }
        for `protocol` in [TransportProtocol.udp, .icmp] {
            let (number, octets) = payload(`protocol`, family)
            world.send(IPPacket(from: family.local, to: family.vip, number, octets), on: 0)
        }
        #expect(world.drops(.badSourceAddress) == 2)
        #expect(world.takePackets(0).isEmpty && world.takePackets(1).isEmpty)
    }

    @Test func `explain says so, and why`() throws {
        let world = try quickstartWorld(.web(.udp))
        let explanation = try world.explain(
            ExplanationRequest(
                source: try #require(Endpoint("10.0.1.200:40000")),
                destination: try #require(Endpoint("10.0.0.100:80")),
                protocol: .udp,
                interface: "dpdk0"
            )
        )
        #expect(explanation.verdict == .dropped)
        #expect(explanation.dropReason == "bad_source_address")
        let source = explanation.steps.first { $0.name == "source" }
        #expect(
            source?.text == "10.0.1.200 is an address of ours, so no other node may send from it"
        )
    }
}
