// SPDX-License-Identifier: Apache-2.0
import CPacket
import Linux
import Timing

extension Run {
    /// Warms up and measures; throws when the machine is too small for the run.
    package func measure(_ conditions: Conditions) throws(RunError) -> Measurement {
        try checkMemory()
        let residentBefore = Memory.resident
        guard let testbed = Testbed(load.setting) else { throw shortOfMemory }
        var result =
            switch shape {
            case .single: try measureSingle(testbed, conditions, residentBefore)
            case .redirect: try measureRedirect(testbed, conditions)
            case .parallel(let workers): try measureParallel(workers, testbed, conditions)
            }
        result.family = family
        result.flows = flows
        result.drops = testbed.drops
        return result
    }

    var shortOfMemory: RunError { RunError("\(name): not enough memory") }

    private func checkMemory() throws(RunError) {
        let setting = load.setting
        // Besides tables: ports' bitmaps, buffers, what the snapshot needs.
        let needed =
            Memory.estimate(capacity: setting.connections) * setting.workers + 256 << 20
        guard let available = Memory.available, available < needed else { return }
        throw RunError(
            "\(name): needs \(Memory.text(needed)) and \(Memory.text(available)) are free"
        )
    }

    // MARK: - One worker

    private func measureSingle(
        _ testbed: Testbed,
        _ conditions: Conditions,
        _ residentBefore: Int
    ) throws(RunError) -> Measurement {
        guard var rig = Rig(testbed, load) else { throw shortOfMemory }
        var bare = load.makeBareLoop()
        var clock = SimulatedClock(step: load.step)
        var warmUpPackets = 0
        while !isWarm(sent: rig.sent, handled: warmUpPackets, conditions) {
            warmUpPackets += rig.turn(now: clock.step())
        }
        let resident = Memory.resident - residentBefore
        let finishedBefore = rig.finished
        var series = Series()
        for _ in 0..<conditions.repetitions {
            series.measure(conditions.packets) { rig.turn(now: clock.step()) }
            series.measureBare(conditions.packets / 2) { bare.turn() }
        }
        var result = try series.measurement(name, conditions)
        result.warmUpPackets = warmUpPackets
        result.connections = rig.connections
        result.bytesPerConnection = rig.bytesPerConnection
        result.tableBytes = Int(rig.bytesPerConnection * Double(rig.capacity))
        result.residentBytes = resident
        let finished = rig.finished - finishedBefore
        if finished > 0 {
            result.cyclesPerConnection =
                result.cyclesPerPacket * Double(series.packets) / Double(finished)
        }
        return result
    }

    /// Established flows have been seen twice; runs that open flows are in balance with the clock.
    func isWarm(sent: Int, handled: Int, _ conditions: Conditions) -> Bool {
        if let frames = load.warmUpFrames { return sent >= frames }
        return handled >= conditions.packets * 3 / 2
    }

    // MARK: - Two workers that hand packets over

    private func measureRedirect(
        _ testbed: Testbed,
        _ conditions: Conditions
    ) throws(RunError) -> Measurement {
        guard
            let directBed = Testbed(load.setting),
            var crossed = RedirectRig(testbed, load, redirects: true),
            var direct = RedirectRig(directBed, load, redirects: false)
        else { throw shortOfMemory }
        var bare = load.makeBareLoop()
        var clock = SimulatedClock(step: load.step)
        var warmUpPackets = 0
        while !isWarm(sent: crossed.sent, handled: warmUpPackets, conditions) {
            warmUpPackets += crossed.turn(now: clock.step())
        }
        while !isWarm(sent: direct.sent, handled: 0, conditions) {
            _ = direct.turn(now: clock.step())
        }
        let redirectedBefore = crossed.redirected
        var series = Series()
        var directSeries = Series()
        for _ in 0..<conditions.repetitions {
            series.measure(conditions.packets) { crossed.turn(now: clock.step()) }
            directSeries.measure(conditions.packets) { direct.turn(now: clock.step()) }
            series.measureBare(conditions.packets / 2) { bare.turn() }
        }
        var result = try series.measurement(name, conditions)
        guard let directly = Statistics(directSeries.cycles) else { throw shortOfMemory }
        let share = Double(crossed.redirected - redirectedBefore) / Double(series.packets)
        result.directCyclesPerPacket = directly.median
        if share > 0 {
            // All that the run costs more belongs to the packets that crossed.
            result.cyclesPerRedirectedPacket =
                directly.median + (result.cyclesPerPacket - directly.median) / share
        }
        result.warmUpPackets = warmUpPackets
        result.connections = crossed.connections
        result.bytesPerConnection = crossed.bytesPerConnection
        return result
    }
}

/// The repetitions of one run and of the bare loop beside it, in turn, so that what disturbs the
/// machine disturbs both.
struct Series {
    private(set) var cycles: [Double] = []
    private(set) var bare: [Double] = []
    private(set) var packets = 0
    private(set) var intervals: [[UInt64]] = []

    mutating func measure(_ count: Int, _ turn: () -> Int) {
        let begin = Host.monotonicNanoseconds
        let (figure, handled) = Self.time(count, turn)
        intervals.append([begin, Host.monotonicNanoseconds])
        cycles.append(figure)
        packets += handled
    }

    mutating func measureBare(_ count: Int, _ turn: () -> Int) {
        bare.append(Self.time(max(1, count), turn).figure)
    }

    func measurement(_ name: String, _ conditions: Conditions) throws(RunError) -> Measurement {
        guard let cycles = Statistics(cycles), let bare = Statistics(bare) else {
            throw RunError("\(name): no repetition")
        }
        var result = Measurement(name: name, cycles: cycles, bare: bare)
        result.packets = packets
        result.intervals = intervals
        result.cpus = [conditions.cpus[0]]
        result.convert(frequency: conditions.frequency)
        return result
    }

    private static func time(_ count: Int, _ turn: () -> Int) -> (figure: Double, handled: Int) {
        let start = CPacket_cycles()
        var handled = 0
        while handled < count { handled += turn() }
        return (Double(CPacket_cycles() - start) / Double(handled), handled)
    }
}
