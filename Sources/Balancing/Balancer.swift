// SPDX-License-Identifier: Apache-2.0
public import Containers
public import Networking
import Packet
public import Timing

/// What one worker decides about TCP and UDP packets: the connections and everything they touch.
///
/// A worker first looks ahead over its whole burst (`connections`), then asks for each packet.
@safe
public struct Balancer: ~Copyable {
    public var connections: ConnectionTable
    /// Eight counters a backend slot: see `BackendCounter`.
    public let backends: CounterBlock
    /// One a service slot: where its scheduler goes on.
    let cursors: CounterBlock
    /// Shared with all workers.
    let persistence: PersistenceTable
    let sources: SourceCounts
    /// See `ServiceCounter`.
    let services: CounterBlock
    /// See `HealthCounter`.
    let health: CounterBlock
    /// See `SetCounter`.
    let sets: CounterBlock
    /// Ends that the slow path tells the peers of, and whether there is a new one.
    let resets: Ring<ConnectionReset>
    public var hasResets = false
    /// Ends that nobody was told of because the ring was full.
    public var lostResets: UInt64 = 0
    /// See `sweep`: for which number of sweeps the table was looked through, and is being looked through.
    var swept: UInt64 = 0
    var sweeping: UInt64 = 0
    var sweepPosition: UInt32 = 0
    /// What limits look at.
    let everywhere: EveryWorker
    /// The instant of the worker's turn, for rates: ticks are too coarse.
    public var now = Instant(nanoseconds: 0)
    let transitions = TCPTransitions()
    let associations = SCTPTransitions()
    let oneSidedAssociations = SCTPTransitions(isOneSided: true)
    let checksumShift = CRC32cShift()
    /// Fragmented datagrams that this worker keeps or owns.
    public var fragments: FragmentTable
    let worker: Int
    /// For packets that are dropped at random; never 0.
    var random: UInt64
    public let steering: FamilySteering
    /// Connections of one batch whose time is up.
    let ending: UnsafeMutablePointer<UInt32>
    static var endingBatch: Int { 16 }
    /// Connections that ran out of time.
    public var expired: UInt64 = 0
    /// Counts connections for one fragmented datagram each; see `flowOfNobody`.
    var datagrams: UInt16 = 0

    /// Parts made by the control side for `worker`; `cursors` has one counter a service slot.
    public init(
        worker: Int,
        steering: FamilySteering,
        connections: consuming ConnectionTable,
        fragments: consuming FragmentTable,
        backends: CounterBlock,
        cursors: CounterBlock,
        persistence: PersistenceTable,
        sources: consuming SourceCounts,
        services: CounterBlock,
        health: CounterBlock,
        sets: CounterBlock,
        resets: Ring<ConnectionReset>,
        everywhere: EveryWorker
    ) {
        self.worker = worker
        random = UInt64(worker &+ 1) &* 0x9E37_79B9_7F4A_7C15
        self.steering = steering
        self.connections = connections
        self.fragments = fragments
        self.backends = backends
        self.cursors = cursors
        self.persistence = persistence
        self.sources = sources
        self.services = services
        self.health = health
        self.sets = sets
        self.resets = resets
        self.everywhere = everywhere
        unsafe ending = .allocateLines(capacity: Self.endingBatch)
        unsafe ending.initialize(repeating: 0, count: Self.endingBatch)
    }

    deinit { unsafe ending.deallocate() }
}

/// The counters of a backend slot, one cache line a worker.
public enum BackendCounter: Int, CaseIterable, Sendable {
    /// Connections since the start.
    case connections
    /// Connections now that carry data both ways.
    case active
    /// Connections now that are being set up or torn down.
    case inactive
    case incomingPackets, incomingBytes, outgoingPackets, outgoingBytes
    /// Connections now, and those that are about to be made or refused.
    case claimed

    public static let stride = 8

    public func index(slot: UInt32) -> Int { Int(slot) &* Self.stride &+ rawValue }
}

/// What to do with a packet that the balancer has looked at.
public enum Decision: BitwiseCopyable {
    /// Ready to go: give it to this neighbour, or look the neighbour up when it is `.none`.
    case forward(AdjacencyHandle)
    /// Of a connection whose packets take the careful way: untouched but for its time to live.
    case special
    /// Not sent on; untouched.
    case refuse(Refusal)
    /// A SYN for a connection that is over, whose backend gets no new ones; untouched: `finish` the
    /// connection and open another.
    case reopen

    /// Why a packet is not sent on, or no connection opened for it.
    public enum Refusal: BitwiseCopyable, Sendable {
        /// TCP without a connection that does not open one.
        case notOpening
        /// No backend takes new connections.
        case noBackend
        /// SCTP that would open an association, but is damaged.
        case badChecksum
        /// The same of TCP and UDP, where failures of backends are counted.
        case badTransportChecksum
        /// The service has no local address from which the backend could be asked.
        case noLocalAddress
        /// Every port of every local address is in use.
        case noLocalPort
        /// The source holds as many ports as one may.
        case sourcePortLimit
        /// The connection table is full.
        case tableFull
        /// The service has as many connections as it may have.
        case connectionLimit
        /// The service takes no more at this moment.
        case rateLimit
        /// The clients of the service send more packets, or bits, than it may have.
        case packetRate, bitRate
        /// The service gets a share of its packets, and this one is of the rest.
        case share
        /// A list of the service keeps the client out.
        case denied
        /// The service lets some clients in, and this is none of them.
        case notAllowed
        /// The balancer is about to end and takes no new connections.
        case stopping
        /// The time to live ran out here.
        case timeToLive
    }
}
