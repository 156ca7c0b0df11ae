// SPDX-License-Identifier: Apache-2.0

/// Where a connection stands, as someone in the middle sees it; the names are those of `dpvs.conf`.
public enum ConnectionState: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case none = 0
    case established = 1
    case synSent = 2
    case synReceived = 3
    case finWait = 4
    case timeWait = 5
    case close = 6
    case closeWait = 7
    case lastAck = 8
    case listen = 9
    case synAck = 10
    /// One fragmented datagram of a UDP service that schedules each packet by itself: no other
    /// packet belongs to it.
    case datagram = 11
    /// UDP: the backend has not answered yet.
    case oneWay = 12
    /// UDP: packets went both ways.
    case twoWay = 13
    /// ICMP: asked, not answered yet.
    case query = 14
    /// ICMP: answered.
    case queryAnswered = 15
    // SCTP: `SCTPState` from 16 on.
    case sctpNone = 16
    case sctpInit1 = 17
    case sctpInit = 18
    case sctpCookieSent = 19
    case sctpCookieReplied = 20
    case sctpCookieWait = 21
    case sctpCookie = 22
    case sctpCookieEchoed = 23
    case sctpEstablished = 24
    case sctpShutdownSent = 25
    case sctpShutdownReceived = 26
    case sctpShutdownAckSent = 27
    case sctpRejected = 28
    case sctpClosed = 29

    /// Room for a table indexed by state.
    public static let tableSize = 32
    /// The state of a number that was some state's `rawValue`.
    ///
    /// Numbers without a gap are what lies in memory; the compiler's `init(rawValue:)` of so many
    /// cases is a call, and every packet asks.
    @inline(__always)
    static func numbered(_ number: UInt8) -> ConnectionState {
        assert(number <= ConnectionState.sctpClosed.rawValue)
        return unsafe unsafeBitCast(number, to: ConnectionState.self)
    }

    /// States of TCP fit four bits.
    public static let tcp = allCases.filter { $0.rawValue <= ConnectionState.synAck.rawValue }

    private static let firstOfSCTP: UInt8 = 16

    /// The state of an association.
    public init(_ association: SCTPState) {
        self = .numbered(association.rawValue &+ Self.firstOfSCTP)
    }

    /// Where an association stands; meaningful for SCTP.
    public var association: SCTPState {
        .numbered(rawValue &- Self.firstOfSCTP)
    }

    /// Before the first packet of a connection.
    init(opening protocol: FlowProtocol) {
        self =
            switch `protocol` {
            case .tcp: .none
            case .udp: .oneWay
            case .sctp: .sctpNone
            case .icmp: .query
            }
    }

    /// Carries data both ways, as the field counts "active" connections.
    public var isActive: Bool {
        switch self {
        case .established, .twoWay, .queryAnswered, .sctpEstablished: true
        default: false
        }
    }

    /// The first packet went to the backend, which has not answered yet: TCP and UDP.
    @inline(__always)
    var isUnanswered: Bool {
        let states: UInt32 =
            1 &<< UInt32(Self.synReceived.rawValue) | 1 &<< UInt32(Self.oneWay.rawValue)
        return states &>> UInt32(rawValue) & 1 != 0
    }

    /// No packet was sent on yet; UDP and queries have no such state.
    var isUntried: Bool { self == .none || self == .sctpNone }

    /// A time of silence that no setting changes; nil where one does.
    public var fixedTimeout: Duration? {
        switch self {
        case .query, .queryAnswered: ICMPQuery.timeout
        // As long as fragments of the datagram may follow.
        case .datagram: FragmentTable.Limits().decisionLifetime
        default: rawValue >= Self.firstOfSCTP ? association.timeout : nil
        }
    }

    /// Whether a service's own `connectionTimeout` counts.
    var takesServiceTimeout: Bool {
        switch self {
        case .established, .oneWay, .twoWay: true
        default: false
        }
    }

    /// As metrics and tools call it.
    public var name: StaticString {
        switch self {
        case .none: "none"
        case .established: "established"
        case .synSent: "syn_sent"
        case .synReceived: "syn_recv"
        case .finWait: "fin_wait"
        case .timeWait: "time_wait"
        case .close: "close"
        case .closeWait: "close_wait"
        case .lastAck: "last_ack"
        case .listen: "listen"
        case .synAck: "synack"
        case .datagram: "datagram"
        case .oneWay: "oneway"
        case .twoWay: "normal"
        case .query: "query"
        case .queryAnswered: "query_answered"
        default: association.name
        }
    }
}

/// What a TCP segment asks of the state machine; the first that applies, from the top.
public enum TCPEvent: Int, Sendable {
    case rst, syn, fin, ack
    /// None of the four flags: not a segment of RFC 9293, so nothing moves.
    case other

    /// RST and ACK in the flags octet.
    static var resetFlag: UInt8 { 0x04 }
    static var acknowledgmentFlag: UInt8 { 0x10 }

