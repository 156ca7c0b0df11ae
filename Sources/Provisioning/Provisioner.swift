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
    /// Position in the dataplane's list of ports; of others, see `VLANTable`.
    package var index: Int
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
        index: Int,
        mtu: Int,
        macAddress: MACAddress? = nil,
        hasCompanion: Bool = false
    ) {
        self.name = name
        self.index = index
        self.mtu = mtu
        self.macAddress = macAddress
        self.hasCompanion = hasCompanion
    }
}

/// What the slow path does for the provisioner.
package protocol NeighbourRegistry: AnyObject, Sendable {
    /// The adjacency of `address` on the link of `port`, resolved soon; nil when the table is full.
    ///
    /// A pinned one is kept even when no packet goes there.
    func adjacency(for address: IPAddress, port: Int, isPinned: Bool) -> AdjacencyHandle?

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
/// Belongs to one thread or actor at a time. What outlives a snapshot, the slots under which
/// connections and counters know backends, services and local addresses, is kept here.
package final class Provisioner {
    let engine: Engine
    /// By port index.
    let ports: [Interface]
    /// Ports, and VLANs of them in the latest compilation.
    var interfaces: [Interface]
    let neighbours: any NeighbourRegistry
    /// Who makes companions of VLANs; nil: they have none.
    let companions: (any CompanionRegistry)?
    let subPools: Int

    var backendSlots: SlotAllocator<BackendKey>
    /// Places of sequence numbers, by the name of the tunnel.
    var tunnelSlots: SlotAllocator<String>
    /// Where the sequence numbers of a tunnel begin, by its name.
    var tunnelBeginning: @Sendable (String) -> UInt32 = { _ in 0 }
    var serviceSlots: SlotAllocator<Service.Key>
    var localSlots: SlotAllocator<IPAddress>
    let linkLocalAddresses: LinkLocalAddresses
    /// Addresses that were found to be another node's; nobody tries them again.
    var takenAddresses: Set<IPAddress> = []
    /// By local slot: one pool a worker, kept for the next owner of the slot.
    var pools: [[LocalPortPool]] = []
    /// By local slot: for which family the pools choose ports.
    var families: [AddressFamily] = []
    /// By backend slot, of tunnel services.
    var encapsulations: [Int: Encapsulation] = [:]
    /// Compiled services of the latest snapshot, to be shared with the next.
    var compiled: [Service.Key: CompiledService] = [:]
    /// Under what number the clients of each persistent service are remembered; never used again.
    var persistenceIdentities: [Service.Key: UInt32] = [:]
    private var nextPersistenceIdentity: UInt32 = 1
    /// What backends that are gone have counted for their services.
    package internal(set) var retiredTotals: [Service.Key: [UInt64]] = [:]

    private var published: SnapshotMemory?
    /// Snapshots that some worker may still read.
    private var leaving: [SnapshotMemory] = []
    private var snapshotGeneration: UInt64 = 0
    private var routeGeneration: UInt16 = 0
    private var paths = CompiledNetwork.Paths()
    /// What the latest snapshot knew of the links, which may know more by now.
    private var heeded = LinkNews()
    package private(set) var state = DesiredState()
    private var slowStart = SlowStart()
    private var draining = Draining()
    /// Backends whose connections end, in the latest snapshot, and how often their set has grown.
    private var over: Set<BackendKey> = []
    private var sweeps: UInt64 = 0
    /// Services whose packets are limited.
    private var metered: Set<Service.Key> = []
    /// See `watchHealth`.
    var health = HealthMonitor()
    /// Whether new connections are refused because the program ends.
    private var isStopping = false
    /// What another process has left, until the first compilation lays it out as `adoption`.
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
    /// `interfaces` are in order of port index; `subPools` is `sa_pool/pool_hash_size`.
    package init(
        engine: Engine,
        interfaces: [Interface],
        neighbours: any NeighbourRegistry,
        companions: (any CompanionRegistry)? = nil,
        subPools: Int = 16
    ) {
        self.engine = engine
        ports = interfaces
        self.interfaces = interfaces
        self.neighbours = neighbours
        self.companions = companions
        self.subPools = subPools
        tunnelSlots = SlotAllocator(capacity: VLANTable.capacity)
        backendSlots = SlotAllocator(capacity: engine.limits.backendSlots)
        serviceSlots = SlotAllocator(capacity: engine.limits.serviceSlots)
        localSlots = SlotAllocator(capacity: 1 << 16)
        linkLocalAddresses = LinkLocalAddresses()
    }

    /// The slot of a backend, while it has one.
    package func slot(of backend: BackendKey) -> UInt32? {
        backendSlots.slots[backend].map(UInt32.init)
    }

    /// Local addresses of services, those included that only old connections use.
    package var localAddresses: Set<IPAddress> { Set(localSlots.slots.keys) }

    // MARK: - Compile and publish

    /// A snapshot that is ready to be published.
    package struct Compiled {
        let memory: SnapshotMemory
        let state: DesiredState
        let addresses: [OwnAddress]
        let neighbours: [PermanentNeighbour]
        /// VLANs.
        let vlans: [Interface]
        let slowStart: SlowStart
        let draining: Draining
        /// Local addresses of services, those included that only old connections use.
        let localAddresses: Set<IPAddress>
        package var generation: UInt64 { memory.generation }
    }

    /// Lays `state` out for the packet path; nothing of the running snapshot changes.
    ///
    /// `now` decides how far backends are in their slow start.
    package func compile(
        _ state: DesiredState,
        at now: Instant
    ) throws(ProvisioningError) -> Compiled {
        do throws(ProvisioningError) {
            return try layOut(state.withoutStrayKernel(ports), at: now)
        } catch {
            companions?.cancel()
            throw error
        }
    }

    private func layOut(
        _ state: DesiredState,
        at now: Instant
    ) throws(ProvisioningError) -> Compiled {
        heeded = linkNews
        let slowStart = slowStart.following(from: self.state, to: state, at: now)
        let draining = draining.following(
            from: self.state,
            to: state,
            at: now,
            hasSlot: { backendSlots.slots[$0] != nil }
        )
        interfaces = try compileInterfaces(of: state)
        let services = try compileServices(of: state, slowStart, at: now)
        let network = try compileNetwork(of: state)
        let over = draining.over(at: now)
        let metered = Set(state.services.filter(\.protection.limitsPackets).map(\.key))
        if !over.isSubset(of: self.over) || metered != self.metered { sweeps += 1 }
        self.over = over
        self.metered = metered
        snapshotGeneration += 1
        if network.paths != paths {
            routeGeneration &+= 1
            paths = network.paths
        }
        let forwarding = network.table(
            generation: routeGeneration,
            adjacencies: engine.adjacencies
        )
        let balancing: BalancingState
        let tunnels: [TunnelDevice]
        do throws(ProvisioningError) {
            encapsulations = try compileTunnels(of: state, forwarding)
            tunnels = try compileTunnelDevices(of: state, forwarding)
            balancing = try balancingState(of: state, services)
        } catch {
            forwarding.destroy()
            throw error
        }
        if let inheritance {
            prepareAdoption(of: inheritance.handover, since: inheritance.since, state)
            self.inheritance = nil
        }
        let snapshot = Snapshot(
            generation: snapshotGeneration,
            forwarding: forwarding,
            balancing: balancing,
            exceptions: exceptionPolicy(of: state.settings),
            tunnels: TunnelTable(tunnels),
            adoption: adoption?.handle
        )
        compiled = services
        let adopted: [AnyObject] = adoption.map { [$0] } ?? []
        return Compiled(
            memory: SnapshotMemory(snapshot, keeping: Array(services.values) + adopted),
            state: state,
            addresses: network.addresses,
            neighbours: network.neighbours,
            vlans: Array(interfaces.dropFirst(ports.count)),
            slowStart: slowStart,
            draining: draining,
            localAddresses: localAddresses
        )
    }

    /// Shows a compiled snapshot to all workers; from its next turn on each of them uses it.
    package func publish(_ next: Compiled) {
        companions?.show()
        engine.interchange.vlans.raise(
            Set(next.vlans.map(\.index)),
            companions: Set(next.vlans.filter(\.hasCompanion).map(\.index)),
            priorities: Dictionary(next.vlans.map { ($0.index, $0.priority) }) { first, _ in first }
        )
        neighbours.install(next.addresses)
        neighbours.fix(next.neighbours)
        unsafe engine.interchange.cell.publish(next.memory.pointer)
        engine.interchange.wakeWorkers()
        if let published { leaving.append(published) }
        published = next.memory
        state = next.state
        slowStart = next.slowStart
        draining = next.draining
        retireSlots(allBut: state)
        reconsiderFullBackends(of: state)
        warmUp(for: next.state)
    }

    /// Snapshots that were replaced and that some thread may still read.
    package var leavingCount: Int { leaving.count }

    /// Ends what only snapshots before the published one needed; every worker has left them.
    package func finish() { companions?.finish() }

    /// Whether every worker has left all snapshots older than the published one.
    package var isSettled: Bool {
        engine.interchange.oldestGeneration >= (published?.generation ?? 0)
    }

    /// Workers that still use a snapshot older than the published one, by their position.
    package var lateWorkers: [Int] {
        let wanted = published?.generation ?? 0
        let states = engine.interchange.quiescent
        return states.indices.filter { states[$0].generation < wanted }
    }

    /// Refuses new connections from the next publication on.
    package func beginStopping() { isStopping = true }

    /// Whether a backend is still in its slow start: compile and publish the same state again now
    /// and then, so that its share grows.
    package var isSlowStarting: Bool { !slowStart.isEmpty }

    /// Whether the time of a draining backend has run out since the latest snapshot: compile and
    /// publish the same state again, so that its connections end.
    package func isDrained(at now: Instant) -> Bool {
        !draining.over(at: now).isSubset(of: over)
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
        return isReleased || isAdopted || published != nil && linkNews != heeded
    }

    /// What the links tell that snapshots depend on.
    private struct LinkNews: Equatable {
        var routers: [AdvertisedRouter] = []
        var duplicates: [OwnAddress] = []
    }

    private var linkNews: LinkNews {
        LinkNews(routers: neighbours.advertisedRouters, duplicates: neighbours.duplicateAddresses)
    }

    private func balancingState(
        of state: DesiredState,
        _ services: [Service.Key: CompiledService]
    ) throws(ProvisioningError) -> BalancingState {
        var poolTable: [LocalPortPool?] = []
        for slot in 0..<localSlots.bound { poolTable += pools[slot].map { $0 } }
        return BalancingState(
            services: try serviceTable(of: state, services),
            timeouts: stateTimeouts(of: state.settings),
            options: options(of: state, isStopping: isStopping),
            workerCount: engine.workerCount,
            pools: poolTable,
            localAddresses: localSlots.slots.map { ($0, slot: $1) },
            policies: backendPolicies(of: state, over: over),
            sweeps: sweeps,
            encapsulations: encapsulations,
            places: places(of: state)
        )
    }

    /// The number of a persistent service, new when it was not one in the state before.
    func persistenceIdentity(of service: Service.Key) -> UInt32 {
        if let known = persistenceIdentities[service] { return known }
        defer { nextPersistenceIdentity &+= 1 }
        persistenceIdentities[service] = nextPersistenceIdentity
        return nextPersistenceIdentity
    }
}
