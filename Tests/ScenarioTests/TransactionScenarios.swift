// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Networking
import Packet
import PacketTesting
import Testing

@testable import Provisioning

/// A compilation that fails leaves nothing, and one that succeeds is shown in order.
@Suite struct TransactionScenarios {
    /// What makes a state impossible, found at different stages of the compilation.
    enum Fault: CaseIterable, Sendable {
        case unknownDevice, noCompanion, unknownInterface, gatewayOnNoLink, tooManyMTUs
        case noAddressTowardBackend, tunnelIntoTunnel, unknownSelector

        func spoil(_ state: inout DesiredState) {
            switch self {
            case .unknownDevice:
                state.vlans.append(VLANInterface(name: "lost", link: "dpdk9", id: 9))
            case .noCompanion:
                state.vlans.append(
                    VLANInterface(
                        name: "held",
                        link: "dpdk0",
                        id: 99,
                        companionName: "refused",
                        companionType: .tap
                    )
                )
            case .unknownInterface:
                state.addresses.append(
                    InterfaceAddress(interface: "nowhere", prefix: .literal("10.77.0.1/24"))
                )
            case .gatewayOnNoLink:
                state.routes.append(
                    Route(destination: .literal("10.78.0.0/16"), gateway: IPAddress("10.99.0.1"))
                )
            case .tooManyMTUs:
                state.routes += (0..<300)
                    .map {
                        Route(
                            destination: .literal("10.\($0 / 250 + 100).\($0 % 250).0/24"),
                            interface: "dpdk1",
                            mtu: 600 + $0
                        )
                    }
            case .noAddressTowardBackend:
                var service = Service(
                    key: .init(address: .v4(IPv4Address(10, 0, 0, 130)), port: 80, protocol: .udp),
                    name: "wrapped",
                    mode: .tunnel
                )
                service.backends = [Backend(endpoint: Endpoint(.v4(IPv4Address(10, 66, 0, 2)), 80))]
                state.services.append(service)
                // A way there, by an interface without an address.
                state.vlans.append(VLANInterface(name: "bare", link: "dpdk1", id: 98))
                state.routes.append(
                    Route(destination: .literal("10.66.0.0/16"), interface: "bare")
                )
            case .tunnelIntoTunnel:
                state.tunnels += [
                    TunnelInterface(name: "x1", kind: .gre, remote: IPAddress("10.70.0.2")),
                    TunnelInterface(name: "x2", kind: .ipip, remote: IPAddress("10.0.1.9")),
                ]
                state.routes.append(
                    Route(destination: .literal("10.70.0.0/16"), interface: "x2")
                )
            case .unknownSelector:
                var service = state.services[0]
                service.name = "matched"
                service.key = Service.Key(
                    .match(
                        TrafficMatch(
                            source: .any(.ipv4),
                            destination: .any(.ipv4),
                            inputInterface: "dpdk8"
                        )
                    ),
                    .udp
                )
                state.services.append(service)
            }
        }
    }

    /// Something of every kind, in few different keys.
    private func state(_ generator: inout SeededGenerator) -> DesiredState {
        func some(_ range: ClosedRange<Int>) -> [Int] {
            range.shuffled(using: &generator).prefix(Int.random(in: 0...3, using: &generator))
                .sorted()
        }
        var state = DesiredState.web(.udp)
        state.vlans = some(1...4)
            .map {
                VLANInterface(
                    name: "v\($0)",
                    link: "dpdk\($0 % 2)",
                    id: $0,
                    priority: Int.random(in: 0...7, using: &generator)
                )
            }
        state.tunnels = some(1...3)
            .map {
                TunnelInterface(
                    name: "t\($0)",
                    kind: .gre,
                    remote: .v4(IPv4Address(10, 0, 1, UInt8(50 + $0))),
                    local: IPAddress("10.0.1.1")
                )
            }
        state.routes = some(1...5)
            .map {
                Route(
                    destination: .literal("10.\(20 + $0).0.0/16"),
                    gateway: .v4(IPv4Address(10, 0, 1, UInt8(240 + $0))),
                    mtu: 1000 + $0
                )
            }
        state.neighbours = some(1...3)
            .map {
                Neighbour(
                    interface: "dpdk1",
                    address: .v4(IPv4Address(10, 0, 1, UInt8(60 + $0))),
                    macAddress: .backend(60 + $0)
                )
            }
        state.services += some(1...6)
            .map { number in
                Service(
                    key: .init(
                        address: .v4(IPv4Address(10, 0, 0, UInt8(110 + number))),
                        port: 80,
                        protocol: .udp
                    ),
                    name: "s\(number)",
                    mode: number == 6 ? .tunnel : .fnat,
                    localAddresses: number == 6
                        ? [] : [.v4(IPv4Address(10, 0, 1, UInt8(200 + number % 4)))],
                    persistence: number % 2 == 0 ? Persistence() : nil,
                    backends: (0...Int.random(in: 0...3, using: &generator))
                        .map {
                            Backend(
                                endpoint: Endpoint(.v4(IPv4Address(10, 0, 1, UInt8(2 + $0))), 80),
                                weight: Int.random(in: 0...2, using: &generator)
                            )
                        }
                )
            }
        return state
    }

