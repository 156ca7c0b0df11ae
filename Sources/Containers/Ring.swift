// SPDX-License-Identifier: Apache-2.0
import CPacket

/// A bounded queue between one producer thread and one consumer thread, without locks.
///
/// This is a handle: copies name the same ring. Whoever made it calls `destroy` when both threads
/// have ended. Each side keeps its own cache line, with a stale copy of the other side's position
/// that it refreshes only when the ring looks full or empty.
@safe
public struct Ring<Element: BitwiseCopyable>: BitwiseCopyable, @unchecked Sendable {
    /// The positions count elements since the beginning; slot = position & mask.
    enum Layout {
        static var produced: Int { 0 }
        static var consumedSeen: Int { 8 }
        static var consumed: Int { 64 }
        static var producedSeen: Int { 72 }
        static var header: Int { 128 }
    }

    private let base: UnsafeMutableRawPointer
    private let slots: UnsafeMutablePointer<Element>
    private let mask: UInt64

    /// A ring for `capacity` elements, rounded up to a power of two.
    public init(capacity: Int) {
        var count = 1
        while count < capacity { count *= 2 }
        let size = Layout.header + count * MemoryLayout<Element>.stride
        unsafe base = .allocate(byteCount: size, alignment: 64)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        unsafe slots = (base + Layout.header).assumingMemoryBound(to: Element.self)
        mask = UInt64(count - 1)
    }

    /// Frees the memory; no thread may use any copy afterwards.
    public func destroy() { unsafe base.deallocate() }

    public var capacity: Int { Int(mask) + 1 }

    /// Producer only: adds `element`; false when the ring is full.
    public func push(_ element: Element) -> Bool {
        let produced = unsafe CPacket_load_relaxed(word(Layout.produced))
        if unsafe produced &- word(Layout.consumedSeen).pointee > mask {
            unsafe word(Layout.consumedSeen).pointee = CPacket_load_acquire(word(Layout.consumed))
            if unsafe produced &- word(Layout.consumedSeen).pointee > mask { return false }
        }
        unsafe slots[Int(produced & mask)] = element
        unsafe CPacket_store_release(word(Layout.produced), produced &+ 1)
        return true
    }

    /// Consumer only: takes the oldest element, or nil when there is none.
    public func pop() -> Element? {
        let consumed = unsafe CPacket_load_relaxed(word(Layout.consumed))
        if unsafe consumed == word(Layout.producedSeen).pointee {
            unsafe word(Layout.producedSeen).pointee = CPacket_load_acquire(word(Layout.produced))
            if unsafe consumed == word(Layout.producedSeen).pointee { return nil }
        }
        let element = unsafe slots[Int(consumed & mask)]
        unsafe CPacket_store_release(word(Layout.consumed), consumed &+ 1)
        return element
    }

    /// Elements in the ring as any thread sees them: exact when both sides rest, and never below 0
    /// or above `capacity`.
    public var count: Int {
        // Read in this order the difference can be too large, when both move on between, not negative.
        let consumed = unsafe CPacket_load_acquire(word(Layout.consumed))
        let produced = unsafe CPacket_load_acquire(word(Layout.produced))
        return Int(min(produced &- consumed, mask &+ 1))
    }

    /// Where the ring lies, for tests of the layout.
    var address: UInt { unsafe UInt(bitPattern: base) }

    private func word(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe (base + offset).assumingMemoryBound(to: UInt64.self)
    }
}
