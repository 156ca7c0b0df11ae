// SPDX-License-Identifier: Apache-2.0
import DPDK
import Dataplane
import Linux
import Synchronization
import Timing

/// The thread that turns the slow path: woken by workers, and now and then by itself for timers.
final class SlowPathThread: Sendable {
    private let slowPath: SlowPath<DPDKPort>
    private let event: EventFD
    private let doorbell: Doorbell
    private let clock: CycleClock
    private let isStopping = Atomic(false)
    private let thread = Mutex<Thread?>(nil)

    private static let timerPeriod = Duration.milliseconds(50)

    init(
        _ slowPath: SlowPath<DPDKPort>,
        _ event: EventFD,
        _ doorbell: Doorbell,
        _ clock: CycleClock
    ) {
        self.slowPath = slowPath
        self.event = event
        self.doorbell = doorbell
        self.clock = clock
    }

    func start() {
        thread.withLock { $0 = Thread(name: "dpvs-slow-path") { [self] in run() } }
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        event.signal()
        thread.withLock { $0 }?.join()
    }

    private func run() {
        while !isStopping.load(ordering: .relaxed) {
            guard slowPath.turn(now: clock.instant(at: Host.cycles)) == 0 else { continue }
            doorbell.prepareToSleep()
            // Whatever came before the doorbell knew is seen now; the rest rings.
            guard slowPath.turn(now: clock.instant(at: Host.cycles)) == 0 else { continue }
            event.wait(for: Self.timerPeriod)
        }
    }
}
