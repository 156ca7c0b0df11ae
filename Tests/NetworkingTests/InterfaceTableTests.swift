// SPDX-License-Identifier: Apache-2.0
import Networking
import Packet
import Testing

/// Numbers of interfaces, and what may change under them.
@Suite struct InterfaceTableTests {
    @Test func `a VLAN keeps its number whether it is up, down or the kernel has a side of it`()
        throws
    {
        var tables: [InterfaceTable] = []
        defer { for table in tables { table.destroy() } }
        func table(
            _ numbers: InterfaceNumbers,
            up: Set<Int> = [],
            companions: Set<Int> = [],
            priorities: [Int: Int] = [:]
        ) -> InterfaceTable {
            let table = InterfaceTable(
                numbers,
                up: up,
                companions: companions,
                priorities: priorities
            )
            tables.append(table)
            return table
        }
        var numbers = InterfaceNumbers()
        let tags = VLANTags(outer: 5, inner: 7)
        let reserved = numbers.reserve(port: 3, tags)
        let number = try #require(reserved)
        #expect(number >= InterfaceTable.firstNumber && numbers.port(of: number) == 3)
        let none = table(InterfaceNumbers())
        #expect(none.tags(of: number).isEmpty && none.number(port: 3, tags) == nil)
        #expect(none.numbers == [] && none.number(port: 3, VLANTags()) == 3)
        let down = table(numbers)
        #expect(down.tags(of: number) == tags && down.port(of: number) == 3)
        #expect(down.number(port: 3, tags) == nil && !down.takesFrames(number))
        let up = table(numbers, up: [number], companions: [number])
        #expect(up.number(port: 3, tags) == number && up.hasCompanion(number))
        #expect(numbers.reserve(port: 3, tags) == number && up.port(of: number) == 3)
        let urgent = table(numbers, up: [number], priorities: [number: 6])
        #expect(urgent.tags(of: number) == tags, "who looks for it does not see the priority")
        #expect(urgent.tagging(of: number) == VLANTags(outer: 6 << 13 | 5, inner: 6 << 13 | 7))
        #expect(urgent.number(port: 3, tags) == number && !urgent.hasCompanion(number))
        let gone = table(numbers, companions: [number])
        #expect(gone.number(port: 3, tags) == nil)
        #expect(!gone.hasCompanion(number), "what is down has none")
        #expect(numbers.reserve(port: 3, tags) == number)
    }

    @Test func `ports have no companion here, and nobody else's tags count`() throws {
        var names = InterfaceNumbers()
        let numbers = try (1...64 as ClosedRange<UInt16>)
            .map {
                let reserved = names.reserve(port: 0, VLANTags(outer: $0))
                return try #require(reserved)
            }
        #expect(Set(numbers).count == 64)
        let table = InterfaceTable(
            names,
            up: Set(numbers),
            companions: Set(numbers.prefix(32))
        )
        defer { table.destroy() }
        #expect(numbers.filter(table.hasCompanion) == Array(numbers.prefix(32)))
        #expect(!(0..<InterfaceTable.firstNumber).contains(where: table.hasCompanion))
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
