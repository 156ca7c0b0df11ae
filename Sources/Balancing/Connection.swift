// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Timing

/// One balanced flow: both keys, both rewrites and all per-packet state in a cache line.
///
/// The two tuples are at once the keys under which packets of either direction find the connection
/// and, reversed, what those packets are rewritten to; the checksum deltas of the two directions
/// are each other's complement. Addresses of IPv6 keys lie in a second line (`WideKeys`), so that
/// IPv4 does not pay for them. One worker owns a connection.
///
///      0        8        16   20   24   28       36        40       44      48
///     +--------+--------+----+----+----+--------+---------+--------+-------+
///     | client | backend|ports    |seen| timer  | to      | to     |backend|
///     | addrs  | addrs  |cl  |be  |    | links  | backend | client | slot  |
///     +--------+--------+----+----+----+--------+---------+--------+-------+
///      48             56     58    60    62    63      64
///     +------+-------+------+-----+-----+-----+-------+
///     | next sequence| addr | l4  |route|shape| state |
///     | from b| from c| delta      | gen |     |       |
///     +------+-------+------+-----+-----+-----+-------+
public struct Connection: BitwiseCopyable, Sendable {
    /// From the client to the virtual address, as received; of an IPv4 key.
    var clientAddresses: UInt64
    /// From the backend to the local address, as received; of an IPv4 key.
    var backendAddresses: UInt64
    var clientPorts: UInt32
    var backendPorts: UInt32
    /// When a packet last used the connection.
    var lastSeen: Tick
    var timer: TimerLink
    /// Next hops.
    var towardBackend: AdjacencyHandle
    var towardClient: AdjacencyHandle
    public var backendSlot: UInt32
    /// TCP: what the backend sends next, and what it expects next; in host order.
    ///
    /// SCTP: the tags of both. UDP: see `lastAnswer`.
    var nextFromBackend: UInt32
    var nextFromClient: UInt32
    /// What the packet toward the backend adds to its IPv4 header checksum, in wire order.
    var addressDelta: UInt16
    /// What the packet toward the backend adds to its transport checksum, in wire order.
    var transportDelta: UInt16
    /// Low bits of the route generation under which the next hops were looked up.
    var routeGeneration: UInt16
    public internal(set) var shape: ConnectionShape
    var stateAndFlags: UInt8

    /// A connection that was not used yet.
    ///
    /// `backend` is how replies come in; of one-way connections, how they would.
    init(
        client: Flow,
        backend: Flow,
        kind: ConnectionKind,
        state: ConnectionState,
        backendSlot: UInt32,
        now: Tick
    ) {
        shape = ConnectionShape(
            client.protocol,
            kind,
            clientIsIPv6: client.isIPv6,
            backendIsIPv6: backend.isIPv6
        )
        clientAddresses = client.isIPv6 ? 0 : Self.narrow(client)
        backendAddresses = backend.isIPv6 ? 0 : Self.narrow(backend)
        clientPorts = client.ports
        backendPorts = backend.ports
        stateAndFlags = state.rawValue
        self.backendSlot = backendSlot
        // Sums do not care for direction: a packet's sum is that of either tuple.
        addressDelta = Self.delta(from: client.addressSum, to: backend.addressSum)
        transportDelta = Self.delta(from: client.tupleSum, to: backend.tupleSum)
        towardBackend = .none
        towardClient = .none
        routeGeneration = 0
        lastSeen = now
        timer = TimerLink()
        nextFromBackend = 0
        nextFromClient = 0
    }

    private static let stateMask: UInt8 = 0x1F
    /// The client of the connection is remembered: see `PersistenceTable`.
    private static let persistentFlag: UInt8 = 0x20
    /// The connection has a `SideState`.
    private static let sideFlag: UInt8 = 0x40
    /// The next packet of the connection needs more than new addresses, or is limited.
    private static let careFlag: UInt8 = 0x80

    public var state: ConnectionState {
        @inline(__always)
        get { .numbered(stateAndFlags & Self.stateMask) }
        set { stateAndFlags = stateAndFlags & ~Self.stateMask | newValue.rawValue }
    }

    /// UDP: when the backend has last said something.
    var lastAnswer: Tick {
        @inline(__always)
        get { Tick(rawValue: nextFromBackend) }
        @inline(__always)
        set { nextFromBackend = newValue.rawValue }
    }

    var needsCare: Bool {
        get { stateAndFlags & Self.careFlag != 0 }
        set { set(Self.careFlag, newValue) }
    }

    var hasSideState: Bool {
        get { stateAndFlags & Self.sideFlag != 0 }
        set { set(Self.sideFlag, newValue) }
    }

    private mutating func set(_ flag: UInt8, _ isOn: Bool) {
        stateAndFlags = isOn ? stateAndFlags | flag : stateAndFlags & ~flag
    }

    /// The client of the connection is remembered: see `PersistenceTable`.
    var isPersistent: Bool {
        get { stateAndFlags & Self.persistentFlag != 0 }
        set { set(Self.persistentFlag, newValue) }
    }

    private static func narrow(_ flow: Flow) -> UInt64 {
        UInt64(flow.source.ipv4) | UInt64(flow.destination.ipv4) << 32
    }

