// SPDX-License-Identifier: Apache-2.0
public import Balancing
import CPacket
public import Networking

/// The configuration as the packet path reads it: immutable, reached through one pointer.
@safe
public struct Snapshot: BitwiseCopyable, @unchecked Sendable {
    /// Counts up with every publication.
    public let generation: UInt64
    public let forwarding: ForwardingTable
    public let balancing: BalancingState
    /// What may go up to the kernel.
    public let exceptions: ExceptionPolicy
    public let interfaces: InterfaceTable
    public let tunnels: TunnelTable
    /// Of the first snapshot of a process that goes on for another one.
    let adoption: Adoption?

    public init(
        generation: UInt64,
        forwarding: ForwardingTable,
        balancing: BalancingState,
        exceptions: ExceptionPolicy = ExceptionPolicy(),
        interfaces: InterfaceTable = InterfaceTable(),
        tunnels: TunnelTable = TunnelTable(),
        adoption: Adoption? = nil
    ) {
        self.generation = generation
        self.forwarding = forwarding
        self.balancing = balancing
        self.exceptions = exceptions
        self.interfaces = interfaces
        self.tunnels = tunnels
        self.adoption = adoption
    }
}

/// The pointer through which the control side publishes snapshots to all workers at one instant.
///
/// A worker loads it once per turn and afterwards reports the generation that it has left behind
/// (`QuiescentState`); a snapshot is freed when every worker has reported a later one. A handle:
/// copies name the same cell, which its maker destroys when all threads have ended.
@safe
public struct SnapshotCell: BitwiseCopyable, @unchecked Sendable {
    private let word: UnsafeMutablePointer<UInt64>

    /// A cell that holds `snapshot`.
    public init(_ snapshot: UnsafeMutablePointer<Snapshot>) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        unsafe word = memory.bindMemory(to: UInt64.self, capacity: 8)
        unsafe word.initialize(repeating: 0, count: 8)
        unsafe publish(snapshot)
    }

    public func destroy() { unsafe word.deallocate() }

    /// Shows `snapshot` to every worker from its next turn on.
    public func publish(_ snapshot: UnsafeMutablePointer<Snapshot>) {
        unsafe CPacket_store_release(word, UInt64(UInt(bitPattern: snapshot)))
    }

    /// The snapshot to use for one turn.
    public func current() -> UnsafeMutablePointer<Snapshot> {
        let address = unsafe UInt(CPacket_load_acquire(word))
        return unsafe UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
    }

    /// Where the pointer lies, for tests of the layout.
    var address: UInt { unsafe UInt(bitPattern: word) }
}

/// The latest generation that one thread has finished a turn with, and how many turns it has
/// finished, on a cache line of its own.
@safe
public struct QuiescentState: BitwiseCopyable, @unchecked Sendable {
    private let word: UnsafeMutablePointer<UInt64>

    public init() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        unsafe word = memory.bindMemory(to: UInt64.self, capacity: 8)
        unsafe word.initialize(repeating: 0, count: 8)
    }

    public func destroy() { unsafe word.deallocate() }

    /// The thread itself: a turn has ended, and nothing of an older generation is in use any more.
    public func report(_ generation: UInt64) {
        unsafe CPacket_store_release(word + 1, CPacket_load_relaxed(word + 1) &+ 1)
        unsafe CPacket_store_release(word, generation)
    }

    /// The thread itself: it has ended and uses nothing.
    public func leave() { unsafe CPacket_store_release(word, .max) }

    /// The thread itself: it begins, and may use what is there.
    public func enter() { unsafe CPacket_store_release(word, 0) }

    /// Any thread.
    public var generation: UInt64 { unsafe CPacket_load_acquire(word) }

    /// Any thread: turns that have ended; the largest number when the thread has.
    public var turns: UInt64 {
        unsafe generation == .max ? .max : CPacket_load_acquire(word + 1)
    }

    /// Where the word lies, for tests of the layout.
    var address: UInt { unsafe UInt(bitPattern: word) }
}
