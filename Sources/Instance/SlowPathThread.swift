// SPDX-License-Identifier: Apache-2.0
import DPDK
import Dataplane
import Linux
import Synchronization
import Timing

/// The thread that turns the slow path: woken by workers and by the kernel's packets, and now and
/// then by itself for timers.
final class SlowPathThread: Sendable {
    private let slowPath: SlowPath<DPDKPort>
    private let event: EventFD
    private let doorbell: Doorbell
    private let clock: CycleClock
    private let companions: Companions
    private let isStopping = Atomic(false)
    private let thread = Mutex<Thread?>(nil)

    private static let timerPeriod = Duration.milliseconds(50)
    /// How long a packet of the kernel may lie in a companion that wakes nobody.
    private static let pollPeriod = Duration.milliseconds(1)

    init(
        _ slowPath: SlowPath<DPDKPort>,
        _ event: EventFD,
        _ doorbell: Doorbell,
        _ clock: CycleClock,
        companions: Companions
    ) {
        self.slowPath = slowPath
        self.event = event
        self.doorbell = doorbell
        self.clock = clock
        self.companions = companions
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
        var known = -1
        var descriptors: [Int32] = []
        var period = Self.timerPeriod
        while !isStopping.load(ordering: .relaxed) {
            let changes = companions.changes.load(ordering: .acquiring)
            if changes != known {
                known = changes
                descriptors = companions.descriptors
                period = companions.needPolling ? Self.pollPeriod : Self.timerPeriod
            }
            guard slowPath.turn(now: clock.instant(at: Host.cycles)) == 0 else { continue }
            doorbell.prepareToSleep()
            // Whatever came before the doorbell knew is seen now; the rest rings.
            guard slowPath.turn(now: clock.instant(at: Host.cycles)) == 0 else { continue }
            event.wait(for: period, or: &descriptors)
        }
    }
}
