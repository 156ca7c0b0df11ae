// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import PacketTesting
import Testing

@Suite struct ForwardingTableTests {
    private static func ip(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("no address: \(text)") }
        return address
    }

    /// Links 3 and 4, a gateway of each family on them, and one own address of each family.
    private static func table(_ adjacencies: AdjacencyTable) throws -> ForwardingTable {
        let gateway4 = adjacencies.insert(ip("10.0.0.254"), on: 3, at: 0, generation: 1)
        let gateway6 = adjacencies.insert(ip("fe80::1"), on: 4, at: 1, generation: 1)
        func network(_ text: String) throws -> UInt128 {
            try required(IPv6Address(text)).rawValue
        }
        return ForwardingTable(
            routes: RouteTable([
                .init(network: 0, length: 0, target: RouteTarget(.gateway, index: 0, mtuClass: 1)),
                .init(network: 0x0A00_0000, length: 24, target: RouteTarget(.link, index: 3)),
                .init(network: 0x0A00_0001, length: 32, target: RouteTarget(.local)),
            ]),
            routes6: RouteTable([
                .init(network: 0, length: 0, target: RouteTarget(.gateway, index: 1)),
                .init(
                    network: try network("2001:db8::"),
                    length: 64,
                    target: RouteTarget(.link, index: 4, mtuClass: 2)
                ),
                .init(
                    network: try network("2001:db8::1"),
                    length: 128,
                    target: RouteTarget(.local)
                ),
            ]),
            gateways: try [required(gateway4), required(gateway6)],
            mtus: [1400, 1280],
            generation: 1,
            adjacencies: adjacencies
        )
    }

    private static func withTable(_ body: (ForwardingTable, AdjacencyTable) throws -> Void) throws {
        let adjacencies = try required(AdjacencyTable(capacity: 16))
        let table = try table(adjacencies)
        defer {
            table.destroy()
            adjacencies.destroy()
        }
        try body(table, adjacencies)
    }

    @Test(arguments: [
        ("8.8.8.8", 3), ("10.0.0.9", 3), ("10.0.0.1", nil), ("2001:db9::1", 4),
        ("2001:db8::9", 4), ("2001:db8::1", nil),
    ])
    func `a packet leaves by the port of its link or gateway, whatever its family`(
        address: String,
        interface: InterfaceID?
    ) throws {
        try Self.withTable { table, _ in
            #expect(table.interface(toward: Self.ip(address)) == interface)
            #expect(table.isLocal(Self.ip(address)) == (interface == nil))
        }
    }

    @Test func `next hops are gateways, known neighbours, or to be asked for`() throws {
        try Self.withTable { table, adjacencies in
            guard case .adjacency(let hop) = table.nextHop(for: Self.ip("2a00::1")) else {
                Issue.record("no gateway")
                return
            }
            #expect(adjacencies.address(of: hop) == Self.ip("fe80::1"))
            #expect(table.nextHop(for: Self.ip("2001:db8::5")) == .unresolved)
            let neighbour = try required(
                adjacencies.insert(Self.ip("2001:db8::5"), on: 4, at: 2, generation: 1)
            )
            #expect(table.nextHop(for: Self.ip("2001:db8::5")) == .adjacency(neighbour))
            #expect(table.nextHop(for: Self.ip("2001:db8::1")) == .unreachable)
        }
    }

    @Test(
        arguments: [
            ("8.8.8.8", 1400), ("10.0.0.9", 1500), ("2001:db8::9", 1280), ("2a00::1", 1500),
        ] as [(String, UInt16)]
    )
    func `a route narrows the MTU of its port and never widens it`(
        address: String,
        mtu: UInt16
    ) throws {
        try Self.withTable { table, _ in
            #expect(table.mtu(toward: Self.ip(address), linkMTU: 1500) == mtu)
            #expect(table.mtu(toward: Self.ip(address), linkMTU: 1000) == 1000)
            #expect(table.smallestMTU == 1280)
        }
    }

    @Test func `kind, MTU class and index do not disturb each other`() {
        let target = RouteTarget(.localAddress, index: 0xF_FFFF, mtuClass: 255)
        #expect(target.kind == .localAddress && target.index == 0xF_FFFF && target.mtuClass == 255)
        let plain = RouteTarget(.link, index: 7)
        #expect(plain.kind == .link && plain.index == 7 && plain.mtuClass == 0)
    }
}
