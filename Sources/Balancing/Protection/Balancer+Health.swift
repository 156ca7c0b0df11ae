// SPDX-License-Identifier: Apache-2.0
import Containers
public import Timing

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

    /// How long a backend that is down may have said nothing to a flow that stays with it, in ticks: a
    /// second.
    private static var patience: Int32 { 8 }

    /// The time of a UDP flow has come, but its client goes on: perhaps the backend does not.
    ///
    /// A flow that it has not answered for its whole time is a failure each time, and open to another
    /// backend. `deadline` is when its timer fires next; it fires earlier when answers alone count.
    @inline(never)
    mutating func noteSilence(
        of reference: UInt32,
        _ deadline: Tick,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        let connection = unsafe connections.entry(reference).pointee
        let policy = balancing.policy(ofBackend: connection.backendSlot)
        guard policy.isWatched, !policy.isEnding else { return }
        switch connection.state {
        case .oneWay: break
        case .twoWay:
            let end = connection.lastAnswer + balancing.timeout(of: connection)
            guard connection.lastSeen.distance(from: connection.lastAnswer) > 0 else { return }
            guard end.distance(from: now) <= 0 else {
                if deadline.distance(from: end) > 0 { connections.rearm(reference, at: end) }
                return
            }
            forgetAnswers(of: reference, balancing, now)
        default: return
        }
        health.add(1, at: HealthCounter.failures.index(slot: connection.backendSlot))
    }

    /// Lets a UDP flow of a backend that is down go, unless it has just been answered.
    mutating func doubtAnswers(of reference: UInt32, _ balancing: BalancingState, _ now: Tick) {
        let connection = unsafe connections.entry(reference).pointee
        guard connection.shape.protocol == .udp, connection.state == .twoWay,
            now.distance(from: connection.lastAnswer) >= Self.patience
        else { return }
        forgetAnswers(of: reference, balancing, now)
    }

    /// The flow is one again that nobody has answered: see `staysUnanswered`.
    private mutating func forgetAnswers(
        of reference: UInt32,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        move(reference, from: .twoWay, to: .oneWay, .fromClient, balancing, now)
    }

    /// The backend itself has said by an ICMP error that nobody takes the packets of a connection.
    ///
    /// `sequence` is the number of a quoted segment: of a SYN it has to be the one that waits for an
    /// answer.
    public mutating func noteRefusal(
        along reference: UInt32,
        sequence: UInt32?,
        balancing: BalancingState,
        now: Tick
    ) {
        let connection = unsafe connections.entry(reference).pointee
        guard balancing.policy(ofBackend: connection.backendSlot).isWatched else { return }
        switch connection.state {
        case .synReceived:
            guard let sequence, sequence &+ 1 == connection.nextFromClient else { return }
        case .oneWay: break
        case .twoWay: forgetAnswers(of: reference, balancing, now)
        default: return
        }
        health.add(1, at: HealthCounter.failures.index(slot: connection.backendSlot))
    }

    /// A connection has ended by silence, perhaps before the backend said anything.
    mutating func noteSilence(_ connection: Connection, _ balancing: BalancingState) {
        guard connection.state == .synReceived || connection.state == .oneWay else { return }
        let policy = balancing.policy(ofBackend: connection.backendSlot)
        guard policy.isWatched, !policy.isEnding else { return }
        health.add(1, at: HealthCounter.failures.index(slot: connection.backendSlot))
    }
}
