// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
import Containers
import Dataplane
import Model
package import Networking
import Timing

/// What is remembered from one compilation to the next: under what numbers connections, counters and
/// neighbours know the objects of the configuration, and what was compiled of them.
///
/// A value. A compilation works on a copy, which takes the place of the old one when its snapshot is
/// published and is dropped when it fails: then nothing of it is left.
struct Books {
    typealias BackendKey = Provisioner.BackendKey

    /// What runs.
    var state = DesiredState()
    /// Ports, then VLANs, then tunnels.
    var interfaces: [Interface]
    /// The numbers of VLANs and tunnels, those included that are gone.
    var numbers = InterfaceNumbers()
    /// Places of sequence numbers, by the name of the tunnel.
    var tunnelSlots: SlotAllocator<String>
    var backendSlots: SlotAllocator<BackendKey>
    var serviceSlots: SlotAllocator<Service.Key>
    var localSlots: SlotAllocator<IPAddress>
    var setSlots = SlotAllocator<SetKey>(capacity: DataplaneLimits.setSlots)
    /// Sets of addresses, and lists of services that hold some themselves.
    var sets: [SetKey: CompiledSet] = [:]
    /// Sets whose addresses are dropped before all else.
    var screen = SetNames()
    /// By local slot; kept for the next owner of the slot.
    var pools: [LocalPorts] = []
    /// By backend slot: how connections are treated, those of removed backends included.
    var policies: [BackendPolicy] = []
    /// By backend slot, of tunnel services.
    var encapsulations: [Int: Encapsulation] = [:]
    /// Services in the order of the state, shared with the snapshot before where they are the same.
    var services: [KnownService] = []
    /// Where each stands in `services`.
    var servicePlaces: [Service.Key: Int] = [:]
    /// Those that some service has.
    var traits: KnownService.Traits = []
    /// Removed services, as they were but for their backends, as long as those have connections.
    var gone: [Service.Key: Service] = [:]
    /// How clients' addresses were told when the services were compiled.
    var clientAddressForm: ClientAddressForm?
    /// Under what number the clients of each persistent service are remembered; never used again.
    var persistenceIdentities: [Service.Key: UInt32] = [:]
    var nextPersistenceIdentity: UInt32 = 1
    /// Addresses that were found to be another node's; nobody tries them again.
    var takenAddresses: Set<IPAddress> = []
    let linkLocalAddresses = LinkLocalAddresses()
    /// Of the snapshot.
    var generation: UInt64 = 0
    /// What connections compare to know that their next hops still hold; another number whenever
    /// routes, gateways or their MTUs are others.
    var routeGeneration: UInt16 = 0
    /// Routes and own addresses, and what they were made from; nil before the first.
    var network: KnownNetwork?
    /// What the snapshot knows of the links, which may know more by now.
    var news = LinkNews()
    var slowStart = SlowStart()
    var draining = Draining()
    /// Backends whose connections end.
    var over: Set<BackendKey> = []
    /// Services whose packets are limited.
    var metered: Set<Service.Key> = []
    /// Another number whenever connections are to be looked through: more of them end, or limits of
    /// packets are others.
    var sweeps: UInt64 = 0
    /// Neighbours that are kept and probed although no packet may go there.
    var pinned: Set<NeighbourPlace> = []

    init(ports: [Interface], backends: Int, services: Int) {
        interfaces = ports
        tunnelSlots = SlotAllocator(capacity: InterfaceNumbers.capacity)
        backendSlots = SlotAllocator(capacity: backends)
        serviceSlots = SlotAllocator(capacity: services)
        localSlots = SlotAllocator(capacity: 1 << 16)
    }

    /// What was compiled of a service.
    func service(_ key: Service.Key) -> KnownService? { servicePlaces[key].map { services[$0] } }

    /// The number of a persistent service, new when it was not one in the state before.
    mutating func persistenceIdentity(of service: Service.Key) -> UInt32 {
        if let known = persistenceIdentities[service] { return known }
        defer { nextPersistenceIdentity &+= 1 }
        persistenceIdentities[service] = nextPersistenceIdentity
        return nextPersistenceIdentity
    }
}

/// A neighbour and the interface that it is on.
package struct NeighbourPlace: Hashable, Sendable {
    package var address: IPAddress
    package var interface: InterfaceID

    package init(_ address: IPAddress, on interface: InterfaceID) {
        self.address = address
        self.interface = interface
    }
}

/// The network half of a layout, shared by snapshots as long as it is made from the same.
struct KnownNetwork {
    /// All that it depends on besides the services' addresses.
    struct Source: Equatable {
        var settings: Settings
        var addresses: [InterfaceAddress]
        var routes: [Route]
        var neighbours: [Neighbour]
        var interfaces: [Interface]
        var news: LinkNews
        var localSlots: [IPAddress: Int]
    }

    var source: Source
    var network: CompiledNetwork
    var forwarding: Owned<ForwardingTable>
}

/// What the links tell that snapshots depend on.
struct LinkNews: Equatable {
    var routers: [AdvertisedRouter] = []
    var duplicates: [OwnAddress] = []
}

/// The ports of one local address, a pool for each worker; freed with the last snapshot or books
/// that name them.
final class LocalPorts: Sendable {
    let family: AddressFamily
    let pools: [LocalPortPool]

    /// Nil when memory is short.
    init?(_ family: AddressFamily, steering: FlowSteering, workers: Int, subPools: Int) {
        let made = (0..<workers)
            .compactMap { LocalPortPool(worker: $0, steering: steering, subPools: subPools) }
        guard made.count == workers else {
            made.forEach { $0.destroy() }
            return nil
        }
        self.family = family
        pools = made
    }

    deinit { pools.forEach { $0.destroy() } }

    /// Ports given out now.
    var used: UInt64 { pools.reduce(0) { $0 + $1.used } }
}

extension Service {
    /// What its backends, or the public addresses of SNAT, are known by.
    var backendKeys: [Provisioner.BackendKey] {
        targets.map { Provisioner.BackendKey(service: key, endpoint: $0.endpoint) }
    }
}
