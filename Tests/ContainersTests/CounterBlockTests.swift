// SPDX-License-Identifier: Apache-2.0
import Containers
import PacketTesting
import Testing

@Suite struct CounterBlockTests {
    @Test func `counters begin at zero, add and wrap`() throws {
        let block = try #require(CounterBlock(count: 100_000))
        defer { block.destroy() }
        #expect(block.count == 100_000 && block[0] == 0 && block[99_999] == 0)
        block.add(5, at: 3)
        block.add(.max, at: 3)
        #expect(block[3] == 4 && block[2] == 0 && block[4] == 0)
        block.set(0, at: 3)
        #expect(block[3] == 0)
    }

    @Test func `copies name the same memory`() throws {
        let block = try #require(CounterBlock(count: 4))
        defer { block.destroy() }
        let copy = block
        copy.add(7, at: 1)
        #expect(block[1] == 7)
    }

    @Test func `a generous block is given at once`() throws {
        let block = try #require(CounterBlock(count: 1 << 28))
        defer { block.destroy() }
        block.add(1, at: 1 << 28 - 1)
        #expect(block[1 << 28 - 1] == 1 && block[1 << 27] == 0)
    }

    @Test func `more than there can be is refused`() {
        #expect(CounterBlock(count: 1 << 58) == nil)
    }

    @Test func `it counts as an array does`() throws {
        var random = SeededGenerator(seed: 1)
        let block = try #require(CounterBlock(count: 64))
        defer { block.destroy() }
        var expected = [UInt64](repeating: 0, count: 64)
        for _ in 0..<5_000 {
            let index = Int.random(in: expected.indices, using: &random)
            let amount = random.next()
            expected[index] &+= amount
            block.add(amount, at: index)
        }
        #expect(expected.indices.allSatisfy { block[$0] == expected[$0] })
    }

    @Test func `a reader on another thread sees whole numbers that only grow`() async throws {
        let block = try #require(CounterBlock(count: 1))
        let step: UInt64 = 1 << 32 | 1
        let rounds: UInt64 = 100_000
        async let isGood =
            Task.detached {
                var last: UInt64 = 0
                while last < step * rounds {
                    let value = block[0]
                    guard value >= last, value % step == 0 else { return false }
                    last = value
                    await Task.yield()
                }
                return true
            }
            .value
        for _ in 0..<rounds { block.add(step, at: 0) }
        #expect(await isGood)
        block.destroy()
    }
}

@Suite struct SharedCounterTests {
    @Test func `bits are set and cleared, and the word before is told`() throws {
        let block = try #require(CounterBlock(count: 2))
        defer { block.destroy() }
        #expect(block.insert(0b01, at: 1) == 0 && block.insert(0b10, at: 1) == 0b01)
        #expect(block.remove(0b01, at: 1) == 0b11 && block[1] == 0b10 && block[0] == 0)
    }

    @Test func `a word is exchanged only for what was expected`() throws {
        let block = try #require(CounterBlock(count: 1))
        defer { block.destroy() }
        #expect(block.exchange(0, for: 7, at: 0) && !block.exchange(0, for: 9, at: 0))
        #expect(block[0] == 7)
    }

    @Test func `the same counter of all blocks is added up`() throws {
        let blocks = try (0..<3).map { _ in try #require(CounterBlock(count: 4)) }
        let all = CounterBlocks(blocks)
        defer {
            all.destroy()
            blocks.forEach { $0.destroy() }
        }
        for (index, block) in blocks.enumerated() { block.add(UInt64(index) + 1, at: 2) }
        #expect(all.sum(at: 2) == 6 && all.sum(at: 3) == 0)
    }
}
