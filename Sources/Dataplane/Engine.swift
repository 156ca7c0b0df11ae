// SPDX-License-Identifier: Apache-2.0
public import Balancing
public import Containers
public import Networking
public import Timing

/// How much a dataplane holds; fixed when it starts.
public struct DataplaneLimits: Sendable, Equatable {
    /// Connections of each worker.
    public var connectionsPerWorker: Int
    /// Backends of all services, those included that still finish connections.
    public var backendSlots: Int
    public var serviceSlots: Int
    /// Sets of addresses, those that stand in lists of services included.
    public static let setSlots = 65_535
    /// Neighbours on all links, a power of two.
    public var neighbours: Int
    /// Fragmented datagrams of each worker.
    public var fragments = FragmentTable.Limits()
    /// Clients of persistent services that are remembered.
    public var persistentClients: Int

    public init(
        connectionsPerWorker: Int,
        backendSlots: Int = 1 << 18,
        serviceSlots: Int = 1 << 16,
        neighbours: Int = 1 << 16,
        persistentClients: Int = 1 << 18
    ) {
        self.connectionsPerWorker = connectionsPerWorker
        self.backendSlots = backendSlots
        self.serviceSlots = serviceSlots
        self.neighbours = neighbours
        self.persistentClients = persistentClients
    }
}

/// The memory that the threads of one dataplane share, from its start to its end.
///
/// The control side makes it, makes the workers from it, publishes snapshots through it and reads
/// its counters; it destroys it after every thread has ended.
public final class Engine: Sendable {
    public let limits: DataplaneLimits
    public let interchange: Interchange
    public let adjacencies: AdjacencyTable
    /// Per worker; see `BackendCounter`.
    public let backendCounters: [CounterBlock]
    /// Which worker owns which flows of backends.
    public let steering: FamilySteering
    /// Which backend clients of persistent services have.
    public let persistence: PersistenceTable
    private let cursors: [CounterBlock]
    /// Per worker; see `ServiceCounter`.
    public let serviceCounters: [CounterBlock]
    /// Per worker; see `HealthCounter`.
    public let healthCounters: [CounterBlock]
    /// Per worker; see `SetCounter`.
    public let setCounters: [CounterBlock]
    /// Of all workers.
    public let conditions: BackendConditions
    private let allBackends: CounterBlocks
    private let allServices: CounterBlocks
    /// How far the rate of each service is used up; see `RateLimiter`.
    private let rates: CounterBlock
    private let seeds: [UInt64]
    private let firstSnapshot: SnapshotMemory

    /// An engine without services or routes; nil when memory is short.
    ///
    /// `seed` is random and secret: see `ConnectionTable`. `steering` belongs to the engine from
    /// now on; nil shares the ports among the workers. `persistenceSeed` is that of the process
    /// before, whose clients are to be recognised.
    public init?(
        workers: Int,
        limits: DataplaneLimits,
        seed: UInt64,
        persistenceSeed: UInt64? = nil,
        steering: FamilySteering? = nil,
        doorbell: Doorbell = Doorbell(descriptor: -1),
        workerBells: [Doorbell] = []
    ) {
        precondition(limits.backendSlots <= PersistenceTable.slotLimit)
        self.limits = limits
        self.steering = steering ?? FamilySteering(sharesAmong: workers)
        guard let adjacencies = AdjacencyTable(capacity: limits.neighbours) else { return nil }
        self.adjacencies = adjacencies
        let persistence = PersistenceTable(
            capacity: limits.persistentClients,
            seed: persistenceSeed ?? seed &+ 0xD6E8_FEB8_6659_FD93
        )
        guard let persistence else { return nil }
        self.persistence = persistence
        firstSnapshot = SnapshotMemory.empty(adjacencies: adjacencies, workers: workers)
        let interchange = unsafe Interchange(
            workers: workers,
            initial: firstSnapshot.pointer,
            doorbell: doorbell,
            workerBells: workerBells
        )
        guard let interchange else { return nil }
        self.interchange = interchange
        backendCounters = (0..<workers)
            .compactMap { _ in
                CounterBlock(count: limits.backendSlots * BackendCounter.stride)
            }
        cursors = (0..<workers).compactMap { _ in CounterBlock(count: limits.serviceSlots) }
        serviceCounters = (0..<workers)
            .compactMap { _ in
                CounterBlock(count: limits.serviceSlots * ServiceCounter.stride)
            }
        healthCounters = (0..<workers)
            .compactMap { _ in
                CounterBlock(count: limits.backendSlots * HealthCounter.stride)
            }
        setCounters = (0..<workers)
            .compactMap { _ in
                CounterBlock(count: DataplaneLimits.setSlots * SetCounter.stride)
            }
        guard let conditions = BackendConditions(slots: limits.backendSlots),
            let rates = CounterBlock(count: limits.serviceSlots * RateLimiter.stride)
        else { return nil }
        self.conditions = conditions
        self.rates = rates
        allBackends = CounterBlocks(backendCounters)
        allServices = CounterBlocks(serviceCounters)
        seeds = (0..<workers).map { seed &+ UInt64($0) &* 0x9E37_79B9_7F4A_7C15 }
        guard backendCounters.count == workers, cursors.count == workers,
            serviceCounters.count == workers, healthCounters.count == workers,
            setCounters.count == workers
        else { return nil }
    }

    public var workerCount: Int { interchange.workerCount }

