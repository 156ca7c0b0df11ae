// SPDX-License-Identifier: Apache-2.0

/// Where an association stands, as someone in the middle sees it; the names are those of DPVS.
public enum SCTPState: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case none = 0
    /// The client has sent its first INIT.
    case init1 = 1
    /// The client has sent INIT again.
    case initiated = 2
    /// The backend has sent the client its cookie.
    case cookieSent = 3
    /// The client has sent the backend its cookie: the backend began.
    case cookieReplied = 4
    /// The backend has sent INIT.
    case cookieWait = 5
    /// The backend has echoed the client's cookie.
    case cookie = 6
    /// The client has echoed the backend's cookie.
    case cookieEchoed = 7
    case established = 8
    /// The backend has sent SHUTDOWN.
    case shutdownSent = 9
    /// The backend has received SHUTDOWN.
    case shutdownReceived = 10
    /// Either side has acknowledged the other's SHUTDOWN.
    case shutdownAckSent = 11
    /// The backend refused the association, or its cookie came back too late.
    case rejected = 12
    case closed = 13

    /// The state of a number as connections store it; `none` where there is no such state.
    ///
    /// The compiler's `init(rawValue:)` of so many cases asks the runtime for types. Cases are
    /// numbered in order, so the number is the memory's.
    @inline(__always)
    static func numbered(_ number: UInt8) -> SCTPState {
        number <= Self.closed.rawValue ? unsafe unsafeBitCast(number, to: SCTPState.self) : .none
    }

    /// Carries data both ways, as the field counts "active" connections.
    public var isActive: Bool { self == .established }

    /// How long an association may be silent in this state.
    ///
    /// A second more than RFC 9260 section 16 has cookies live ("Valid.Cookie.Life: 60 seconds")
    /// while one is on its way. INIT is as cheap to send as SYN, so the first is soon forgotten.
    public var timeout: Duration {
        switch self {
        case .none: .seconds(2)
        case .init1, .rejected: .seconds(4)
        case .established: .seconds(900)
        default: .seconds(61)
        }
    }

    /// As metrics and tools call it.
    public var name: StaticString {
        switch self {
        case .none: "none"
        case .init1: "init1"
        case .initiated: "init"
        case .cookieSent: "cookie_sent"
        case .cookieReplied: "cookie_replied"
        case .cookieWait: "cookie_wait"
        case .cookie: "cookie"
        case .cookieEchoed: "cookie_echoed"
        case .established: "established"
        case .shutdownSent: "shutdown_sent"
        case .shutdownReceived: "shutdown_received"
        case .shutdownAckSent: "shutdown_ack_sent"
        case .rejected: "rejected"
        case .closed: "closed"
        }
    }
}

/// What an SCTP packet asks of the state machine; of several chunks the one nearest the top counts.
public enum SCTPEvent: Int, CaseIterable, Sendable {
    case abort, shutdownComplete, initiation, initiationAck, cookieEcho, cookieAck, shutdownAck
    case shutdown, error, data
    /// Chunks that move nothing: acknowledgments, heartbeats, what is unknown; and no chunk at all.
    case other

    public init(_ type: SCTPChunk.Kind) {
        switch type {
        case .abort: self = .abort
        case .shutdownComplete: self = .shutdownComplete
        case .initiation: self = .initiation
        case .initiationAck: self = .initiationAck
        case .cookieEcho: self = .cookieEcho
        case .cookieAck: self = .cookieAck
        case .shutdownAck: self = .shutdownAck
        case .shutdown: self = .shutdown
        case .error: self = .error
        case .data, .interleavedData: self = .data
        default: self = .other
        }
    }

    /// Opens an association where none is known.
    ///
    /// A COOKIE ECHO does not: only the backend that made the cookie understands it.
    public var opens: Bool { self == .initiation }
}
