// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import Containers

@Suite struct RingTests {
    @Test func `elements come out in order and a full ring refuses`() {
        let ring = Ring<Int>(capacity: 3)
        defer { ring.destroy() }
        #expect(ring.capacity == 4)
        for value in 0..<4 { #expect(ring.push(value)) }
        #expect(!ring.push(4))
        #expect(ring.count == 4)
        for value in 0..<4 { #expect(ring.pop() == value) }
        #expect(ring.pop() == nil)
    }

    @Test func `what producer and consumer write is 64 octets apart, on lines of the ring alone`() {
        let rings = (0..<8).map { _ in Ring<UInt8>(capacity: 64) }
        defer { rings.forEach { $0.destroy() } }
        for ring in rings { #expect(ring.address % 64 == 0) }
        typealias Layout = Ring<UInt8>.Layout
        #expect(Layout.produced / 64 == Layout.consumedSeen / 64, "both are the producer's")
        #expect(Layout.consumed / 64 == Layout.producedSeen / 64, "both are the consumer's")
        let lines = [Layout.produced, Layout.consumed, Layout.header].map { $0 / 64 }
        #expect(Set(lines).count == 3)
    }

    @Test func `nothing is lost between two threads`() async {
        let ring = Ring<UInt64>(capacity: 64)
        defer { ring.destroy() }
        let total: UInt64 = 200_000
        async let sum =
            Task.detached {
                var sum: UInt64 = 0
                var expected: UInt64 = 0
                while expected < total {
                    guard let value = ring.pop() else {
                        await Task.yield()
                        continue
                    }
                    #expect(value == expected)
                    expected += 1
                    sum += value
                }
                return sum
            }
            .value
        for value in 0..<total {
            while !ring.push(value) { await Task.yield() }
        }
        #expect(await sum == total * (total - 1) / 2)
    }
}
