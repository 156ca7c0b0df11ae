// SPDX-License-Identifier: Apache-2.0
import Networking
import Packet
import Testing

/// Identifiers of interfaces, and what may change under them.
@Suite struct InterfaceTableTests {
    @Test func `a VLAN keeps its identifier whether it is up, down or the kernel has a side of it`()
        throws
    {
        var tables: [InterfaceTable] = []
        defer { for table in tables { table.destroy() } }
        func table(
            _ numbers: InterfaceNumbers,
            _ present: [InterfaceID: InterfaceRecord] = [:]
        ) -> InterfaceTable {
            let table = InterfaceTable(numbers, present)
            tables.append(table)
            return table
        }
        var numbers = InterfaceNumbers()
        let tags = VLANTags(outer: 5, inner: 7)
        let reserved = numbers.reserve(port: 3, tags)
        let id = try #require(reserved)
        #expect(!id.isPort && numbers.port(of: id) == 3)
        let none = table(InterfaceNumbers())
        #expect(none.tags(of: id).isEmpty && none.interface(port: 3, tags) == nil)
        #expect(none.vlans == [] && none.interface(port: 3, VLANTags()) == 3)
        #expect(!none[id].takesFrames && none[3].takesFrames)
        let down = table(numbers)
        #expect(down.tags(of: id) == tags && down.port(of: id) == 3)
        #expect(down.interface(port: 3, tags) == nil && !down[id].takesFrames)
        let up = table(numbers, [id: InterfaceRecord(port: 3, mtu: 1400, hasCompanion: true)])
        #expect(up.interface(port: 3, tags) == id && up[id].hasCompanion && up[id].mtu == 1400)
        #expect(up.vlans == [id] && up.port(of: id) == 3 && up.smallestMTU == 1400)
        #expect(numbers.reserve(port: 3, tags) == id)
        let urgent = table(numbers, [id: InterfaceRecord(port: 3, mtu: 1500, priority: 6)])
        #expect(urgent.tags(of: id) == tags, "who looks for it does not see the priority")
        #expect(urgent.tagging(of: id) == VLANTags(outer: 6 << 13 | 5, inner: 6 << 13 | 7))
        #expect(urgent.interface(port: 3, tags) == id && !urgent[id].hasCompanion)
    }

    @Test func `nobody else's tags count, and ports have records of their own`() throws {
        var numbers = InterfaceNumbers()
        let ids = try (1...64 as ClosedRange<UInt16>)
            .map {
                let reserved = numbers.reserve(port: 0, VLANTags(outer: $0))
                return try #require(reserved)
            }
        #expect(Set(ids).count == 64)
        let record = InterfaceRecord(port: 0, mtu: 1500)
        var present = Dictionary(uniqueKeysWithValues: ids.map { ($0, record) })
        present[1] = InterfaceRecord(port: 1, mtu: 9000, hasCompanion: true)
        let table = InterfaceTable(numbers, present)
        defer { table.destroy() }
        #expect(Set(table.vlans) == Set(ids))
        #expect(table[1].hasCompanion && table[1].mtu == 9000 && !table[0].hasCompanion)
        #expect(table.smallestMTU == 1500)
        #expect(table.interface(port: 1, VLANTags(outer: 1)) == nil)
        #expect(table.interface(port: 1, VLANTags()) == 1)
    }

    @Test func `a tunnel is asked for by its identifier, and is no VLAN`() throws {
        var numbers = InterfaceNumbers()
        let reserved = numbers.reserve(tunnel: 3, port: 1)
        let tunnel = try #require(reserved)
        let table = InterfaceTable(numbers, [tunnel: InterfaceRecord(port: 1, mtu: 1476)])
        defer { table.destroy() }
        let tags = table.tags(of: tunnel)
        #expect(tags == VLANTags(tunnel: tunnel.rawValue) && table.tagging(of: tunnel) == tags)
        #expect(table.interface(port: 0, tags) == tunnel && table[tunnel].isTunnel)
        #expect(table.interface(port: 0, VLANTags(tunnel: 0)) == 0)
        #expect(table.interface(port: 0, VLANTags(tunnel: 1)) == nil, "that is a port")
        #expect(table.vlans == [])
    }

    @Test func `a copy gives identifiers of its own, and the original does not know them`() throws {
        var numbers = InterfaceNumbers()
        let reserved = numbers.reserve(port: 0, VLANTags(outer: 1))
        let first = try #require(reserved)
        let before = numbers
        var copy = numbers
        let reservedTunnel = copy.reserve(tunnel: 3, port: 1)
        let tunnel = try #require(reservedTunnel)
        #expect(tunnel != first && copy.port(of: tunnel) == 1 && numbers == before)
        #expect(copy.reserve(tunnel: 3, port: 0) == tunnel && copy.port(of: tunnel) == 0)
    }
}
