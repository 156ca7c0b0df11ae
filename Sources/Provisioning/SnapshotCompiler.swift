// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
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
        let before = books.over
        follow(state, news, at: now)
        books.interfaces = try compileInterfaces(of: state)
        try compileServices(of: state, at: now)
        updatePolicies(books.over.symmetricDifference(before))
        let network = try compileNetwork(of: state)
        let hasNewPaths = network.paths != books.paths
        if hasNewPaths {
            books.routeGeneration &+= 1
            books.paths = network.paths
        }
        let forwarding = ForwardingMemory(
            network.table(generation: books.routeGeneration, adjacencies: engine.adjacencies)
        )
        let layout = try layout(of: state, network, forwarding.table)
        return Compilation(
            layout: layout,
            forwarding: forwarding,
            books: books,
            unvisited: hasNewPaths ? state.services : touched
        )
    }

    /// What time and links have done since the books were written.
    private mutating func follow(_ state: DesiredState, _ news: LinkNews, at now: Instant) {
        books.news = news
        let known = books.services
        books.slowStart = books.slowStart.following(to: state, at: now) { known[$0]?.service }
        let slots = books.backendSlots.slots
        books.draining = books.draining.following(
            from: books.state,
            to: state,
            at: now,
            gone: books.backendSlots.retired,
            before: { known[$0]?.service },
            hasSlot: { slots[$0] != nil }
        )
        let over = books.draining.over(at: now)
        let metered = Set(state.services.filter { $0.limitsPackets }.map(\.key))
        if !over.isSubset(of: books.over) || metered != books.metered { books.sweeps += 1 }
        books.over = over
        books.metered = metered
        books.generation += 1
        books.state = state
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
        for known in books.order { entries.append(try entry(of: known)) }
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
            tunnels: tunnels
        )
    }
}

/// A state that is ready to be published, and the books that come with it.
package struct Compilation {
    let layout: Layout
    fileprivate let forwarding: ForwardingMemory
    let books: Books
    /// Services whose backends may have neighbours that nobody asked for yet.
    let unvisited: [Service]

    package var generation: UInt64 { layout.generation }
    /// Local addresses of services, those included that only old connections use.
    package var localAddresses: Set<IPAddress> { Set(layout.localAddresses.keys) }

    /// The memory for the packet path, to be made once: the snapshot owns the routes afterwards.
    func makeMemory(
        workerCount: Int,
        adoption: AdoptionMemory?
    ) -> SnapshotMemory {
        var pools: [LocalPortPool?] = []
        for ports in books.pools.prefix(books.localSlots.bound) { pools += ports.pools.map { $0 } }
        let balancing = BalancingState(
            services: ServiceTable(layout.services),
            timeouts: layout.timeouts,
            options: layout.options,
            workerCount: workerCount,
            pools: pools,
            localAddresses: layout.localAddresses.map { ($0, slot: $1) },
            policies: layout.policies,
            sweeps: layout.sweeps,
            encapsulations: layout.encapsulations,
            places: layout.places
        )
        let snapshot = Snapshot(
            generation: layout.generation,
            forwarding: forwarding.take(),
            balancing: balancing,
            exceptions: ExceptionPolicy(rates: { layout.exceptionRates[$0.rawValue] }),
            interfaces: InterfaceTable(books.numbers, layout.interfaces),
            tunnels: TunnelTable(layout.tunnels),
            adoption: adoption?.handle
        )
        let kept: [AnyObject] = adoption.map { [$0] } ?? []
        return SnapshotMemory(
            snapshot,
            keeping: layout.services.map(\.compiled) + books.pools + kept
        )
    }
}

/// The routes of a layout, as long as no snapshot owns them.
private final class ForwardingMemory {
    let table: ForwardingTable
    private var isTaken = false

    init(_ table: ForwardingTable) { self.table = table }

    deinit { if !isTaken { table.destroy() } }

    func take() -> ForwardingTable {
        precondition(!isTaken, "a layout is published once")
        isTaken = true
        return table
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
