// SPDX-License-Identifier: Apache-2.0
import CLinux
import CPacket

/// An array of 64-bit counters with one writer and any number of readers.
///
/// A handle: copies name the same memory, which the maker destroys when the writer has ended. Pages
/// that are never written cost no memory, so a block may be generous.
@safe
public struct CounterBlock: BitwiseCopyable, @unchecked Sendable {
    private let base: UnsafeMutablePointer<UInt64>
    public let count: Int

    /// `count` zeros; nil when memory is short.
    public init?(count: Int) {
        guard let memory = unsafe CLinux_map_lazily(count * 8) else { return nil }
        unsafe base = memory.assumingMemoryBound(to: UInt64.self)
        self.count = count
    }

    public func destroy() { unsafe CLinux_unmap_lazily(base, count * 8) }

    /// A block of its own with the first `used` counters of this one; nil when memory is short.
    public func copy(first used: Int) -> CounterBlock? {
        guard let copy = CounterBlock(count: count) else { return nil }
        for index in 0..<min(used, count) where self[index] != 0 {
            copy.set(self[index], at: index)
        }
        return copy
    }

    /// Writer only: adds `amount`, wrapping.
    public func add(_ amount: UInt64, at index: Int) {
        assert((0..<count).contains(index))
        unsafe CPacket_counter_add(base + index, amount)
    }

    /// Any thread.
    public subscript(index: Int) -> UInt64 {
        assert((0..<count).contains(index))
        return unsafe CPacket_load_relaxed(base + index)
    }

    /// Sets one counter; only while nobody else writes it.
    public func set(_ value: UInt64, at index: Int) {
        assert((0..<count).contains(index))
        unsafe CPacket_store_relaxed(base + index, value)
    }

    func place(_ index: Int) -> UnsafeMutablePointer<UInt64> { unsafe base + index }

    /// Where the counters lie, for tests of the layout.
    var address: UInt { unsafe UInt(bitPattern: base) }
}
