// SPDX-License-Identifier: Apache-2.0
import Dataplane
import Packet
import Testing

@Suite struct WorkerCountersTests {
    @Test func `another process counts on from the totals, but not from what is so now`() throws {
        let counters = try #require(WorkerCounters())
        defer { counters.destroy() }
        counters.add(7, to: .received)
        counters.set(3, for: .connections)
        counters.count(.noRoute, packets: 2)
        #expect(counters.totals == ["received": 7, "noRoute": 2])

        let next = try #require(WorkerCounters())
        defer { next.destroy() }
        next.restore(counters.totals.merging(["unknown": 5]) { $1 })
        next.add(1, to: .received)
        #expect(next[.received] == 8)
        #expect(next[.noRoute] == 2)
        #expect(next[.connections] == 0)
        #expect(next.dropped == 2)
    }
}
