// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Testing

@Suite struct AdjacencyTableTests {
    private let address = IPAddress.v4(IPv4Address(10, 0, 0, 1))

    @Test func `a neighbour is found by address and port, and tells its MAC when it is known`()
        throws
    {
        let table = try #require(AdjacencyTable(capacity: 16))
        defer { table.destroy() }
        let handle = try #require(table.insert(address, on: 3, at: 5, generation: 1))
        #expect(table.find(address, on: 3) == handle)
        #expect(table.find(address, on: 2) == .none)
        #expect(table.interface(of: handle) == 3)
        #expect(table.address(of: handle) == address)
        #expect(table.answer(for: handle).state == .unresolved)
        let mac = try #require(MACAddress("02:11:22:33:44:55"))
        table.set(.reachable, mac, for: handle)
        #expect(table.answer(for: handle).isReachable)
        #expect(table.answer(for: handle).destination == 0x5544_3322_1102)
        table.set(.stale, mac, for: handle)
        #expect(!table.answer(for: handle).isReachable)
        #expect(table.answer(for: handle).isCurrent)
    }

    @Test func `the handle of a removed neighbour is not current, even when its place is reused`()
        throws
    {
        let table = try #require(AdjacencyTable(capacity: 16))
        defer { table.destroy() }
        let first = try #require(table.insert(address, on: 0, at: 0, generation: 1))
        table.set(.reachable, .broadcast, for: first)
        table.remove(first)
        #expect(table.find(address, on: 0) == .none)
        #expect(!table.answer(for: first).isCurrent)
        let second = try #require(table.insert(address, on: 0, at: 0, generation: 2))
        table.set(.reachable, .broadcast, for: second)
        #expect(!table.answer(for: first).isReachable)
        #expect(table.answer(for: second).isReachable)
        #expect(table.find(address, on: 0) == second)
    }

    @Test func `both families live in one table`() throws {
        let table = try #require(AdjacencyTable(capacity: 16))
        defer { table.destroy() }
        let other = IPAddress.v6(IPv6Address(high: 0, low: 0x0A00_0001))
        let first = try #require(table.insert(address, on: 0, at: 0, generation: 1))
        let second = try #require(table.insert(other, on: 0, at: 1, generation: 1))
        #expect(table.find(address, on: 0) == first)
        #expect(table.find(other, on: 0) == second)
    }

    @Test func `no handle is ever none`() {
        #expect(AdjacencyHandle.none.rawValue == 0)
    }
}
