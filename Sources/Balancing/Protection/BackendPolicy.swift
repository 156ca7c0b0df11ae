// SPDX-License-Identifier: Apache-2.0
public import Containers

/// How connections of one backend slot are treated, those included that its backend left behind.
public struct BackendPolicy: BitwiseCopyable, Sendable, Equatable {
    /// Ticks of silence that end a connection which carries data; 0: the protocol's.
    public var timeout: UInt32 = 0
    /// Whose connections they count as.
    public var serviceSlot: UInt32 = 0
    /// Connections at once; 0: no limit.
    public var maxConnections: UInt32 = 0
    /// Once it has been full, it gets new ones when it has fewer than this.
    public var resumesBelow: UInt32 = 0

    /// It gets no new connections: of weight 0, or gone.
    public var isLeaving = false
    /// It may have no connections any more.
    public var isEnding = false
    /// What becomes of its connections is counted: see `HealthCounter`.
    public var isWatched = false
    /// What the packets of its service may be.
    public var traffic = TrafficLimits()

    public init() {}
}

/// What a service may have and take, over all workers.
public struct ServiceLimits: BitwiseCopyable, Sendable, Equatable {
    /// Connections at once; 0: no limit.
    public var maxConnections: UInt64
    public var connectionRate: RateLimiter

    public init(maxConnections: UInt64 = 0, connectionRate: RateLimiter = RateLimiter()) {
        self.maxConnections = maxConnections
        self.connectionRate = connectionRate
    }
}

/// What the packets of a service may be, over all workers.
public struct TrafficLimits: BitwiseCopyable, Sendable, Equatable {
    /// Packets of clients.
    public var packetRate: RateLimiter
    /// Bits of their IP packets.
    public var bitRate: RateLimiter
    /// How many of a hundred packets go on, in either direction.
    public var share: UInt8

    public init(
        packetRate: RateLimiter = RateLimiter(),
        bitRate: RateLimiter = RateLimiter(),
        share: UInt8 = 100
    ) {
        self.packetRate = packetRate
        self.bitRate = bitRate
        self.share = share
    }

    var isUnlimited: Bool { packetRate.isUnlimited && bitRate.isUnlimited && share >= 100 }
}

/// The counters of a service slot, a cache line a worker.
public enum ServiceCounter: Int, CaseIterable, Sendable {
    /// Connections now, and those that are about to be made or refused.
    case claimed
    /// Connections refused because the service had as many as it may have.
    case overLimit
    /// Connections refused because too many came in too short a time.
    case overRate
    /// Connections refused because no backend takes any.
    case withoutBackend
    /// Connections refused because a list says who may open some.
    case denied, notAllowed

    public static let stride = 8

    public func index(slot: UInt32) -> Int { Int(slot) &* Self.stride &+ rawValue }
}

/// What connections of a backend slot have met with, where somebody wants to know.
public enum HealthCounter: Int, CaseIterable, Sendable {
    /// The backend refused, or did not answer until the connection ended.
    case failures
    /// The backend answered for the first time.
    case successes

    public static let stride = 2

    public func index(slot: UInt32) -> Int { Int(slot) &* Self.stride &+ rawValue }
}

/// What a worker sees of all workers.
public struct EveryWorker: BitwiseCopyable, Sendable {
    let backends: CounterBlocks
    let services: CounterBlocks
    public let conditions: BackendConditions
    /// `RateLimiter.stride` words a service slot.
    let rates: CounterBlock

    public init(
        backends: CounterBlocks,
        services: CounterBlocks,
        conditions: BackendConditions,
        rates: CounterBlock
    ) {
        self.backends = backends
        self.services = services
        self.conditions = conditions
        self.rates = rates
    }
}
