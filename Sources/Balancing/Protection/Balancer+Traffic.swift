// SPDX-License-Identifier: Apache-2.0
import Networking

/// Limits of what the packets of a service may be.
///
/// Its connections carry the flag `needsCare`, so that their packets leave the fast path where
/// those of others go on; a sweep sets and takes it when a reload changes the limits.
extension Balancer {
    /// Flags a connection whose service has such limits: one that was just opened, or one of which a
    /// packet was seen to, which may have made it plain.
    public mutating func meter(_ reference: UInt32, _ balancing: BalancingState) {
        if isMetered(reference, balancing) {
            unsafe connections.entry(reference).pointee.needsCare = true
        }
    }

    /// Whether the service of a connection has such limits.
    mutating func isMetered(_ reference: UInt32, _ balancing: BalancingState) -> Bool {
        let slot = unsafe connections.entry(reference).pointee.backendSlot
        return !balancing.policy(ofBackend: slot).traffic.isUnlimited
    }

    /// Sets or takes the flag of an established connection, as its service now is.
    mutating func reconsider(_ reference: UInt32, _ policy: BackendPolicy) {
        unsafe connections.entry(reference).pointee.needsCare =
            !policy.traffic.isUnlimited || isTelling(reference)
    }

    /// Whether the backend has yet to learn the client's address, or numbers are shifted, so that
    /// packets need more than new addresses.
    public mutating func isTelling(_ reference: UInt32) -> Bool {
        let connection = unsafe connections.entry(reference).pointee
        guard connection.shape.kind == .fnat else { return false }
        let isTCP = connection.shape.protocol == .tcp
        if connection.hasSideState {
            return unsafe connections.side(reference).pointee.clientAddress
                .isPending(isTCP: isTCP)
        }
        // The SYN loses its timestamps.
        let state = connection.state
        return isTCP && (state == .none || state == .synReceived || state == .synAck)
    }

    /// Why a packet of a connection that needs care must not go on; nil when it may.
    mutating func overTraffic(
        _ reference: UInt32,
        length: UInt16,
        _ balancing: BalancingState
    ) -> Decision.Refusal? {
        let slot = unsafe connections.entry(reference).pointee.backendSlot
        let policy = balancing.policy(ofBackend: slot)
        let limits = policy.traffic
        if limits.share < 100, nextRandom() % 100 >= UInt64(limits.share) { return .share }
        guard reference & 1 == Direction.inbound.rawValue else { return nil }
        let bits = UInt64(length) &* 8
        if !admits(limits.packetRate, 1, .packets, policy.serviceSlot) { return .packetRate }
        if !admits(limits.bitRate, bits, .bits, policy.serviceSlot) { return .bitRate }
        return nil
    }

    private mutating func admits(
        _ limiter: RateLimiter,
        _ units: UInt64,
        _ word: RateLimiter.Word,
        _ service: UInt32
    ) -> Bool {
        limiter.isUnlimited
            || limiter.admit(
                units,
                largest: word == .bits ? 8 * UInt64(UInt16.max) : 1,
                at: word.index(slot: service),
                of: everywhere.rates,
                now: now
            )
    }

    /// Xorshift (Marsaglia 2003); nothing secret hangs on it.
    private mutating func nextRandom() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random >> 11
    }
}
