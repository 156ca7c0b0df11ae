// SPDX-License-Identifier: Apache-2.0

import Containers

/// A TCP connection that ended here while both ends believe in it: they are to be told.
///
/// Workers only leave this note; the slow path makes the segments of it.
public struct ConnectionReset: BitwiseCopyable, Sendable {
    /// Packets of the client, as they came in.
    public var client: Flow
    /// Packets of the backend, as they came in.
    public var backend: Flow
    /// What the client expects next, and what the backend does.
    ///
    /// RFC 5961 section 3.2: "If the RST
    /// bit is set and the sequence number exactly matches the next expected sequence number
    /// (RCV.NXT), then TCP MUST reset the connection."
    public var sequenceTowardClient: UInt32
    public var sequenceTowardBackend: UInt32
}

extension Balancer {
    /// Leaves a note when `reference` is a connection whose ends have to be told of its end.
    mutating func announceEnd(of reference: UInt32, _ connection: Connection) {
        // The states before and after data end by themselves at both ends; one that is half closed
        // still carries data.
        let carriesData =
            switch connection.state {
            case .established, .finWait, .closeWait: true
            default: false
            }
        guard connection.shape.kind.isTwoWay, carriesData, connection.shape.protocol == .tcp,
            // A FIN may have come before anything that the backend has said.
            connection.nextFromBackend != 0
        else { return }
        // Both numbers are the backend's own words. Whoever shifts what the backend sends has to
        // shift the first one here; what the client sends may be shifted as one likes.
        let reset = ConnectionReset(
            client: connections.flow(.inbound, of: reference),
            backend: connections.flow(.outbound, of: reference),
            sequenceTowardClient: connection.nextFromBackend,
            sequenceTowardBackend: connection.nextFromClient
        )
        if resets.push(reset) {
            hasResets = true
        } else {
            lostResets &+= 1
        }
    }
}
