// SPDX-License-Identifier: Apache-2.0

/// The association of RFC 9260 section 4 as a middlebox sees it, sixteen states to a 64-bit row.
///
///     client   --INIT-->             init1     (again: init)
///     backend  <-INIT ACK--          cookie_sent
///     client   --COOKIE ECHO-->      cookie_echoed
///     backend  <-COOKIE ACK--        established
///
///     backend  <-INIT--              cookie_wait       the same, begun by the backend
///     client   --INIT ACK-->         cookie_replied
///     backend  <-COOKIE ECHO--       cookie
///     client   --COOKIE ACK-->       established
///
///     SHUTDOWN of client, backend    shutdown_received, shutdown_sent
///     SHUTDOWN ACK                   shutdown_ack_sent
///     SHUTDOWN COMPLETE              closed
///     ABORT                          closed; of the backend during setup: rejected
///     ERROR of the backend to a cookie: rejected; INIT of the client then begins anew
///
/// Where packets of backends go past the balancer, in DR and tunnel mode, `isOneSided` has the client's
/// word taken: its COOKIE ECHO says that there was an INIT ACK, its next chunk that there was a
/// COOKIE ACK, its SHUTDOWN ACK that there was a SHUTDOWN. Elsewhere an association takes an answer, so that a flood of INIT and COOKIE ECHO
/// holds no longer than a flood of INIT.
@safe
public struct SCTPTransitions: ~Copyable, @unchecked Sendable {
    private enum Row {
        static let events = 16
    }

    /// Four bits a state, indexed by direction and event; in memory of its own, as TCP's.
    private let rows: UnsafeMutablePointer<UInt64>

    public init(isOneSided: Bool = false) {
        unsafe rows = .allocate(capacity: 2 * Row.events)
        unsafe rows.initialize(repeating: 0, count: 2 * Row.events)
        for direction in [Direction.inbound, .outbound] {
            for event in SCTPEvent.allCases {
                var row: UInt64 = 0
                for state in SCTPState.allCases {
                    var next = Self.state(after: event, direction, in: state)
                    if isOneSided, direction == .inbound {
                        next = Self.believe(event, in: state) ?? next
                    }
                    row |= UInt64(next.rawValue) << (UInt64(state.rawValue) * 4)
                }
                unsafe rows[Self.index(event, direction)] = row
            }
        }
    }

    deinit { unsafe rows.deallocate() }

    /// The state after `event`; one load and a shift.
    public func next(
        _ state: SCTPState,
        _ event: SCTPEvent,
        _ direction: Direction
    ) -> SCTPState {
        let row = unsafe rows[Self.index(event, direction)]
        let value = UInt8(truncatingIfNeeded: row >> (UInt64(state.rawValue) &* 4)) & 0xF
        return SCTPState.numbered(value)
    }

    private static func index(_ event: SCTPEvent, _ direction: Direction) -> Int {
        (event.rawValue &+ Int(direction.rawValue) &* Row.events) & (2 &* Row.events &- 1)
    }

    private static func state(
        after event: SCTPEvent,
        _ direction: Direction,
        in state: SCTPState
    ) -> SCTPState {
        switch (event, direction) {
        case (.initiation, _): initiated(direction, in: state)
        case (.initiationAck, .outbound):
            [.init1, .initiated].contains(state) ? .cookieSent : state
        case (.initiationAck, .inbound): state == .cookieWait ? .cookieReplied : state
        case (.cookieEcho, .inbound): state == .cookieSent ? .cookieEchoed : state
        case (.cookieEcho, .outbound): state == .cookieReplied ? .cookie : state
        case (.cookieAck, .outbound): state == .cookieEchoed ? .established : state
        case (.cookieAck, .inbound): state == .cookie ? .established : state
        case (.shutdown, _): shutDown(direction, in: state)
        case (.shutdownAck, _):
            [.shutdownSent, .shutdownReceived].contains(state) ? .shutdownAckSent : state
        case (.shutdownComplete, _): isShuttingDown(state) ? .closed : state
        case (.abort, .outbound): isOpening(state) || state == .rejected ? .rejected : .closed
        case (.abort, .inbound): .closed
        // "Stale Cookie Error" (RFC 9260 section 5.2.6): the client begins again, or gives up.
        case (.error, .outbound): state == .cookieEchoed ? .rejected : state
        case (.error, .inbound), (.data, _), (.other, _): state
        }
    }

    /// An INIT in a living association restarts it only when its cookie comes back, and the backend
    /// knows (RFC 9260 section 5.2.2): nothing moves.
    private static func initiated(_ direction: Direction, in state: SCTPState) -> SCTPState {
        switch (direction, state) {
        case (.inbound, .none), (.inbound, .rejected), (.inbound, .closed): .init1
        case (.inbound, .init1): .initiated
        case (.outbound, .none), (.outbound, .rejected), (.outbound, .closed): .cookieWait
        default: state
        }
    }

    private static func shutDown(_ direction: Direction, in state: SCTPState) -> SCTPState {
        // A COOKIE ACK may have been lost to us, not to the client.
        guard state == .established || state == .cookieEchoed || state == .cookie else {
            return state
        }
        return direction == .inbound ? .shutdownReceived : .shutdownSent
    }

    private static func isShuttingDown(_ state: SCTPState) -> Bool {
        [.shutdownSent, .shutdownReceived, .shutdownAckSent].contains(state)
    }

    private static func isOpening(_ state: SCTPState) -> Bool {
        [.init1, .initiated, .cookieSent, .cookieEchoed].contains(state)
    }

    /// What the client's chunk says of an answer that nobody here has seen.
    private static func believe(_ event: SCTPEvent, in state: SCTPState) -> SCTPState? {
        switch (event, state) {
        case (.cookieEcho, .init1), (.cookieEcho, .initiated): .cookieEchoed
        case (.data, .cookieEchoed), (.other, .cookieEchoed): .established
        case (.shutdownAck, .established): .shutdownAckSent
        default: nil
        }
    }
}
