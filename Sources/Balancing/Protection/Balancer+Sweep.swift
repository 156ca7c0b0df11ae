// SPDX-License-Identifier: Apache-2.0
import Timing

/// Ends the connections of backends that may have none any more, flags those whose packets are
/// limited, and lets flows of UDP go that a backend which is down answers no more.
///
/// Packets do not ask for that: when the snapshot or the conditions of backends say that something of
/// the kind has changed, the worker looks through its table, some entries a turn; timers of
/// connections that end fire.
extension Balancer {
    /// Entries that one turn looks at.
    private static var sweepShare: UInt32 { 256 }

    @inline(never)
    mutating func sweep(_ wanted: UInt64, _ balancing: BalancingState, _ now: Tick) {
        if sweeping != wanted {
            sweeping = wanted
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
                if isDown(reference) { doubtAnswers(of: reference, balancing, now) }
            }
            sweepPosition &+= 1
        }
        if sweepPosition >= end { swept = sweeping }
    }
}
