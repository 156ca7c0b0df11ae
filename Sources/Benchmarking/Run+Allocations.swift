// SPDX-License-Identifier: Apache-2.0
import CAllocations

extension Run {
    /// Whether all of the run's workers turn on the thread that counts.
    package var canCountAllocations: Bool {
        switch shape {
        case .single, .redirect: true
        case .parallel: false
        }
    }

    /// How often `packets` packets through warm workers ask for memory, ports included: never, in a
    /// release build.
    ///
    /// Memory that is freed at once counts, too: the program's `malloc` counts calls.
    package func allocations(packets: Int) throws(RunError) -> UInt64 {
        var setting = load.setting
        // Full tables are a part of it.
        setting.connections = min(setting.connections, 1 << 16)
        guard let testbed = Testbed(setting) else { throw shortOfMemory }
        var clock = SimulatedClock(step: load.step)
        if case .redirect = shape {
            guard var rig = RedirectRig(testbed, load, redirects: true) else {
                throw shortOfMemory
            }
            return Self.allocations(packets) { rig.turn(now: clock.step()) }
        }
        guard var rig = Rig(testbed, load) else { throw shortOfMemory }
        return Self.allocations(packets) { rig.turn(now: clock.step()) }
    }

    private static func allocations(_ packets: Int, _ turn: () -> Int) -> UInt64 {
        var handled = 0
        while handled < packets / 10 { handled += turn() }
        let before = CAllocations_count()
        handled = 0
        while handled < packets { handled += turn() }
        return CAllocations_count() - before
    }
}
