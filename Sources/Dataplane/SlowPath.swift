// SPDX-License-Identifier: Apache-2.0
public import Addressing
import CPacket
import Containers
public import Networking
public import Packet
import Synchronization
public import Timing

/// The part of the dataplane that may think: neighbours, ARP and neighbour discovery, and ICMP about
/// what workers refuse.
///
/// One thread turns it; the control side asks it under the same lock.
public final class SlowPath<Port: PacketPort>: Sendable {
    let state: Mutex<SlowPathState<Port>>
    public let counters: WorkerCounters

    /// `ports` are in order of port index, `companions` the kernel's sides of those that have one;
    /// nil when memory is short.
    public init?(
        engine: Engine,
        ports: [Port],
        companions: [InterfaceID: Companion] = [:],
        limits: SlowPathLimits = SlowPathLimits(),
        now: Instant
    ) {
        guard let counters = WorkerCounters() else { return nil }
        self.counters = counters
        engine.interchange.slowPathQuiescent.enter()
        state = Mutex(SlowPathState(engine, ports, companions, counters, limits, now))
        state.withLock { state in
            ports.indices.forEach { state.solicitRouters(on: InterfaceID(port: $0)) }
            state.discoverLinks(as: limits.discoveredLinks)
        }
    }

    /// Handles what has arrived and what is due; returns how many packets were handled.
    public func turn(now: Instant) -> Int { state.withLock { $0.turn(now) } }

    /// The adjacency of `address` on the link of `interface`, being resolved; nil when there is no room.
    ///
    /// A pinned neighbour is kept and probed even when no packet goes there.
    public func adjacency(
        for address: IPAddress,
        on interface: InterfaceID,
        isPinned: Bool
    ) -> AdjacencyHandle? {
        state.withLock { $0.adjacency(for: address, interface, isPinned) }
    }

    /// Keeps pinned neighbours only as long as they are used, where `isStale` says so of their
    /// address and interface.
    public func unpin(where isStale: (IPAddress, InterfaceID) -> Bool) {
        state.withLock { state in
            for key in state.neighbours.pinned where isStale(key.address, key.interface) {
                state.neighbours.unpin(key)
            }
        }
    }

    /// Says which addresses are ours from now on; those that are new are announced.
    public func install(_ addresses: [OwnAddress]) { state.withLock { $0.install(addresses) } }

    /// Says which neighbours are given from now on; where others are is found out.
    ///
    /// There is room for those that `adjacency` has answered for.
    public func fix(_ neighbours: [PermanentNeighbour]) { state.withLock { $0.fix(neighbours) } }

    /// Takes over changed limits.
    public func change(limits: SlowPathLimits) {
        state.withLock { state in
            state.acceptRouters(limits.acceptsRouterAdvertisements)
            state.limits = limits
            state.neighbours.limits = limits.neighbours
            state.discoverLinks(as: limits.discoveredLinks)
        }
    }

    /// Announces every address of a link that came up.
    public func linkCameUp(_ port: Int) {
        state.withLock { state in
            state.linkCameUp(port)
            state.links[port].hasten(at: state.now)
        }
    }

    /// Own addresses that are not used because another node has them.
    public var duplicateAddresses: [OwnAddress] { state.withLock { $0.own.duplicates } }

    /// Own addresses that another node has said to be its own within the last minute.
    public var addressConflicts: [AddressConflict] { state.withLock { $0.conflicts.all } }

    /// Default routers by their own word, the preferred one first.
    public var advertisedRouters: [AdvertisedRouter] { state.withLock { $0.routers.all } }

    /// Neighbours by state.
    public func neighbourCount(in wanted: NeighbourTable<PuntedPacket>.State) -> Int {
        state.withLock { $0.neighbours.count(in: wanted) }
    }

    /// All neighbours, in no order.
    public var neighbourEntries:
        [(
            key: NeighbourTable<PuntedPacket>.Key, state: NeighbourTable<PuntedPacket>.State,
            mac: MACAddress
        )]
    {
        state.withLock { $0.neighbours.all }
    }

    /// The groups of IPv6 that an interface receives, and how many own addresses are in each.
    public func groups(on interface: InterfaceID) -> [IPv6Address: Int] {
        state.withLock { $0.own.groupMembers(on: interface) }
    }

    /// Frees what is held; every worker has stopped.
    public func destroy() {
        state.withLock { state in
            state.releaseAll()
            state.engine.interchange.slowPathQuiescent.leave()
        }
        counters.destroy()
    }
}

/// What bounds the slow path; changed by reload.
public struct SlowPathLimits: Sendable {
    public var neighbours: NeighbourTable<PuntedPacket>.Limits
    /// TTL and hop limit of packets that are made here: `ipv4_defs/default_ttl`.
    public var timeToLive: UInt8
    /// Whether routers may offer themselves: `ipv6_defs/accept_ra`.
    public var acceptsRouterAdvertisements: Bool
    /// ICMP errors and resets a second.
    public var errorsPerSecond: Int
    /// Echo replies a second.
    public var echoesPerSecond: Int
    /// Ports with link-layer discovery, and what each is called there: `lldp`.
    public var discoveredLinks: [Int: String]

    public init(
        neighbours: NeighbourTable<PuntedPacket>.Limits = .init(),
        timeToLive: UInt8 = 64,
        acceptsRouterAdvertisements: Bool = false,
        errorsPerSecond: Int = 1000,
        echoesPerSecond: Int = 10_000,
        discoveredLinks: [Int: String] = [:]
    ) {
        self.neighbours = neighbours
        self.timeToLive = timeToLive
        self.acceptsRouterAdvertisements = acceptsRouterAdvertisements
        self.errorsPerSecond = errorsPerSecond
        self.echoesPerSecond = echoesPerSecond
        self.discoveredLinks = discoveredLinks
    }
}

/// Allows so many events a second, and a tenth of that at once.
struct TokenBucket {
    private var tokens: Double
    private var last: Instant

    init(now: Instant) {
        tokens = 100
        last = now
    }

    mutating func take(_ perSecond: Int, _ now: Instant) -> Bool {
        let passed = Double(now.nanoseconds &- last.nanoseconds) / 1_000_000_000
        last = now
        tokens = min(tokens + passed * Double(perSecond), max(1, Double(perSecond) / 10))
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
