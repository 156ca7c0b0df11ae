// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
import Containers
import Dataplane
import Model
import Networking
import Timing

/// Turns a desired state into a layout, and its books into those that come after it.
///
/// A function of state, books, moment and what the links tell: it changes nothing but the value it
/// is. Three things it asks others for, and each takes it back when the layout is not published:
/// room for neighbours (`NeighbourRegistry.pin`), the kernel's sides (`CompanionRegistry.cancel`),
/// and memory, which ends with the last books that name it.
struct SnapshotCompiler {
    typealias BackendKey = Provisioner.BackendKey

    let engine: Engine
    /// By port index.
    let ports: [Interface]
    let neighbours: any NeighbourRegistry
    /// Who makes companions of VLANs; nil: they have none.
    let companions: (any CompanionRegistry)?
    /// `sa_pool/pool_hash_size`.
    let subPools: Int
    /// Whether new connections are refused because the program ends.
    let isStopping: Bool
    var books: Books
    /// Services that are new or not what they were.
    var touched: [Service] = []
    /// Services that the state does not have any more.
    var removed: [Service] = []
    /// Backends that services do not have any more.
    var dropped: Set<BackendKey> = []

    init(
        engine: Engine,
        ports: [Interface],
        neighbours: any NeighbourRegistry,
        companions: (any CompanionRegistry)?,
        subPools: Int,
        isStopping: Bool,
        books: Books
    ) {
        self.engine = engine
        self.ports = ports
        self.neighbours = neighbours
        self.companions = companions
        self.subPools = subPools
        self.isStopping = isStopping
        self.books = books
    }

    /// Lays `state` out; `now` decides how far backends are in their slow start and their drain.
    ///
    /// Afterwards `books` are those of the layout. They mean nothing when it throws.
    mutating func layOut(
        _ state: DesiredState,
        _ news: LinkNews,
        at now: Instant
    ) throws(ProvisioningError) -> Compilation {
        let before = books
        books.news = news
        books.generation += 1
        books.state = state
        books.slowStart = before.slowStart
            .following(to: state, at: now) { before.service($0)?.service }
        books.interfaces = try compileInterfaces(of: state)
        let hasSameKeys = try compileServices(of: state, at: now)
        try compileSets(of: state)
        followDrains(since: before, at: now)
        updatePolicies(books.over.symmetricDifference(before.over))
        let known = try network(of: state, hasSameServices: hasSameKeys)
        books.network = known
        let layout = try layout(of: state, known.network, known.forwarding.handle)
        return Compilation(
            layout: layout,
            forwarding: known.forwarding,
            books: books,
            unvisited: books.routeGeneration != before.routeGeneration ? state.services : touched
        )
    }

    /// Routes and own addresses: those of before, unless something that they depend on has changed.
    private mutating func network(
        of state: DesiredState,
        hasSameServices: Bool
    ) throws(ProvisioningError) -> KnownNetwork {
        let source = KnownNetwork.Source(
            settings: state.settings,
            addresses: state.addresses,
            routes: state.routes,
            neighbours: state.neighbours,
            interfaces: books.interfaces,
            news: books.news,
            localSlots: books.localSlots.slots
        )
        if hasSameServices, let known = books.network, known.source == source { return known }
        let network = try compileNetwork(of: state)
        let before = books.network?.network.paths ?? CompiledNetwork.Paths()
        if network.paths != before { books.routeGeneration &+= 1 }
        let table = network.table(
            generation: books.routeGeneration,
            adjacencies: engine.adjacencies
        )
        return KnownNetwork(
            source: source,
            network: network,
            forwarding: Owned(table) { $0.destroy() }
        )
    }

    /// What time has done to backends that get no new connections.
    private mutating func followDrains(since before: Books, at now: Instant) {
        let drains = books.traits.union(before.traits).contains(.drains)
        if drains || !before.draining.isEmpty {
            let slots = books.backendSlots.slots
            books.draining = before.draining.following(
                changed: touched,
                removed: removed,
                gone: books.backendSlots.retired,
                at: now,
                before: { before.service($0)?.service },
                after: { books.service($0)?.service },
                hasSlot: { slots[$0] != nil }
            )
        }
        let over = books.draining.over(at: now)
        var metered: Set<Service.Key> = []
        if books.traits.contains(.isMetered) {
            let services = books.services.filter { $0.traits.contains(.isMetered) }
            metered = Set(services.map(\.service.key))
        }
        if !over.isSubset(of: before.over) || metered != before.metered { books.sweeps += 1 }
        books.over = over
        books.metered = metered
    }

