// SPDX-License-Identifier: Apache-2.0
import Containers

/// What connections tell about their backend; only of backends whose service wants to know.
///
/// A client alone proves nothing: resets of clients, and handshakes that only the client left
/// unfinished, do not count.
extension Balancer {
    /// A packet of the backend moved a connection from state `old` to `new`.
    mutating func noteAnswer(
        in old: ConnectionState,
        _ new: ConnectionState,
        _ connection: Connection,
        _ balancing: BalancingState
    ) {
        let isFirst = old == .synReceived || old == .oneWay
        let slot = connection.backendSlot
        guard isFirst, balancing.policy(ofBackend: slot).isWatched else { return }
        // RFC 9293 section 3.10.7.3: a reset in SYN-SENT is "connection refused".
        let counter: HealthCounter = new == .close ? .failures : .successes
        health.add(1, at: counter.index(slot: slot))
    }

    /// A connection has ended by silence, perhaps before the backend said anything.
    mutating func noteSilence(_ connection: Connection, _ balancing: BalancingState) {
        guard connection.state == .synReceived || connection.state == .oneWay else { return }
        let policy = balancing.policy(ofBackend: connection.backendSlot)
        guard policy.isWatched, !policy.isEnding else { return }
        health.add(1, at: HealthCounter.failures.index(slot: connection.backendSlot))
    }
}
