// SPDX-License-Identifier: Apache-2.0
import CPacket

/// Words that several threads write: whole, but dearer than counters with one writer.
extension CounterBlock {
    /// Sets `bits`; returns the word before.
    public func insert(_ bits: UInt64, at index: Int) -> UInt64 {
        assert((0..<count).contains(index))
        return unsafe CPacket_fetch_or(place(index), bits)
    }

    /// Clears `bits`; returns the word before.
    public func remove(_ bits: UInt64, at index: Int) -> UInt64 {
        assert((0..<count).contains(index))
        return unsafe CPacket_fetch_and(place(index), ~bits)
    }

    public func addShared(_ amount: UInt64, at index: Int) {
        _ = fetchAdd(amount, at: index)
    }

    /// Adds `amount`; returns the word before.
    public func fetchAdd(_ amount: UInt64, at index: Int) -> UInt64 {
        assert((0..<count).contains(index))
        return unsafe CPacket_fetch_add(place(index), amount)
    }

    /// Whether the word was `expected`; then it is `value` now.
    public func exchange(_ expected: UInt64, for value: UInt64, at index: Int) -> Bool {
        assert((0..<count).contains(index))
        return unsafe CPacket_exchange(place(index), expected, value)
    }
}

/// The same block of every worker, for limits that hold over all of them.
///
/// A handle to the list; the blocks belong to whoever made them.
@safe
public struct CounterBlocks: BitwiseCopyable, @unchecked Sendable {
    private let blocks: UnsafeMutablePointer<CounterBlock>
    public let count: Int

    public init(_ blocks: [CounterBlock]) {
        count = blocks.count
        unsafe self.blocks = .allocate(capacity: max(1, blocks.count))
        for (index, block) in blocks.enumerated() {
            unsafe (self.blocks + index).initialize(to: block)
        }
    }

    public func destroy() { unsafe blocks.deallocate() }

    /// One counter over all workers.
    public func sum(at index: Int) -> UInt64 {
        var sum: UInt64 = 0
        for position in 0..<count { unsafe sum &+= blocks[position][index] }
        return sum
    }
}