    private func expectSame(
        _ left: World,
        _ right: World,
        _ state: DesiredState,
        _ comment: Comment
    ) throws {
        let (a, b) = (
            try left.provisioner.compile(state, at: left.now),
            try right.provisioner.compile(state, at: right.now)
        )
        /// Handles say where an entry of this table is; what is in it has to be the same.
        func resolved(_ layout: Layout, _ world: World) -> (Layout, [NeighbourPlace]) {
            var layout = layout
            let table = world.engine.adjacencies
            let gateways = layout.network.paths.gateways.map {
                NeighbourPlace(table.address(of: $0), on: table.interface(of: $0))
            }
            layout.network.paths.gateways = []
            return (layout, gateways)
        }
        let (mine, its) = (resolved(a.layout, left), resolved(b.layout, right))
        #expect(mine.0 == its.0, comment)
        #expect(mine.1 == its.1, comment)
        #expect(a.books.pinned == b.books.pinned, comment)
        #expect(a.books.numbers == b.books.numbers, comment)
        for (world, compiled) in [(left, a), (right, b)] {
            world.provisioner.publish(compiled)
            world.provisioner.finish()
        }
    }

    @Test(arguments: Fault.allCases, 0..<UInt64(8))
    func `a good state after a failing one gives the octets that it gives alone`(
        fault: Fault,
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let first = state(&generator)
        let (world, clean) = (try World(first), try World(first))
        world.kernel.refused = ["refused"]
        for round in 0..<3 {
            var bad = state(&generator)
            fault.spoil(&bad)
            #expect(throws: ProvisioningError.self, "\(fault)") {
                _ = try world.provisioner.compile(bad, at: world.now)
            }
            try expectSame(world, clean, state(&generator), "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: Fault.allCases)
    func `addresses of a state that failed are neither announced nor answered for`(
        fault: Fault
    ) throws {
        let world = try quickstartWorld(.web(.udp))
        world.kernel.refused = ["refused"]
        var bad = world.provisioner.state
        bad.services[0].localAddresses = [.v4(IPv4Address(10, 0, 1, 222))]
        bad.routes.append(
            Route(destination: .literal("10.50.0.0/16"), gateway: IPAddress("10.0.1.250"))
        )
        fault.spoil(&bad)
        #expect(throws: ProvisioningError.self) { try world.apply(bad) }
        try world.change { $0.services[0].backends[0].weight = 2 }
        world.settle()
        let announced = (world.takeARP(0) + world.takeARP(1)).compactMap(\.arp)
            .filter { $0.sender == $0.target }
        #expect(announced.isEmpty)
        world.send(
            Frame.arp(
                isReply: false,
                from: "10.0.1.2",
                at: .backend(2),
                to: "10.0.1.222",
                at: .zero
            ),
            on: 1
        )
        #expect(!world.takeARP(1).contains { $0.arp?.operation == 2 })
        // Nobody asks for the gateway any more once it has not answered.
        world.advance(.seconds(8))
        _ = world.takeARP(1)
        world.advance(.seconds(20))
        let gateway = IPv4Address(10, 0, 1, 250)
        #expect(!world.takeARP(1).contains { $0.arp?.target == gateway })
    }

    @Test func `a gateway that no route names any more is not asked for any more`() throws {
        let world = try quickstartWorld(.web(.udp))
        try world.change {
            $0.routes.append(
                Route(destination: .literal("10.50.0.0/16"), gateway: IPAddress("10.0.1.250"))
            )
        }
        world.advance(.seconds(20))
        let gateway = IPv4Address(10, 0, 1, 250)
        #expect(world.takeARP(1).contains { $0.arp?.target == gateway })
        try world.change { $0.routes = [] }
        world.advance(.seconds(8))
        _ = world.takeARP(1)
        world.advance(.seconds(20))
        #expect(!world.takeARP(1).contains { $0.arp?.target == gateway })
    }

    // MARK: - Order

    @Test func `a gateway on a new VLAN is asked for as soon as the VLAN is up, and not before`()
        throws
    {
        let world = try quickstartWorld(.web(.udp))
        var state = world.provisioner.state
        state.vlans = [VLANInterface(name: "far", link: "dpdk1", id: 7)]
        state.addresses.append(
            InterfaceAddress(interface: "far", prefix: .literal("10.7.0.1/24"))
        )
        state.routes.append(
            Route(destination: .literal("10.50.0.0/16"), gateway: IPAddress("10.7.0.9"))
        )
        _ = world.takeARP(0) + world.takeARP(1)
        let compiled = try world.provisioner.compile(state, at: world.now)
        world.settle()
        #expect(world.takeARP(0).isEmpty && world.takeARP(1).isEmpty)
        world.provisioner.publish(compiled)
        world.settle()
        let asked = world.takeARP(1).filter { $0.arp?.target == IPv4Address(10, 7, 0, 9) }
        #expect(asked.map { Array($0.octets[12..<16]) } == [[0x81, 0, 0, 7]])
        #expect(world.takeARP(0).isEmpty)
    }

    @Test func `an address is served before it is announced`() throws {
        let world = try quickstartWorld(.web(.udp))
        var state = world.provisioner.state
        var service = state.services[0]
        service.key = .init(address: .v4(IPv4Address(10, 0, 0, 101)), port: 80, protocol: .udp)
        service.name = "new"
        state.services.append(service)
        world.provisioner.publish(try world.provisioner.compile(state, at: world.now))
        world.settle()
        #expect(world.takeARP(0).isEmpty)
        world.send(Frame.udp(from: "10.0.0.10:5000", to: "10.0.0.101:80"), on: 0)
        #expect(world.take(1).count == 1)
        world.provisioner.finish()
        world.settle()
        let announced = world.takeARP(0).compactMap(\.arp).filter { $0.sender == $0.target }
        #expect(announced.map(\.sender).contains(IPv4Address(10, 0, 0, 101)))
    }

    @Test func `VLANs switch with the pointer; neighbours that are given stay beside the new ones`()
        throws
    {
        var state = DesiredState.web(.udp)
        state.vlans = [VLANInterface(name: "old", link: "dpdk0", id: 5)]
        state.neighbours = [
            Neighbour(
                interface: "dpdk1",
                address: .v4(IPv4Address(10, 0, 1, 60)),
                macAddress: .backend(60)
            )
        ]
        let world = try quickstartWorld(state)
        func isUp(_ id: UInt16) -> Bool {
            world.engine.interchange.interfaces.interface(port: 0, VLANTags(outer: id)) != nil
        }
        func given() -> Int { world.slowPath.neighbourCount(in: .permanent) }
        #expect(isUp(5) && !isUp(6) && given() == 1)
        state.vlans = [VLANInterface(name: "new", link: "dpdk0", id: 6)]
        state.neighbours[0].address = .v4(IPv4Address(10, 0, 1, 61))
        let compiled = try world.provisioner.compile(state, at: world.now)
        #expect(isUp(5) && !isUp(6) && given() == 1, "nothing has changed yet")
        world.provisioner.publish(compiled)
        #expect(!isUp(5) && isUp(6) && given() == 2, "workers use the one or the other")
        world.settle()
        world.provisioner.finish()
        #expect(!isUp(5) && isUp(6) && given() == 1)
    }
}
