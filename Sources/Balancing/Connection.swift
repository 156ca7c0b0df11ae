// SPDX-License-Identifier: Apache-2.0
import Networking
import Timing

/// One balanced flow over IPv4: both keys, both rewrites and all per-packet state in a cache line.
///
/// The two tuples are at once the keys under which packets of either direction find the connection
/// and, reversed, what those packets are rewritten to; the checksum deltas of the two directions
/// are each other's complement. One worker owns a connection.
///
///      0        8        16   20   24 25  26    28    30    32       36
///     +--------+--------+----+----+--+--+-----+-----+-----+--------+--------+
///     | client | backend|ports    |pr|st|route| addr| l4  | to     | to     |
///     | addrs  | addrs  |cl  |be  |  |  |gen  | delta     | backend| client |
///     +--------+--------+----+----+--+--+-----+-----+-----+--------+--------+
///      40   44      48       52        60      62      64
///     +----+-------+--------+---------+-------+-------+
///     |seen|service|backend | timer   | local | flags |
///     |    | slot  | slot   | links   | slot  |       |
///     +----+-------+--------+---------+-------+-------+
public struct Connection: BitwiseCopyable {
    /// From the client to the virtual address, as received.
    var clientAddresses: UInt64
    /// From the backend to the local address, as received.
    var backendAddresses: UInt64
    var clientPorts: UInt32
    var backendPorts: UInt32
    var protocolNumber: UInt8
    public var state: ConnectionState
    /// Low bits of the route generation under which the next hops were looked up.
    var routeGeneration: UInt16
    /// What the packet toward the backend adds to its IPv4 header checksum, in wire order.
    var addressDelta: UInt16
    /// What the packet toward the backend adds to its TCP or UDP checksum, in wire order.
    var transportDelta: UInt16
    /// Next hops.
    var towardBackend: AdjacencyHandle
    var towardClient: AdjacencyHandle
    /// When a packet last used the connection: all that a packet writes.
    var lastSeen: Tick
    public var serviceSlot: UInt32
    public var backendSlot: UInt32
    var timer: TimerLink
    public var localSlot: UInt16
    var flags: Flags

    struct Flags: OptionSet, BitwiseCopyable {
        var rawValue: UInt16

        /// Counted as active at its backend.
        static let active = Flags(rawValue: 1 << 0)
    }

    public var clientTuple: IPv4Tuple { IPv4Tuple(addresses: clientAddresses, ports: clientPorts) }
    public var backendTuple: IPv4Tuple {
        IPv4Tuple(addresses: backendAddresses, ports: backendPorts)
    }

    /// A connection that was not used yet.
    init(
        client: IPv4Tuple,
        backend: IPv4Tuple,
        protocolNumber: UInt8,
        state: ConnectionState,
        serviceSlot: UInt32,
        backendSlot: UInt32,
        localSlot: UInt16,
        now: Tick
    ) {
        clientAddresses = client.addresses
        clientPorts = client.ports
        backendAddresses = backend.addresses
        backendPorts = backend.ports
        self.protocolNumber = protocolNumber
        self.state = state
        self.serviceSlot = serviceSlot
        self.backendSlot = backendSlot
        self.localSlot = localSlot
        // Sums do not care for direction: a packet's sum is that of either tuple.
        addressDelta = Self.delta(from: client.addressSum, to: backend.addressSum)
        transportDelta = Self.delta(from: client.tupleSum, to: backend.tupleSum)
        towardBackend = .none
        towardClient = .none
        routeGeneration = 0
        lastSeen = now
        timer = TimerLink()
        flags = []
    }

    /// RFC 1624: `new + ~old` in ones' complement.
    private static func delta(from old: UInt32, to new: UInt32) -> UInt16 {
        UInt16(truncatingIfNeeded: foldChecksum(UInt64(new) &+ UInt64(~old & 0xFFFF)))
    }
}

/// Which way a packet of a connection goes.
public enum Direction: UInt32, Sendable {
    /// From the client to the backend.
    case inbound = 0
    /// From the backend to the client.
    case outbound = 1
}
