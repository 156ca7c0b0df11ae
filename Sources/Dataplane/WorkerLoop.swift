// SPDX-License-Identifier: Apache-2.0
public import Balancing
import CLinux
import CPacket
public import Packet
import Synchronization
public import Timing

/// Turns one worker on its thread until it is told to stop.
///
/// Another thread may only call `requestStop`.
public final class WorkerLoop<Port: PacketPort>: @unchecked Sendable {
    /// While `run` has it, the loop's own thread is the only one that can reach it.
    private var worker: Worker<Port>?
    private let clock: CycleClock
    private let backsOff: Bool
    private let isStopping = Atomic(false)

    /// Empty turns before the loop begins to sleep between turns.
    private static var patience: Int { 512 }
    /// How long a packet may wait because the loop sleeps; waking takes its time besides.
    public static var longestSleep: Duration { .microseconds(50) }

    /// `backsOff` makes the loop sleep for moments when nothing comes: see `longestSleep`.
    public init(_ worker: consuming Worker<Port>, clock: CycleClock, backsOff: Bool) {
        self.worker = consume worker
        self.clock = clock
        self.backsOff = backsOff
    }

    /// Runs on the worker's thread, once; returns after `requestStop`.
    public func run() {
        guard var worker = worker.take() else { return }
        if backsOff { CLinux_sleep_exactly() }
        loop(&worker)
        worker.stop()
        self.worker = consume worker
    }

    /// Calls `body` with every connection that the worker has left; its thread has ended.
    public func save(_ body: (SavedConnection) throws -> Void) rethrows {
        let now = clock.instant(at: CPacket_cycles()).tick
        try worker?.balancer.save(at: now, body)
    }

    /// How many `save` finds.
    public var savableConnections: Int { worker?.balancer.connections.count ?? 0 }

    /// The root of the hot path: see scripts/audit-hot-path.
    @inline(never)
    private func loop(_ worker: inout Worker<Port>) {
        var idleTurns = 0
        var last = CPacket_cycles()
        while !isStopping.load(ordering: .relaxed) {
            let handled = worker.turn(now: clock.instant(at: last))
            let now = CPacket_cycles()
            worker.account(cycles: now &- last, handled: handled)
            last = now
            guard handled == 0 else {
                idleTurns = 0
                continue
            }
            idleTurns &+= 1
            if backsOff, idleTurns > Self.patience {
                CLinux_sleep(50_000)
                let awake = CPacket_cycles()
                worker.account(cycles: awake &- last, handled: 0)
                last = awake
            } else {
                CPacket_pause()
            }
        }
    }

    public func requestStop() { isStopping.store(true, ordering: .relaxed) }
}

extension Worker {
    /// Counts one turn of the loop and what it cost.
    mutating func account(cycles: UInt64, handled: Int) {
        counters.add(1, to: .turns)
        if handled == 0 {
            counters.add(1, to: .idleTurns)
            counters.add(Int(truncatingIfNeeded: cycles), to: .idleCycles)
        } else {
            counters.add(Int(truncatingIfNeeded: cycles), to: .busyCycles)
        }
        counters.set(balancer.connections.count, for: .connections)
        counters.set(Int(truncatingIfNeeded: balancer.expired), for: .connectionsExpired)
        counters.set(Int(truncatingIfNeeded: balancer.lostResets), for: .lostResets)
    }
}
