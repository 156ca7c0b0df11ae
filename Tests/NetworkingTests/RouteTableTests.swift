// SPDX-License-Identifier: Apache-2.0
import Networking
import PacketTesting
import Testing

@Suite struct RouteTableTests {
    private typealias Entry = RouteTable<UInt32>.Entry

    @Test func `an empty table knows no way`() {
        let table = RouteTable<UInt32>([])
        defer { table.destroy() }
        #expect(table.target(for: 0).kind == .none)
        #expect(table.target(for: .max).kind == .none)
    }

    @Test func `the longest prefix counts, and of equal ones the later`() {
        let table = RouteTable<UInt32>([
            Entry(network: 0, length: 0, target: RouteTarget(.gateway, index: 1)),
            Entry(network: 0x0A00_0000, length: 8, target: RouteTarget(.link, index: 2)),
            Entry(network: 0x0A01_0000, length: 16, target: RouteTarget(.link, index: 3)),
            Entry(network: 0x0A01_0001, length: 32, target: RouteTarget(.local)),
            Entry(network: 0x0A01_0001, length: 32, target: RouteTarget(.localAddress, index: 9)),
        ])
        defer { table.destroy() }
        #expect(table.target(for: 0x0101_0101) == RouteTarget(.gateway, index: 1))
        #expect(table.target(for: 0x0AFF_0000) == RouteTarget(.link, index: 2))
        #expect(table.target(for: 0x0A01_0000) == RouteTarget(.link, index: 3))
        #expect(table.target(for: 0x0A01_0001) == RouteTarget(.localAddress, index: 9))
        #expect(table.target(for: 0x0A01_0002) == RouteTarget(.link, index: 3))
        #expect(table.target(for: 0x0A02_0000) == RouteTarget(.link, index: 2))
        #expect(table.target(for: .max) == RouteTarget(.gateway, index: 1))
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `it agrees with a search through the whole list`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let entries = (0..<300)
            .map { index in
                let length = Int.random(in: 0...32, using: &random)
                // Few high bits, so that prefixes nest.
                let address =
                    UInt32.random(in: 0...0xFF, using: &random) << 24
                    | UInt32.random(in: 0...0xFF, using: &random)
                let mask: UInt32 = length == 0 ? 0 : .max << UInt32(32 - length)
                return Entry(
                    network: address & mask,
                    length: length,
                    target: RouteTarget(.link, index: index)
                )
            }
        let table = RouteTable(entries)
        defer { table.destroy() }
        let edges = entries.flatMap { [$0.network, $0.network &- 1, $0.network &+ 1] }
        let others = (0..<2_000).map { _ in UInt32.random(in: 0...(.max), using: &random) }
        for address in edges + others {
            var best = RouteTarget.none
            var bestLength = -1
            for entry in entries where entry.length >= bestLength {
                let mask: UInt32 = entry.length == 0 ? 0 : .max << UInt32(32 - entry.length)
                if address & mask == entry.network {
                    best = entry.target
                    bestLength = entry.length
                }
            }
            #expect(table.target(for: address) == best, "seed \(seed), address \(address)")
        }
    }

    @Test func `128-bit addresses are routed by the same code`() {
        let network = UInt128(0x2001_0DB8) << 96
        let table = RouteTable<UInt128>([
            .init(network: network, length: 32, target: RouteTarget(.link, index: 4)),
            .init(network: network | 1, length: 128, target: RouteTarget(.local)),
        ])
        defer { table.destroy() }
        #expect(table.target(for: network | 1).kind == .local)
        #expect(table.target(for: network | 2).index == 4)
        #expect(table.target(for: 1).kind == .none)
    }
}
