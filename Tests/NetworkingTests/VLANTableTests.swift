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
        let tags = VLANTags(outer: 5, inner: 7)
        let number = try #require(table.reserve(port: 3, tags))
        #expect(number >= VLANTable.firstNumber && table.port(of: number) == 3)
        #expect(table.tags(of: number) == tags)
        #expect(table.number(port: 3, tags) == nil, "it is not up yet")
        table.raise([number], companions: [number])
        #expect(table.number(port: 3, tags) == number && table.hasCompanion(number))
        #expect(table.reserve(port: 3, tags) == number && table.port(of: number) == 3)
        table.raise([number], priorities: [number: 6])
        #expect(table.tags(of: number) == tags, "who looks for it does not see the priority")
        #expect(table.tagging(of: number) == VLANTags(outer: 6 << 13 | 5, inner: 6 << 13 | 7))
        #expect(table.number(port: 3, tags) == number && !table.hasCompanion(number))
        table.raise([], companions: [number])
        #expect(table.number(port: 3, tags) == nil)
        #expect(!table.hasCompanion(number), "what is down has none")
        #expect(table.reserve(port: 3, tags) == number)
    }

    @Test func `ports have no companion here, and nobody else's tags count`() throws {
        let table = try #require(VLANTable())
        defer { table.destroy() }
        let numbers = try (1...64)
            .map { try #require(table.reserve(port: 0, VLANTags(outer: $0))) }
        #expect(Set(numbers).count == 64)
        table.raise(Set(numbers), companions: Set(numbers.prefix(32)))
        #expect(numbers.filter(table.hasCompanion) == Array(numbers.prefix(32)))
        #expect(!(0..<VLANTable.firstNumber).contains(where: table.hasCompanion))
        #expect(table.number(port: 1, VLANTags(outer: 1)) == nil)
        #expect(table.number(port: 1, VLANTags()) == 1)
    }
}
