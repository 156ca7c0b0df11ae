// SPDX-License-Identifier: Apache-2.0
import Containers
import Synchronization
import Testing

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