    /// What worker `index` balances with, to be made once; nil when memory is short.
    public func makeBalancer(_ index: Int, now: Instant) -> Balancer? {
        let table = ConnectionTable(
            capacity: limits.connectionsPerWorker,
            seed: seeds[index],
            now: now.tick
        )
        // One secret for all: they have to agree who keeps a datagram.
        let fragments = FragmentTable(limits.fragments, key: HashKey(seed: ~seeds[0]))
        guard let table, let fragments, let sources = SourceCounts(seed: seeds[index]) else {
            return nil
        }
        return Balancer(
            worker: index,
            steering: steering,
            connections: table,
            fragments: fragments,
            backends: backendCounters[index],
            cursors: cursors[index],
            persistence: persistence,
            sources: sources,
            services: serviceCounters[index],
            health: healthCounters[index],
            sets: setCounters[index],
            resets: interchange.resets[index],
            everywhere: EveryWorker(
                backends: allBackends,
                services: allServices,
                conditions: conditions,
                rates: rates
            )
        )
    }

    /// The same with copies of the counters, which are the caller's to destroy; nil when memory is
    /// short.
    func makeRehearsalBalancer(
        _ index: Int,
        _ backendSlots: Int,
        _ now: Instant
    ) -> RehearsalBalancer? {
        let table = ConnectionTable(capacity: 64, seed: seeds[index], now: now.tick)
        let backends = backendCounters[index].copy(first: backendSlots * BackendCounter.stride)
        var few = FragmentTable.Limits()
        (few.decisions, few.waiting, few.held) = (16, 16, 16)
        let fragments = FragmentTable(few, key: HashKey(seed: ~seeds[0]))
        guard
            let table, let backends, let fragments,
            let cursors = cursors[index].copy(first: limits.serviceSlots),
            let persistence = persistence.copy(),
            let sources = SourceCounts(seed: seeds[index]),
            let services = serviceCounters[index]
                .copy(first: limits.serviceSlots * ServiceCounter.stride),
            let health = healthCounters[index].copy(first: 0),
            let sets = setCounters[index].copy(first: 0),
            let rates = rates.copy(first: limits.serviceSlots * RateLimiter.stride),
            let conditions = conditions.copy(first: backendSlots)
        else { return nil }
        let resets = Ring<ConnectionReset>(capacity: 1)
        let balancer = Balancer(
            worker: index,
            steering: steering,
            connections: table,
            fragments: fragments,
            backends: backends,
            cursors: cursors,
            persistence: persistence,
            sources: sources,
            services: services,
            health: health,
            sets: sets,
            resets: resets,
            // Limits look at what really runs, but nothing is taken from it.
            everywhere: EveryWorker(
                backends: allBackends,
                services: allServices,
                conditions: conditions,
                rates: rates
            )
        )
        return RehearsalBalancer(
            balancer: balancer,
            counters: [backends, cursors, services, health, sets, rates],
            persistence: persistence,
            conditions: conditions,
            resets: resets
        )
    }

    /// One counter of a backend over all workers.
    public func total(_ counter: BackendCounter, slot: UInt32) -> UInt64 {
        backendCounters.reduce(0) { $0 &+ $1[counter.index(slot: slot)] }
    }

    /// The same of what connections have met with.
    public func total(_ counter: HealthCounter, slot: UInt32) -> UInt64 {
        healthCounters.reduce(0) { $0 &+ $1[counter.index(slot: slot)] }
    }

    /// The same of a set.
    public func total(_ counter: SetCounter, slot: UInt32) -> UInt64 {
        setCounters.reduce(0) { $0 &+ $1[counter.index(slot: slot)] }
    }

    /// One counter of a service over all workers.
    public func total(_ counter: ServiceCounter, slot: UInt32) -> UInt64 {
        allServices.sum(at: counter.index(slot: slot))
    }

    /// Goes on with what another process has counted, by `BackendCounter`; no worker knows the slot
    /// yet, and what is open now is not part of it.
    public func restore(_ counters: [UInt64], slot: UInt32) {
        let open: [BackendCounter] = [.active, .inactive, .claimed]
        for (counter, value) in zip(BackendCounter.allCases, counters)
        where !open.contains(counter) {
            backendCounters[0].add(value, at: counter.index(slot: slot))
        }
    }

    /// Zeroes the slot of a service that no connection and no snapshot of any worker names.
    public func clear(serviceSlot slot: UInt32) {
        for block in serviceCounters {
            for counter in ServiceCounter.allCases { block.set(0, at: counter.index(slot: slot)) }
        }
    }

    /// Zeroes a slot that no connection and no snapshot of any worker names.
    public func clear(slot: UInt32) {
        conditions.remove(conditions.reasons(slot: slot), slot: slot)
        for block in healthCounters {
            for counter in HealthCounter.allCases { block.set(0, at: counter.index(slot: slot)) }
        }
        for block in backendCounters {
            for counter in BackendCounter.allCases { block.set(0, at: counter.index(slot: slot)) }
        }
    }

    /// Frees the memory; every thread has ended.
    public func destroy() {
        interchange.destroy()
        adjacencies.destroy()
        steering.destroy()
        persistence.destroy()
        backendCounters.forEach { $0.destroy() }
        cursors.forEach { $0.destroy() }
        serviceCounters.forEach { $0.destroy() }
        healthCounters.forEach { $0.destroy() }
        setCounters.forEach { $0.destroy() }
        conditions.destroy()
        allBackends.destroy()
        allServices.destroy()
        rates.destroy()
    }
}

/// A balancer that owns nothing real, and the counters that it was made with.
struct RehearsalBalancer: ~Copyable {
    var balancer: Balancer
    let counters: [CounterBlock]
    let persistence: PersistenceTable
    let conditions: BackendConditions
    let resets: Ring<ConnectionReset>
}