    /// RFC 1624: `new + ~old` in ones' complement.
    private static func delta(from old: UInt32, to new: UInt32) -> UInt16 {
        UInt16(truncatingIfNeeded: foldChecksum(UInt64(new) &+ UInt64(~old & 0xFFFF)))
    }
}

/// The addresses of a connection that speaks IPv6 on one side or both; beside its `Connection`.
struct WideKeys: BitwiseCopyable {
    var clientSource: WireAddress
    var clientDestination: WireAddress
    var backendSource: WireAddress
    var backendDestination: WireAddress
}

/// What only some connections have to remember, beside its `Connection`.
public struct SideState: BitwiseCopyable, Sendable {
    public var clientAddress: ClientAddressState
}

/// What a connection does to its packets.
public enum ConnectionKind: UInt8, Sendable, BitwiseCopyable {
    /// Both addresses are rewritten; a local port is held.
    case fnat = 0
    /// The destination is rewritten; replies pass here, too.
    case nat = 1
    /// The source is rewritten; a local port is held.
    case snat = 2
    /// Only the neighbour is chosen; replies do not pass here.
    case direct = 3
    /// Another IP header is put in front; replies do not pass here.
    case tunnel = 4

    /// Replies find the connection.
    @inline(__always)
    public var isTwoWay: Bool { rawValue <= Self.snat.rawValue }
    /// A port of a local address is held.
    public var holdsLocalPort: Bool { self == .fnat || self == .snat }
}

/// Protocol, kind and families in one octet.
///
///     7              6             5   3  2      0
///     backend IPv6 | client IPv6 | kind | protocol
public struct ConnectionShape: RawRepresentable, Equatable, Sendable, BitwiseCopyable {
    public var rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    init(
        _ protocol: FlowProtocol,
        _ kind: ConnectionKind,
        clientIsIPv6: Bool,
        backendIsIPv6: Bool
    ) {
        rawValue =
            `protocol`.rawValue | kind.rawValue << 3 | (clientIsIPv6 ? 0x40 : 0)
            | (backendIsIPv6 ? 0x80 : 0)
    }

    public var `protocol`: FlowProtocol { FlowProtocol(rawValue: rawValue & 7) ?? .tcp }
    @inline(__always)
    public var kind: ConnectionKind { ConnectionKind(rawValue: rawValue >> 3 & 7) ?? .fnat }
    /// Replies find the connection.
    @inline(__always)
    var isTwoWay: Bool { rawValue & 0x38 <= ConnectionKind.snat.rawValue << 3 }
    @inline(__always)
    func isIPv6(_ direction: Direction) -> Bool {
        rawValue & 0x40 << UInt8(direction.rawValue) != 0
    }
    public var clientIsIPv6: Bool { rawValue & 0x40 != 0 }
    public var backendIsIPv6: Bool { rawValue & 0x80 != 0 }
    /// IPv6 on one side or both: the addresses are in `WideKeys`.
    var isWide: Bool { rawValue & 0xC0 != 0 }
    /// One family in, the other out.
    ///
    /// Tunnels have a family of their own, and leave that of their packets.
    public var translates: Bool {
        isTwoWay && (rawValue & 0xC0 == 0x40 || rawValue & 0xC0 == 0x80)
    }

    /// Packets lose a hop here, whatever `xmit_ttl` says.
    ///
    /// SNAT is what a router does: "when a router forwards a packet, it MUST reduce the TTL by at
    /// least one" (RFC 1812 section 5.3.1). And so is translation: "since the translator is a router,
    /// as part of forwarding the packet it needs to decrement either the IPv4 TTL (before the
    /// translation) or the IPv6 Hop Limit (after the translation)" (RFC 7915 section 4.1, 5.1).
    var isHop: Bool { kind == .snat || translates }
    /// Addresses and ports of one family are rewritten, both ways: by the careful way.
    var rewritesInPlace: Bool { isTwoWay && !translates }

    /// The common kind: addresses and ports of one family are rewritten, both ways.
    ///
    /// SNAT is not of it, as it is a hop.
    @inline(__always)
    func rewrites<Tuple: FlowTuple>(_ tuple: Tuple.Type) -> Bool {
        rawValue & 0x38 <= ConnectionKind.nat.rawValue << 3
            && rawValue & 0xC0 == (Tuple.isIPv6 ? 0xC0 : 0)
    }

    /// What the octet is, kind aside, when `direction`'s key may be one of this protocol.
    @inline(__always)
    func isKey<Tuple: FlowTuple>(
        _ direction: UInt32,
        _ protocol: FlowProtocol,
        _ tuple: Tuple.Type
    ) -> Bool {
        let family = UInt8(0x40) << UInt8(truncatingIfNeeded: direction)
        return rawValue & (family | 7) == `protocol`.rawValue | (Tuple.isIPv6 ? family : 0)
    }
}

/// Which way a packet of a connection goes.
public enum Direction: UInt32, Sendable {
    /// From the client to the backend.
    case inbound = 0
    /// From the backend to the client.
    case outbound = 1
}
