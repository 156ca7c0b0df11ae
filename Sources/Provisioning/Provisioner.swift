// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
package import Dataplane
package import Model
package import Networking
package import Timing

/// A port, a VLAN of one, or a tunnel, as the configuration knows it.
package struct Interface: Sendable, Equatable {
    package var name: String
    package var id: InterfaceID
    package var mtu: Int
    /// What its link-local address is made for; nil: it has none.
    package var macAddress: MACAddress?
    /// Whether the kernel has an interface of its own there.
    package var hasCompanion: Bool
    /// What goes into the tags of its frames.
    var priority = 0
    /// Nobody has a link-layer address there.
    var isTunnel = false

    package init(
        name: String,
        id: InterfaceID,
        mtu: Int,
        macAddress: MACAddress? = nil,
        hasCompanion: Bool = false
    ) {
        self.name = name
        self.id = id
        self.mtu = mtu
        self.macAddress = macAddress
        self.hasCompanion = hasCompanion
    }
}

/// What the slow path does for the provisioner.
package protocol NeighbourRegistry: AnyObject, Sendable {
    /// The adjacency of `address` on the link of `interface`, resolved soon; nil when the table is full.
    ///
    /// A pinned one is kept even when no packet goes there.
    func adjacency(
        for address: IPAddress,
        on interface: InterfaceID,
        isPinned: Bool
    ) -> AdjacencyHandle?

    /// Says which neighbours are kept and probed although no packet may go there; others stay as long
    /// as they are used.
    func pin(_ neighbours: Set<NeighbourPlace>)

    /// Tells which addresses are ours from now on; new ones are announced on their links.
    func install(_ addresses: [OwnAddress])

    /// Tells which neighbours are given from now on; `adjacency` has answered for each.
    func fix(_ neighbours: [PermanentNeighbour])

    /// Own addresses that are not used because another node has them.
    var duplicateAddresses: [OwnAddress] { get }

    /// Default routers of IPv6 that offer themselves and are believed, the preferred one first.
    var advertisedRouters: [AdvertisedRouter] { get }
}

