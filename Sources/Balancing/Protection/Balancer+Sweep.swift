// SPDX-License-Identifier: Apache-2.0
import Timing

/// Ends the connections of backends that may have none any more.
///
/// Packets do not ask for that: when the snapshot says that there are new backends of this kind,
/// the worker looks through its table, some entries a turn, and lets the timers of theirs fire.
extension Balancer {
    /// Entries that one turn looks at.
    private static var sweepShare: UInt32 { 256 }

    @inline(never)
    mutating func sweep(_ balancing: BalancingState, _ now: Tick) {
        if sweeping != balancing.endings {
            sweeping = balancing.endings
            sweepPosition = 0
        }
        let end = connections.bound
        let stop = min(end, sweepPosition &+ Self.sweepShare)
        while sweepPosition < stop {
            let reference = sweepPosition << 1
            let slot = unsafe connections.entry(reference).pointee.backendSlot
            // Free entries name no backend.
            if balancing.policy(ofBackend: slot).isEnding { connections.rearm(reference, at: now) }
            sweepPosition &+= 1
        }
        if sweepPosition >= end { swept = sweeping }
    }
}