    private mutating func layout(
        of state: DesiredState,
        _ network: CompiledNetwork,
        _ forwarding: ForwardingTable
    ) throws(ProvisioningError) -> Layout {
        books.encapsulations = try compileTunnels(of: state, forwarding)
        let tunnels = try compileTunnelDevices(of: state, forwarding)
        var entries: [Layout.ServiceEntry] = []
        entries.reserveCapacity(state.services.count)
        for known in books.services { entries.append(try entry(of: known)) }
        return Layout(
            generation: books.generation,
            routeGeneration: books.routeGeneration,
            network: network,
            interfaces: books.interfaces,
            services: entries,
            timeouts: stateTimeouts(of: state.settings),
            options: options(of: state, isStopping: isStopping),
            localAddresses: books.localSlots.slots,
            policies: books.policies,
            encapsulations: books.encapsulations,
            places: places(of: state),
            sweeps: books.sweeps,
            exceptionRates: exceptionRates(of: state.settings),
            tunnels: tunnels,
            sets: Dictionary(
                uniqueKeysWithValues: books.sets.compactMap { key, set in
                    books.setSlots.slots[key].map { ($0, set) }
                }
            ),
            screen: books.screen
        )
    }
}

/// A state that is ready to be published, and the books that come with it.
package struct Compilation {
    let layout: Layout
    fileprivate let forwarding: Owned<ForwardingTable>
    let books: Books
    /// Services whose backends may have neighbours that nobody asked for yet.
    let unvisited: [Service]

    package var generation: UInt64 { layout.generation }
    /// Local addresses of services, those included that only old connections use.
    package var localAddresses: Set<IPAddress> { Set(layout.localAddresses.keys) }

    /// The memory for the packet path; `services` is the table of the layout's.
    func makeMemory(
        _ services: Owned<ServiceTable>,
        workerCount: Int,
        adoption: AdoptionMemory?
    ) -> SnapshotMemory {
        var pools: [LocalPortPool?] = []
        for ports in books.pools.prefix(books.localSlots.bound) { pools += ports.pools.map { $0 } }
        let filters = (0..<(layout.sets.keys.max() ?? -1) + 1)
            .map { layout.sets[$0]?.filter.handle }
        let balancing = BalancingState(
            services: services.handle,
            timeouts: layout.timeouts,
            options: layout.options,
            workerCount: workerCount,
            pools: pools,
            localAddresses: layout.localAddresses.map { ($0, slot: $1) },
            policies: layout.policies,
            sweeps: layout.sweeps,
            encapsulations: layout.encapsulations,
            places: layout.places,
            sets: AddressSets(filters, screen: layout.screen)
        )
        let snapshot = Snapshot(
            generation: layout.generation,
            forwarding: forwarding.handle,
            balancing: balancing,
            exceptions: ExceptionPolicy(rates: { layout.exceptionRates[$0.rawValue] }),
            interfaces: InterfaceTable(books.numbers, layout.interfaces),
            tunnels: TunnelTable(layout.tunnels),
            adoption: adoption?.handle
        )
        let kept: [AnyObject] = adoption.map { [$0] } ?? []
        return SnapshotMemory(
            snapshot,
            keeping: [Owned(books.services), services, forwarding] + books.pools + kept
                + layout.sets.values.map(\.filter)
        )
    }
}

extension InterfaceTable {
    /// Those of a layout; of one that is there twice the first counts.
    fileprivate init(_ numbers: InterfaceNumbers, _ interfaces: [Interface]) {
        let records = interfaces.map { interface in
            let record = InterfaceRecord(
                port: numbers.port(of: interface.id),
                mtu: interface.mtu,
                priority: interface.priority,
                hasCompanion: interface.hasCompanion
            )
            return (interface.id, record)
        }
        self.init(numbers, Dictionary(records) { first, _ in first })
    }
}
