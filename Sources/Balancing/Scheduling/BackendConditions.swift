// SPDX-License-Identifier: Apache-2.0
import Containers

/// Which backends take no new connections at the moment although their weight is above zero.
///
/// All workers share one: what one of them finds out holds for the others. All zeros, as it begins,
/// means that every backend is usable, and one load tells so. Any thread may do anything; the
/// reasons of a slot are lifted before it is given to another backend.
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
        /// Its health check fails.
        public static let failed = Reasons(rawValue: 1 << 2)

        /// Whether nothing answers there, which is more than having no room.
        public var isDead: Bool { rawValue & (Self.down.rawValue | Self.failed.rawValue) != 0 }
    }

    /// Word 0: how many slots have a reason.
    ///
    /// Word 1: see `sweeps`. Then the reasons of each slot.
    private let words: CounterBlock
    private static let firstSlot = 2

    /// Nil when memory is short; untouched pages cost none.
    public init?(slots: Int) {
        guard let words = CounterBlock(count: slots + Self.firstSlot) else { return nil }
        self.words = words
    }

    public func destroy() { words.destroy() }

    /// The same conditions in memory of its own, of the first `slots`; nil when memory is short.
    public func copy(first slots: Int) -> BackendConditions? {
        words.copy(first: slots + Self.firstSlot).map { BackendConditions(words: $0) }
    }

    private init(words: CounterBlock) { self.words = words }

    public var areAllUsable: Bool { words[0] == 0 }

    /// Another number whenever workers are to look for flows that a backend which is down has left
    /// without an answer: see `Balancer.sweep`.
    var sweeps: UInt64 { words[1] }

    /// Has all workers look through their connections.
    public func requestSweep() { words.addShared(1, at: 1) }

    public func reasons(slot: UInt32) -> Reasons {
        Reasons(rawValue: words[Int(slot) &+ Self.firstSlot])
    }

    public func isUsable(slot: UInt32) -> Bool { words[Int(slot) &+ Self.firstSlot] == 0 }

    public func insert(_ reasons: Reasons, slot: UInt32) {
        let before = words.insert(reasons.rawValue, at: Int(slot) &+ Self.firstSlot)
        if before == 0, !reasons.isEmpty { words.addShared(1, at: 0) }
    }

    public func remove(_ reasons: Reasons, slot: UInt32) {
        let before = words.remove(reasons.rawValue, at: Int(slot) &+ Self.firstSlot)
        if before != 0, before & ~reasons.rawValue == 0 { words.addShared(.max, at: 0) }
    }
}
