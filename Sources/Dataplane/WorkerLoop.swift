// SPDX-License-Identifier: Apache-2.0
public import Balancing
import CLinux
import CPacket
public import Packet
import Synchronization
public import Timing

/// Turns one worker on its thread until it is told to stop.
///
/// Another thread may only call `requestStop`. While the worker waits it is woken by its queues, where
/// these have descriptors, and by its doorbell, which whoever has something for it rings.
public final class WorkerLoop<Port: PacketPort>: @unchecked Sendable {
    /// While `run` has it, the loop's own thread is the only one that can reach it.
    private var worker: Worker<Port>?
    private let clock: CycleClock
    private let idling: Idling
    private let waiter: IdleWaiter
    private let bell: Doorbell
    private let isStopping = Atomic(false)

    public init(_ worker: consuming Worker<Port>, clock: CycleClock, idling: Idling) {
        self.clock = clock
        self.idling = idling
        bell = worker.bell
        waiter = IdleWaiter((idling.descriptors ?? []) + [bell.descriptor])
        self.worker = consume worker
    }

    deinit { waiter.destroy() }

    /// Runs on the worker's thread, once; returns after `requestStop`.
    public func run() {
        guard var worker = worker.take() else { return }
        if idling.patience != nil { CLinux_sleep_exactly() }
        var idle = IdleState(idling, now: clock.instant(at: CPacket_cycles()))
        loop(&worker, &idle)
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
    private func loop(_ worker: inout Worker<Port>, _ idle: inout IdleState) {
        var last = CPacket_cycles()
        while !isStopping.load(ordering: .relaxed) {
            let handled = turn(&worker, &last)
            switch idle.step(handled: handled, now: clock.instant(at: last)) {
            case .poll: if handled == 0 { CPacket_pause() }
            case .wait(let nanoseconds): wait(nanoseconds, &worker, &last, &idle)
            }
        }
    }

    /// One turn, from the end of the one before at `last` to its own end, which `last` is then.
    @inline(__always)
    private func turn(_ worker: inout Worker<Port>, _ last: inout UInt64) -> Int {
        let handled = worker.turn(now: clock.instant(at: last))
        let now = CPacket_cycles()
        worker.account(cycles: now &- last, handled: handled)
        last = now
        return handled
    }

    /// Waits until there is something to do or the time is over.
    @inline(never)
    private func wait(
        _ nanoseconds: UInt64,
        _ worker: inout Worker<Port>,
        _ last: inout UInt64,
        _ idle: inout IdleState
    ) {
        bell.prepareToSleep()
        worker.arm()
        // What came before bell and queues knew is seen now; the rest gives a signal.
        let handled = turn(&worker, &last)
        if handled == 0, !isStopping.load(ordering: .relaxed) {
            idle.woke(bySignal: waiter.wait(nanoseconds))
        } else {
            _ = idle.step(handled: handled, now: clock.instant(at: last))
        }
        bell.wake()
        worker.disarm()
        let awake = CPacket_cycles()
        worker.accountWaiting(cycles: awake &- last)
        last = awake
    }

    public func requestStop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        bell.ring()
    }
}

extension Worker {
    /// Counts one turn of the loop and what it cost.
    mutating func account(cycles: UInt64, handled: Int) {
        counters.add(1, to: .turns)
        if handled == 0 {
            counters.add(1, to: .idleTurns)
            counters.add(Int(truncatingIfNeeded: cycles), to: .idleCycles)
        } else {
            let kernel = min(kernelCycles, cycles)
            counters.add(Int(truncatingIfNeeded: kernel), to: .kernelCycles)
            counters.add(Int(truncatingIfNeeded: cycles &- kernel), to: .busyCycles)
        }
        kernelCycles = 0
        counters.set(balancer.connections.count, for: .connections)
        counters.set(Int(truncatingIfNeeded: balancer.expired), for: .connectionsExpired)
        counters.set(Int(truncatingIfNeeded: balancer.lostResets), for: .lostResets)
    }

    /// Counts time between turns in which the worker slept.
    mutating func accountWaiting(cycles: UInt64) {
        counters.add(Int(truncatingIfNeeded: cycles), to: .idleCycles)
    }

    /// Has every queue give a signal for frames that come from now on.
    mutating func arm() {
        for position in 0..<receiverCount { unsafe receivers[position].arm() }
    }

    mutating func disarm() {
        for position in 0..<receiverCount { unsafe receivers[position].disarm() }
    }
}
