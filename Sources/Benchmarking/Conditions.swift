// SPDX-License-Identifier: Apache-2.0
import CPacket
package import Linux

/// How runs are measured.
package struct Conditions: Sendable {
    package var repetitions: Int
    /// Packets of a repetition.
    package var packets: Int
    /// CPUs to pin to: the first for all runs, the others for runs with more threads.
    package var cpus: [Int]
    /// Ticks of the time-stamp counter in a second.
    package let frequency: Double

    /// Pins the calling thread to the first of `cpus`, which must not be empty.
    package init(repetitions: Int, packets: Int, cpus: [Int]) throws(LinuxError) {
        self.repetitions = repetitions
        self.packets = packets
        self.cpus = cpus
        try Host.pin(toCPU: cpus[0])
        frequency = Self.measureFrequency()
    }

    /// Compares the counter with the monotonic clock for a tenth of a second.
    static func measureFrequency() -> Double {
        let cycles = CPacket_cycles()
        let start = Host.monotonicNanoseconds
        var end = start
        while end - start < 100_000_000 { end = Host.monotonicNanoseconds }
        return Double(CPacket_cycles() - cycles) / Double(end - start) * 1e9
    }
}

/// Why a run was left out, in one sentence.
package struct RunError: Error, CustomStringConvertible {
    package var description: String

    init(_ description: String) {
        self.description = description
    }
}
