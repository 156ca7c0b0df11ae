// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import PacketTesting
import Testing

/// `service_addresses configured`: a virtual address is ours while an interface has it.
@Suite struct ServiceAddressScenarios {
    private func world() throws -> World {
        var state = DesiredState.web()
        state.settings.items["global_defs.service_addresses"] = .text("configured")
        let world = try World(state)
        world.hosts[0][IPv4Address(10, 0, 0, 10)] = .client(10)
        world.settle()
        world.advance(.seconds(3))
        _ = world.takeARP(0)
        return world
    }

    private func isAnswered(_ world: World) -> Bool {
        world.send(Frame.arp(from: "10.0.0.10", at: .client(10), to: "10.0.0.100"), on: 0)
        return world.takeARP(0).contains { $0.arp?.operation == 2 }
    }

    private let virtual = InterfaceAddress(
        interface: "dpdk0",
        prefix: .literal("10.0.0.100/32"),
        owner: .kernel
    )

    @Test func `ARP is answered while the kernel has the address, and its coming is announced`()
        throws
    {
        let world = try world()
        #expect(!isAnswered(world))
        try world.change { $0.addresses.append(virtual) }
        world.settle()
        let announced = world.takeARP(0).compactMap(\.arp).filter { $0.sender == $0.target }
        #expect(announced.map(\.sender.description).contains("10.0.0.100"))
        #expect(isAnswered(world))
        try world.change { $0.addresses.removeAll { $0.owner == .kernel } }
        world.settle()
        _ = world.takeARP(0)
        #expect(!isAnswered(world))
        world.expectConservation()
    }

    @Test func `an address of IPv6 that the kernel has proven is used at once`() throws {
        let world = try World(.web())
        let own = InterfaceAddress(
            interface: "dpdk0",
            prefix: .literal("2001:db8::1/64"),
            owner: .kernel
        )
        try world.change { $0.addresses.append(own) }
        world.settle()
        let talk = world.takeLinkTalk(0).filter { $0.target?.description == "2001:db8::1" }
        // Advertisements, and no solicitation that asks for a duplicate.
        #expect(talk.contains { $0.icmp?.type == 136 })
        #expect(!talk.contains { $0.icmp?.type == 135 })
    }
}
