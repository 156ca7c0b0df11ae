// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Timing

/// A connection as its worker had it at one moment, for somebody who looks on.
public struct SeenConnection: BitwiseCopyable, Sendable {
    /// How the client's packets come in.
    public let client: Flow
    /// How the backend's packets come in; of one-way connections, how they would.
    public let backend: Flow
    public let backendSlot: UInt32
    /// Ticks until it ends when it stays silent.
    public let remaining: UInt32
    /// Where it is in its worker's table.
    public let position: UInt32
    public let state: ConnectionState
    public let kind: ConnectionKind
}

/// Looking through the table of a worker that goes on with its packets meanwhile: some entries a turn.
extension Balancer {
    /// Entries that one turn looks at: little beside a burst of packets, and more when there was none.
    public static func surveyShare(isBusy: Bool) -> UInt32 { isBusy ? 16 : 256 }

    /// Writes those of the next entries that fit to `place`, which has room for `room`; goes on at
    /// `position`, which is `UInt32.max` when all were seen.
    ///
    /// - Returns: how many were written.
    @inline(never)
    public mutating func survey(
        _ pattern: FlowPattern,
        _ share: UInt32,
        at position: inout UInt32,
        _ place: UnsafeMutablePointer<SeenConnection>,
        room: Int,
        _ balancing: BalancingState,
        _ now: Tick
    ) -> Int {
        guard !pattern.isExact else {
            position = .max
            let reference = connections.find(pattern.only)
            guard reference != ConnectionTable.none, room > 0 else { return 0 }
            return unsafe see(reference & ~1, pattern, place, balancing, now) ? 1 : 0
        }
        var written = 0
        let bound = connections.bound
        let stop = min(bound, position &+ share)
        while position < stop, written < room {
            if unsafe see(position << 1, pattern, place + written, balancing, now) {
                written &+= 1
            }
            position &+= 1
        }
        if position >= bound { position = .max }
        return written
    }

    private mutating func see(
        _ reference: UInt32,
        _ pattern: FlowPattern,
        _ place: UnsafeMutablePointer<SeenConnection>,
        _ balancing: BalancingState,
        _ now: Tick
    ) -> Bool {
        let connection = unsafe connections.entry(reference).pointee
        // Free entries name no backend.
        guard connection.backendSlot != .max,
            pattern.fits(connection.state, connection.shape.protocol)
        else { return false }
        let client = connections.flow(.inbound, of: reference)
        guard pattern.fits(client) else { return false }
        let deadline = connection.lastSeen + balancing.timeout(of: connection)
        unsafe place.initialize(
            to: SeenConnection(
                client: client,
                backend: connections.flow(.outbound, of: reference),
                backendSlot: connection.backendSlot,
                remaining: UInt32(max(0, deadline.distance(from: now))),
                position: reference >> 1,
                state: connection.state,
                kind: connection.shape.kind
            )
        )
        return true
    }

    /// Ends a connection that was seen, and has both ends of it told; false: it is gone.
    @inline(never)
    public mutating func end(_ seen: SeenConnection, _ balancing: BalancingState) -> Bool {
        let reference = connections.find(seen.client)
        guard reference != ConnectionTable.none else { return false }
        // Another one of the same client may have taken its place.
        let (backend, known) = (connections.flow(.outbound, of: reference), seen.backend)
        guard backend.source.first == known.source.first,
            backend.source.second == known.source.second,
            backend.destination.first == known.destination.first,
            backend.destination.second == known.destination.second,
            backend.ports == known.ports
        else { return false }
        finish(reference & ~1, balancing: balancing)
        return true
    }
}
