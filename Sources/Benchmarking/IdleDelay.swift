// SPDX-License-Identifier: Apache-2.0
import CLinux
import CPacket
import Containers
import Dataplane
import Linux
import Timing

/// How long frames wait at an idle worker: from the moment they are there to their transmission.
package struct IdleDelay: Sendable {
    /// In microseconds.
    package let median: Double
    package let percentile99: Double
    package let longest: Double

    /// Nil when there are no delays.
    init?(microseconds delays: [Double]) {
        guard let longest = delays.max() else { return nil }
        let sorted = delays.sorted()
        median = sorted[sorted.count / 2]
        percentile99 = sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
        self.longest = longest
    }

    /// How the worker learns of a frame.
    package enum Way: CaseIterable, Sendable {
        /// Its queue gives a signal, as those of kernel interfaces and interrupts do.
        case signal
        /// It looks after naps.
        case nap
        /// It never sleeps.
        case poll

        package var name: String {
            switch self {
            case .signal: "signal"
            case .nap: "nap"
            case .poll: "poll"
            }
        }
    }

    /// Sends `frames` single frames, 1 to 5 ms apart, to a worker that its real loop turns on the
    /// first CPU of `conditions`; this thread goes to the second.
    package static func measure(
        frames: Int,
        way: Way,
        _ conditions: Conditions
    ) throws(RunError) -> IdleDelay {
        let load = Load(traffic: .datagrams(flows: 1))
        let event: EventFD?
        do {
            event = way == .signal ? try EventFD() : nil
        } catch {
            throw RunError("idle: \(error)")
        }
        let wire = IdleWire(load)
        defer { wire.destroy() }
        guard let testbed = Testbed(load.setting) else { throw shortOfMemory }
        let ports = wire.ports
        let made = testbed.makeWorker(0, receivers: ports, transmitters: ports)
        guard let worker = made else { throw shortOfMemory }
        let clock = CycleClock(
            frequency: UInt64(conditions.frequency),
            cycles: CPacket_cycles(),
            instant: Instant(nanoseconds: Host.monotonicNanoseconds)
        )
        let idling = Idling(
            patience: way == .poll ? nil : .microseconds(100),
            descriptors: event.map { [$0.descriptor] }
        )
        let loop = WorkerLoop(worker, clock: clock, idling: idling)
        let cpu = conditions.cpus[0]
        let thread = Thread(name: "dpvs-bench-idle") {
            try? Host.pin(toCPU: cpu)
            loop.run()
        }
        if conditions.cpus.count > 1 { try? Host.pin(toCPU: conditions.cpus[1]) }
        // The first frame opens the connection, and pages are touched: it does not count.
        var cycles: [UInt64] = []
        for _ in 0...frames { cycles.append(send(over: wire, telling: event)) }
        loop.requestStop()
        thread.join()
        let microseconds = cycles.dropFirst().map { Double($0) / conditions.frequency * 1e6 }
        guard let delay = IdleDelay(microseconds: microseconds) else {
            throw RunError("there is nothing to measure without frames")
        }
        return delay
    }

    /// Cycles from the arrival of a frame to its departure; `event` gets a signal of it.
    ///
    /// This thread sleeps meanwhile, in case the worker shares the CPU with it.
    private static func send(over wire: IdleWire, telling event: EventFD?) -> UInt64 {
        CLinux_sleep(.random(in: 0...4_000_000))
        let start = CPacket_cycles()
        _ = wire.arrivals.push(start)
        event?.signal()
        while true {
            CLinux_sleep(1_000_000)
            if let end = wire.departures.pop() { return end &- start }
        }
    }

    private static var shortOfMemory: RunError { RunError("idle: not enough memory") }
}
