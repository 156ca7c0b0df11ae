// SPDX-License-Identifier: Apache-2.0
import Containers

/// Which backends take no new connections at the moment although their weight is above zero.
///
/// Like a `CounterBlock` it has one writer and any number of readers. All zeros, as it begins, means
/// that every backend is usable, and one load tells so. Who sets a reason lifts it again before the
/// backend's slot is given to another.
public struct BackendConditions: BitwiseCopyable, Sendable {
    /// Why; several may hold.
    public struct Reasons: OptionSet, BitwiseCopyable, Sendable {
        public var rawValue: UInt64

        public init(rawValue: UInt64) {
            self.rawValue = rawValue
        }

        /// It has as many connections as it may have.
        public static let full = Reasons(rawValue: 1 << 0)
        /// It was seen not to answer.
        public static let down = Reasons(rawValue: 1 << 1)
    }

    /// Word 0: how many slots have a reason; then the reasons of each slot.
    private let words: CounterBlock

    /// Nil when memory is short; untouched pages cost none.
    public init?(slots: Int) {
        guard let words = CounterBlock(count: slots + 1) else { return nil }
        self.words = words
    }

    public func destroy() { words.destroy() }

    /// Any thread.
    public var areAllUsable: Bool { words[0] == 0 }

    /// Any thread.
    public func reasons(slot: UInt32) -> Reasons { Reasons(rawValue: words[Int(slot) &+ 1]) }

    /// Any thread.
    public func isUsable(slot: UInt32) -> Bool { words[Int(slot) &+ 1] == 0 }

    /// Writer only.
    public func insert(_ reasons: Reasons, slot: UInt32) {
        set(self.reasons(slot: slot).union(reasons), slot: slot)
    }

    /// Writer only.
    public func remove(_ reasons: Reasons, slot: UInt32) {
        set(self.reasons(slot: slot).subtracting(reasons), slot: slot)
    }

    private func set(_ reasons: Reasons, slot: UInt32) {
        let wasUsable = isUsable(slot: slot)
        words.set(reasons.rawValue, at: Int(slot) &+ 1)
        if wasUsable != reasons.isEmpty { words.add(wasUsable ? 1 : .max, at: 0) }
    }
}
