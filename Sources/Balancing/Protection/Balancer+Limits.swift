// SPDX-License-Identifier: Apache-2.0
import CPacket
import Containers

/// Limits that hold over all workers.
///
/// A worker first counts the connection that it is about to make, then adds up what all workers
/// have counted. Of two workers that compete for the last place at least one sees the other, so
/// there are never more connections than allowed; at worst both are refused. The fence between
/// the two steps is paid for where there is a limit only.
extension Balancer {
    /// Backends that are tried for one connection when the chosen one turns out to be full.
    private static var claimTries: Int { 64 }

    /// Counts a connection of `service`, or says why there cannot be one.
    mutating func claim(_ service: ServiceRecord) -> Decision.Refusal? {
        let limits = service.limits
        if !limits.connectionRate.isUnlimited {
            let isAdmitted = limits.connectionRate.admit(
                1,
                at: RateLimiter.Word.connections.index(slot: service.slot),
                of: everywhere.rates,
                now: now
            )
            guard isAdmitted else {
                services.add(1, at: ServiceCounter.overRate.index(slot: service.slot))
                return .rateLimit
            }
        }
        let place = ServiceCounter.claimed.index(slot: service.slot)
        services.add(1, at: place)
        guard limits.maxConnections > 0 else { return nil }
        CPacket_fence()
        guard everywhere.services.sum(at: place) > limits.maxConnections else { return nil }
        services.add(.max, at: place)
        services.add(1, at: ServiceCounter.overLimit.index(slot: service.slot))
        return .connectionLimit
    }

    /// Chooses a backend, by its place in the service, and counts its connection: `first` when it
    /// has room, else what the scheduler says.
    mutating func claimBackend(
        of service: ServiceRecord,
        first: UInt32?,
        _ key: FlowKey,
        _ balancing: BalancingState
    ) -> UInt32? {
        if let first, claim(service.backend(at: first).slot, balancing) { return first }
        for _ in 0..<Self.claimTries {
            guard let chosen = schedule(service, key, balancing) else { break }
            if claim(service.backend(at: chosen).slot, balancing) { return chosen }
        }
        services.add(1, at: ServiceCounter.withoutBackend.index(slot: service.slot))
        return nil
    }

    /// A connection goes to another backend than the one that it was counted for; that one has no
    /// limit.
    mutating func move(claimFrom old: UInt32, to new: UInt32, _ balancing: BalancingState) {
        guard old != new else { return }
        backends.add(1, at: BackendCounter.claimed.index(slot: new))
        giveBackBackend(old, balancing)
    }

    /// Counts a connection of a backend unless that is full: then no worker chooses it until it has
    /// room again.
    private mutating func claim(_ slot: UInt32, _ balancing: BalancingState) -> Bool {
        let place = BackendCounter.claimed.index(slot: slot)
        backends.add(1, at: place)
        let policy = balancing.policy(ofBackend: slot)
        guard policy.maxConnections > 0 else { return true }
        CPacket_fence()
        guard everywhere.backends.sum(at: place) > UInt64(policy.maxConnections) else {
            return true
        }
        backends.add(.max, at: place)
        everywhere.conditions.insert(.full, slot: slot)
        // The last connection may have ended before it could see that.
        resume(slot, policy)
        return false
    }

    /// Gives a full backend new connections again when it has few enough.
    ///
    /// Whoever ends a connection counts it first and then looks whether the backend was full;
    /// whoever finds it full says so first and then counts. So one of them sees the other.
    private mutating func resume(_ slot: UInt32, _ policy: BackendPolicy) {
        CPacket_fence()
        guard everywhere.conditions.reasons(slot: slot).contains(.full) else { return }
        let count = everywhere.backends.sum(at: BackendCounter.claimed.index(slot: slot))
        if count < UInt64(policy.resumesBelow) {
            everywhere.conditions.remove(.full, slot: slot)
        }
    }

    // MARK: - Ends

    /// A connection of `service` came to nothing.
    mutating func giveBack(_ service: ServiceRecord) {
        services.add(.max, at: ServiceCounter.claimed.index(slot: service.slot))
    }

    /// The same after a backend was chosen.
    mutating func giveBack(
        _ service: ServiceRecord,
        _ backend: BackendRecord,
        _ balancing: BalancingState
    ) {
        giveBack(service)
        giveBackBackend(backend.slot, balancing.policy(ofBackend: backend.slot))
    }

    /// A connection of a backend slot has ended.
    mutating func giveBack(_ slot: UInt32, _ balancing: BalancingState) {
        let policy = balancing.policy(ofBackend: slot)
        services.add(.max, at: ServiceCounter.claimed.index(slot: policy.serviceSlot))
        giveBackBackend(slot, policy)
    }

    mutating func giveBackBackend(_ slot: UInt32, _ balancing: BalancingState) {
        giveBackBackend(slot, balancing.policy(ofBackend: slot))
    }

    private mutating func giveBackBackend(_ slot: UInt32, _ policy: BackendPolicy) {
        backends.add(.max, at: BackendCounter.claimed.index(slot: slot))
        if policy.maxConnections > 0 { resume(slot, policy) }
    }
}