/// Something that does not fit the running dataplane.
package struct ProvisioningError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Turns desired states into snapshots and publishes them: the one place that sees both sides.
///
/// Belongs to one thread or actor at a time. A state goes through `compile`, `publish` and, when every
/// worker uses it, `finish`:
///
///     compile   a copy of the books and the state become a layout; nothing running changes
///     publish   what packets need (kernel interfaces, numbers of interfaces, given neighbours),
///               then the pointer; from their next turn on workers use the snapshot
///     finish    what the old snapshot alone needed goes, and the links are told of new addresses
package final class Provisioner {
    let engine: Engine
    /// By port index.
    let ports: [Interface]
    let neighbours: any NeighbourRegistry
    /// Who makes companions of VLANs; nil: they have none.
    let companions: (any CompanionRegistry)?
    let subPools: Int
    /// What the configuration calls the workers, by their position.
    let workerIDs: [Int]

    /// Of the published snapshot.
    var books: Books
    /// What backends that are gone have counted for their services.
    package internal(set) var retiredTotals: [Service.Key: [UInt64]] = [:]
    /// Where operators' tools count from.
    var zeroMarks = ZeroMarks()

    private var published: SnapshotMemory?
    /// Of the published snapshot.
    private var index: ServiceIndex?
    /// Snapshots that some thread may still read.
    private var leaving: [SnapshotMemory] = []
    /// What `finish` has to do.
    private var unfinished: Layout?
    /// Neighbours that are given, by the latest snapshot that every worker uses.
    private var givenNeighbours: [PermanentNeighbour] = []
    /// Whether neighbours are kept that only earlier snapshots named.
    private var hasStalePins = false
    /// Where the sequence numbers of a tunnel begin, by its name.
    var tunnelBeginning: @Sendable (String) -> UInt32 = { _ in 0 }
    /// See `watchHealth`.
    var health = HealthMonitor()
    /// See `judge`.
    var checks = CheckedBackends()
    /// Whether new connections are refused because the program ends.
    private var isStopping = false
    /// What another process has left, until the first snapshot carries it as `adoption`.
    var inheritance: (handover: Handover, since: Tick)?
    var adoption: AdoptionMemory?
    /// What became of it; final when every worker has left the snapshots before.
    package internal(set) var handoverResult: HandoverResult?

    package struct BackendKey: Hashable, Sendable {
        package var service: Service.Key
        package var endpoint: Endpoint

        package init(service: Service.Key, endpoint: Endpoint) {
            self.service = service
            self.endpoint = endpoint
        }
    }

    /// Begins with nothing provisioned.
    ///
    /// `interfaces` are in order of port index; `subPools` is `sa_pool/pool_hash_size`. Without
    /// `workerIDs` workers are called by their position.
    package init(
        engine: Engine,
        interfaces: [Interface],
        neighbours: any NeighbourRegistry,
        companions: (any CompanionRegistry)? = nil,
        subPools: Int = 16,
        workerIDs: [Int]? = nil
    ) {
        self.engine = engine
        self.workerIDs = workerIDs ?? Array(0..<engine.workerCount)
        ports = interfaces
        self.neighbours = neighbours
        self.companions = companions
        self.subPools = subPools
        books = Books(
            ports: interfaces,
            backends: engine.limits.backendSlots,
            services: engine.limits.serviceSlots
        )
    }

    /// What runs.
    package var state: DesiredState { books.state }

    /// Ports, and VLANs and tunnels of the published snapshot.
    var interfaces: [Interface] { books.interfaces }

    /// The slot of a backend, while it has one.
    package func slot(of backend: BackendKey) -> UInt32? {
        books.backendSlots.slots[backend].map(UInt32.init)
    }

    /// Local addresses of services, those included that only old connections use.
    package var localAddresses: Set<IPAddress> { Set(books.localSlots.slots.keys) }

    // MARK: - Compile and publish

    /// Lays `state` out for the packet path; nothing that runs changes, and when it throws nothing
    /// is left of it.
    ///
    /// `now` decides how far backends are in their slow start.
    package func compile(
        _ state: DesiredState,
        at now: Instant
    ) throws(ProvisioningError) -> Compilation {
        var compiler = SnapshotCompiler(
            engine: engine,
            ports: ports,
            neighbours: neighbours,
            companions: companions,
            subPools: subPools,
            isStopping: isStopping,
            books: books
        )
        do throws(ProvisioningError) {
            return try compiler.layOut(state.withoutStrayKernel(ports), linkNews, at: now)
        } catch {
            companions?.cancel()
            neighbours.pin(books.pinned)
            throw error
        }
    }

    /// Shows a compiled snapshot to all workers; from its next turn on each of them uses it.
    ///
    /// First comes what its packets need, then the pointer. What the snapshot before needs stays
    /// until `finish`.
    package func publish(_ next: Compilation) {
        let before = books
        books = next.books
        companions?.show()
        hasStalePins = hasStalePins || !before.pinned.isSubset(of: books.pinned)
        neighbours.fix(next.layout.network.neighbours(beside: givenNeighbours))
        takeOver()
        beginTunnels()
        beginWatching()
        heedChecks(after: before)
        let index = index?.following(to: next.layout.services) ?? ServiceIndex(next.layout.services)
        self.index = index
        let memory = next.makeMemory(
            index.table,
            workerCount: engine.workerCount,
            adoption: adoption
        )
        unsafe engine.interchange.cell.publish(memory.pointer)
        engine.interchange.wakeWorkers()
        askForGateways(on: books, before)
        if let published { leaving.append(published) }
        published = memory
        unfinished = next.layout
        reconsiderFullBackends(of: state)
        warmUp(for: next.unvisited)
    }

    /// Ends what only snapshots before the published one needed, and announces what is new; every
    /// worker uses the published one.
    package func finish() {
        guard let layout = unfinished else { return }
        unfinished = nil
        companions?.finish()
        if hasStalePins { neighbours.pin(books.pinned) }
        hasStalePins = false
        neighbours.fix(layout.network.neighbours)
        givenNeighbours = layout.network.neighbours
        neighbours.install(layout.network.addresses)
    }

    /// Asks for gateways on VLANs, which could not be asked for while their frames had no tags.
    private func askForGateways(on books: Books, _ before: Books) {
        for place in books.pinned.subtracting(before.pinned)
        where !place.interface.isPort {
            _ = neighbours.adjacency(for: place.address, on: place.interface, isPinned: true)
        }
    }

    /// Snapshots that were replaced and that some thread may still read.
    package var leavingCount: Int { leaving.count }

    /// Whether every worker has left all snapshots older than the published one.
    package var isSettled: Bool {
        engine.interchange.oldestGeneration >= (published?.generation ?? 0)
    }

    /// Workers that still use a snapshot older than the published one.
    package var lateWorkers: [Int] {
        let wanted = published?.generation ?? 0
        let states = engine.interchange.quiescent
        return states.indices.filter { states[$0].generation < wanted }.map { workerIDs[$0] }
    }

    /// Refuses new connections from the next publication on.
    package func beginStopping() { isStopping = true }

    /// Whether a backend is still in its slow start: compile and publish the same state again now
    /// and then, so that its share grows.
    package var isSlowStarting: Bool { !books.slowStart.isEmpty }

    /// Whether the time of a draining backend has run out since the latest snapshot: compile and
    /// publish the same state again, so that its connections end.
    package func isDrained(at now: Instant) -> Bool {
        !books.draining.over(at: now).isSubset(of: books.over)
    }

    /// Frees what no worker and no connection uses any more; call now and then.
    ///
    /// - Returns: whether compiling and publishing the same state again would change something: a
    ///   local address is free to go, connections were taken over, or a link has news.
    package func reclaim() -> Bool {
        let oldest = engine.interchange.oldestReadable
        leaving.removeAll { $0.generation < oldest }
        guard isSettled else { return false }
        releaseBackends()
        let isReleased = releaseLocalAddresses()
        let isAdopted = finishAdoption()
        return isReleased || isAdopted || published != nil && linkNews != books.news
    }

    private var linkNews: LinkNews {
        LinkNews(routers: neighbours.advertisedRouters, duplicates: neighbours.duplicateAddresses)
    }
}
