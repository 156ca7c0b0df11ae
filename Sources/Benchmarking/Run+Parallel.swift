// SPDX-License-Identifier: Apache-2.0
import CPacket
import Linux
import Synchronization
import Timing

extension Run {
    /// Runs as many workers as threads, each pinned to a CPU and with ports of its own, all for the
    /// same number of cycles; what they handled together counts.
    func measureParallel(
        _ workers: Int,
        _ testbed: Testbed,
        _ conditions: Conditions
    ) throws(RunError) -> Measurement {
        guard conditions.cpus.count >= workers else {
            throw RunError("\(name): needs \(workers) CPUs and may use \(conditions.cpus.count)")
        }
        let race = Race(workers: workers)
        let threads = (0..<workers)
            .map { worker in
                Thread(name: "bench-\(worker)") { drive(worker, testbed, conditions, race) }
            }
        for thread in threads { thread.join() }
        guard let outcome = race.outcome else { throw shortOfMemory }
        var result = Measurement(name: name, cycles: outcome.cycles, bare: outcome.bare)
        result.packets = outcome.packets
        result.cpus = Array(conditions.cpus.prefix(workers))
        result.packetsPerMegacycle = 1e6 / outcome.cycles.median * Double(workers)
        result.convert(frequency: conditions.frequency, workers: workers)
        return result
    }

    /// One thread of the race.
    private func drive(
        _ worker: Int,
        _ testbed: Testbed,
        _ conditions: Conditions,
        _ race: Race
    ) {
        try? Host.pin(toCPU: conditions.cpus[worker])
        let made = Rig(testbed, worker: worker, load)
        guard var rig = made else {
            race.fail()
            return
        }
        var bare = load.makeBareLoop()
        var clock = SimulatedClock(step: load.step)
        var handled = 0
        while !isWarm(sent: rig.sent, handled: handled, conditions) {
            handled += rig.turn(now: clock.step())
        }
        // About as long as the packets of a repetition take.
        let cycles = UInt64(conditions.packets) * 100
        for repetition in 0..<conditions.repetitions {
            guard race.gather() else { return }
            race.add(
                Self.run(for: cycles) { rig.turn(now: clock.step()) },
                to: repetition,
                isBare: false
            )
            guard race.gather() else { return }
            race.add(Self.run(for: cycles / 2) { bare.turn() }, to: repetition, isBare: true)
        }
    }

    /// Packets that `turn` handles in about `cycles`, and how many cycles that really were.
    private static func run(for cycles: UInt64, _ turn: () -> Int) -> (packets: Int, cycles: Int) {
        let start = CPacket_cycles()
        var handled = 0
        while CPacket_cycles() &- start < cycles { handled += turn() }
        return (handled, Int(CPacket_cycles() &- start))
    }
}

/// Where the threads of one run meet and leave their figures.
private final class Race: Sendable {
    private struct Repetition {
        /// Packets in a cycle, of all workers.
        var rate = 0.0
        var bareRate = 0.0
        var packets = 0
    }

    private let workers: Int
    private let arrived = Atomic(0)
    private let hasFailed = Atomic(false)
    private let repetitions = Mutex<[Repetition]>([])

    init(workers: Int) {
        self.workers = workers
    }

    func fail() { hasFailed.store(true, ordering: .releasing) }

    /// Waits, spinning, until every thread has come here as often; false when one never will.
    func gather() -> Bool {
        let place = arrived.add(1, ordering: .acquiringAndReleasing).oldValue
        let everyone = (place / workers + 1) * workers
        while arrived.load(ordering: .acquiring) < everyone {
            if hasFailed.load(ordering: .acquiring) { return false }
            CPacket_pause()
        }
        return true
    }

    func add(_ figure: (packets: Int, cycles: Int), to repetition: Int, isBare: Bool) {
        repetitions.withLock { repetitions in
            while repetitions.count <= repetition { repetitions.append(Repetition()) }
            let rate = Double(figure.packets) / Double(figure.cycles)
            if isBare {
                repetitions[repetition].bareRate += rate
            } else {
                repetitions[repetition].rate += rate
                repetitions[repetition].packets += figure.packets
            }
        }
    }

    /// Cycles of one worker for each packet, as the mean of the workers; nil after a failure.
    var outcome: (cycles: Statistics, bare: Statistics, packets: Int)? {
        guard !hasFailed.load(ordering: .acquiring) else { return nil }
        let all = repetitions.withLock { $0 }
        let workers = Double(workers)
        guard
            let cycles = Statistics(all.map { workers / $0.rate }),
            let bare = Statistics(all.map { workers / $0.bareRate })
        else { return nil }
        return (cycles, bare, all.reduce(0) { $0 + $1.packets })
    }
}