    /// Reads the flags octet of a TCP header (RFC 9293 section 3.1).
    public init(flags: UInt8) {
        if flags & 0x04 != 0 {
            self = .rst
        } else if flags & 0x02 != 0 {
            self = .syn
        } else if flags & 0x01 != 0 {
            self = .fin
        } else if flags & 0x10 != 0 {
            self = .ack
        } else {
            self = .other
        }
    }
}

/// The TCP state machine of RFC 9293 as a middlebox sees it, sixteen states to a 64-bit row.
///
///                     SYN            SYN|ACK (backend)        ACK (client)
///      none, closed ------> syn_recv -----------------> synack ----------> established
///
///     established --FIN of client---> close_wait --FIN of backend--> time_wait
///     established --FIN of backend--> fin_wait ----FIN of client---> time_wait
///     any state ----RST-------------> close
///     time_wait, last_ack, close --SYN of client--> syn_recv
///
/// Where only the client's packets pass (DR, tunnel): SYN --> syn_recv, ACK --> established,
/// FIN --> close_wait, and a SYN after that begins anew.
///
/// An ACK establishes only after the backend has answered, so that a flood of SYN and ACK holds
/// connections no longer than a flood of SYN.
@safe
public struct TCPTransitions: ~Copyable, @unchecked Sendable {
    /// Four bits a state, indexed by direction and event.
    ///
    /// In memory of its own: a stored `InlineArray` is taken apart into variables, and an index
    /// becomes a switch over them.
    private let rows: UnsafeMutablePointer<UInt64>

    public init() {
        unsafe rows = .allocate(capacity: 12)
        unsafe rows.initialize(repeating: 0, count: 12)
        for view in [View.fromClient, .fromBackend, .clientOnly] {
            for event in [TCPEvent.rst, .syn, .fin, .ack] {
                var row: UInt64 = 0
                for state in ConnectionState.tcp {
                    let next =
                        view == .clientOnly
                        ? Self.state(afterClientAlone: event, in: state)
                        : Self.state(after: event, view, in: state)
                    row |= UInt64(next.rawValue) << (UInt64(state.rawValue) * 4)
                }
                unsafe rows[Self.index(event, view)] = row
            }
        }
    }

    deinit { unsafe rows.deallocate() }

    /// Whose segment it is, and whose pass here at all.
    public enum View: Int, Sendable {
        case fromClient = 0
        case fromBackend = 1
        case clientOnly = 2
    }

    /// The state after `event`; one load and a shift.
    public func next(
        _ state: ConnectionState,
        _ event: TCPEvent,
        _ direction: View
    ) -> ConnectionState {
        guard event != .other else { return state }
        let row = unsafe rows[Self.index(event, direction)]
        let value = UInt8(truncatingIfNeeded: row >> (UInt64(state.rawValue) &* 4)) & 0xF
        return .numbered(value)
    }

    private static func index(_ event: TCPEvent, _ view: View) -> Int {
        (event.rawValue & 3) &+ view.rawValue &* 4
    }

    private static func state(
        afterClientAlone event: TCPEvent,
        in state: ConnectionState
    ) -> ConnectionState {
        switch (event, state) {
        case (.rst, _): .close
        case (.syn, .established): .established
        case (.syn, _): .synReceived
        case (.ack, .synReceived): .established
        case (.fin, .established), (.fin, .synReceived): .closeWait
        default: state
        }
    }

    private static func state(
        after event: TCPEvent,
        _ view: View,
        in state: ConnectionState
    ) -> ConnectionState {
        switch (event, view, state) {
        case (.rst, _, _): .close
        case (.syn, .fromClient, .none), (.syn, .fromClient, .timeWait),
            (.syn, .fromClient, .lastAck),
            (.syn, .fromClient, .close):
            .synReceived
        case (.syn, .fromBackend, .synReceived): .synAck
        case (.ack, .fromClient, .synAck): .established
        case (.ack, .fromClient, .lastAck): .close
        case (.fin, .fromClient, .established), (.fin, .fromClient, .synAck),
            (.fin, .fromClient, .synReceived):
            .closeWait
        case (.fin, .fromClient, .finWait): .timeWait
        case (.fin, .fromBackend, .established), (.fin, .fromBackend, .synAck),
            (.fin, .fromBackend, .synReceived):
            .finWait
        case (.fin, .fromBackend, .closeWait): .timeWait
        default: state
        }
    }
}

/// How long a connection may be silent in each state, in ticks.
public struct StateTimeouts: Sendable, Equatable {
    /// Indexed by state.
    let ticks: [UInt32]
    /// Before the first packet of a connection has put it into a state.
    let opening: UInt32

    /// `ticks(state)` gives each state's time.
    public init(opening: UInt32, _ ticks: (ConnectionState) -> UInt32) {
        self.opening = opening
        var table = Array(repeating: UInt32(1), count: ConnectionState.tableSize)
        for state in ConnectionState.allCases {
            table[Int(state.rawValue)] = ticks(state)
        }
        self.ticks = table
    }
}
