// SPDX-License-Identifier: Apache-2.0
import Networking
import Packet
import Testing

/// Numbers of interfaces, and what may change under them.
@Suite struct VLANTableTests {
    @Test func `a VLAN keeps its number whether it is up, down or the kernel has a side of it`()
        throws
    {
        let table = try #require(VLANTable())
        defer { table.destroy() }
        var numbers = InterfaceNumbers()
        let tags = VLANTags(outer: 5, inner: 7)
        let reserved = numbers.reserve(port: 3, tags)
        let number = try #require(reserved)
        #expect(number >= VLANTable.firstNumber && numbers.port(of: number) == 3)
        #expect(table.tags(of: number).isEmpty, "nobody knows it yet")
        table.show(numbers, up: [])
        #expect(table.tags(of: number) == tags && table.port(of: number) == 3)
        #expect(table.number(port: 3, tags) == nil, "it is not up yet")
        table.show(numbers, up: [number], companions: [number])
        #expect(table.number(port: 3, tags) == number && table.hasCompanion(number))
        #expect(numbers.reserve(port: 3, tags) == number && table.port(of: number) == 3)
        table.show(numbers, up: [number], priorities: [number: 6])
        #expect(table.tags(of: number) == tags, "who looks for it does not see the priority")
        #expect(table.tagging(of: number) == VLANTags(outer: 6 << 13 | 5, inner: 6 << 13 | 7))
        #expect(table.number(port: 3, tags) == number && !table.hasCompanion(number))
        table.show(numbers, up: [], companions: [number])
        #expect(table.number(port: 3, tags) == nil)
        #expect(!table.hasCompanion(number), "what is down has none")
        #expect(numbers.reserve(port: 3, tags) == number)
    }

    @Test func `ports have no companion here, and nobody else's tags count`() throws {
        let table = try #require(VLANTable())
        defer { table.destroy() }
        var names = InterfaceNumbers()
        let numbers = try (1...64 as ClosedRange<UInt16>)
            .map {
                let reserved = names.reserve(port: 0, VLANTags(outer: $0))
                return try #require(reserved)
            }
        #expect(Set(numbers).count == 64)
        table.show(names, up: Set(numbers), companions: Set(numbers.prefix(32)))
        #expect(numbers.filter(table.hasCompanion) == Array(numbers.prefix(32)))
        #expect(!(0..<VLANTable.firstNumber).contains(where: table.hasCompanion))
        #expect(table.number(port: 1, VLANTags(outer: 1)) == nil)
        #expect(table.number(port: 1, VLANTags()) == 1)
    }

    @Test func `a copy gives numbers of its own, and the original does not know them`() throws {
        var numbers = InterfaceNumbers()
        let reserved = numbers.reserve(port: 0, VLANTags(outer: 1))
        let first = try #require(reserved)
        let before = numbers
        var copy = numbers
        let reservedTunnel = copy.reserve(tunnel: 3, port: 1)
        let tunnel = try #require(reservedTunnel)
        #expect(copy.isTunnel(tunnel) && copy.port(of: tunnel) == 1 && !copy.isTunnel(first))
        #expect(numbers == before && !numbers.isTunnel(tunnel))
        #expect(copy.reserve(tunnel: 3, port: 0) == tunnel && copy.port(of: tunnel) == 0)
    }
}
