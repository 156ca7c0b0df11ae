// SPDX-License-Identifier: Apache-2.0
import Timing

/// Ends the connections of backends that may have none any more, and flags those whose packets are
/// limited.
///
/// Packets do not ask for that: when the snapshot says that something of the kind has changed, the
/// worker looks through its table, some entries a turn; timers of connections that end fire.
extension Balancer {
    /// Entries that one turn looks at.
    private static var sweepShare: UInt32 { 256 }

    @inline(never)
    mutating func sweep(_ balancing: BalancingState, _ now: Tick) {
        if sweeping != balancing.sweeps {
            sweeping = balancing.sweeps
            sweepPosition = 0
        }
        let end = connections.bound
        let stop = min(end, sweepPosition &+ Self.sweepShare)
        while sweepPosition < stop {
            let reference = sweepPosition << 1
            let slot = unsafe connections.entry(reference).pointee.backendSlot
            // Free entries name no backend.
            if slot != .max {
                let policy = balancing.policy(ofBackend: slot)
                if policy.isEnding { connections.rearm(reference, at: now) }
                reconsider(reference, policy)
            }
            sweepPosition &+= 1
        }
        if sweepPosition >= end { swept = sweeping }
    }
}
