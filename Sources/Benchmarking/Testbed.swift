// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Networking
import Packet
import Provisioning
import Timing

/// Neighbours that are all known from the start.
final class KnownNeighbours: NeighbourRegistry {
    private let table: AdjacencyTable

    init(_ table: AdjacencyTable) {
        self.table = table
    }

    func adjacency(
        for address: IPAddress,
        on interface: InterfaceID,
        isPinned: Bool
    ) -> AdjacencyHandle? {
        let known = table.find(address, on: interface)
        if known != .none { return known }
        // One neighbour an interface is all that a benchmark has.
        let place = interface.index
        guard let handle = table.insert(address, on: interface, at: place, generation: 1) else {
            return nil
        }
        table.set(.reachable, MACAddress(rawValue: 0x0200_0000_0100 | UInt64(place)), for: handle)
        return handle
    }

    func pin(_ neighbours: Set<NeighbourPlace>) {}

    func install(_ addresses: [OwnAddress]) {}

    func fix(_ neighbours: [PermanentNeighbour]) {}

    let duplicateAddresses: [OwnAddress] = []
    let advertisedRouters: [AdvertisedRouter] = []
}

/// What a run needs of a balancer: the same for all of its workers.
struct Setting: Sendable {
    var `protocol`: TransportProtocol = .udp
    var mode = ForwardingMode.fnat
    /// nil: as services have it that do not say.
    var clientAddress: ClientAddressMode?
    var isQUIC = false
    /// Connections of each worker.
    var connections = 1 << 16
    var workers = 1
    var services = 1
    /// At most 256.
    var localAddresses = 64
}

/// A provisioned dataplane without threads.
///
/// Clients stand behind a gateway on port 0, backends behind one on port 1. Made and ended on one
/// thread; rigs on others may hold it meanwhile and use the engine.
final class Testbed: @unchecked Sendable {
    let engine: Engine
    private let provisioner: Provisioner

    /// Nil when memory is short.
    init?(_ setting: Setting) {
        let limits = DataplaneLimits(
            connectionsPerWorker: setting.connections,
            backendSlots: max(1 << 10, setting.services * 4),
            serviceSlots: max(1 << 10, setting.services),
            neighbours: 1 << 10
        )
        let state = Template.state(
            setting.protocol,
            setting.mode,
            setting.clientAddress,
            isQUIC: setting.isQUIC,
            services: setting.services,
            localAddresses: setting.localAddresses
        )
        guard
            let engine = Engine(workers: setting.workers, limits: limits, seed: 0x5EED), let state
        else { return nil }
        self.engine = engine
        provisioner = Provisioner(
            engine: engine,
            interfaces: [
                Interface(name: "client", id: 0, mtu: 1500),
                Interface(name: "backend", id: 1, mtu: 1500),
            ],
            neighbours: KnownNeighbours(engine.adjacencies)
        )
        guard let compiled = try? provisioner.compile(state, at: Instant(nanoseconds: 0))
        else { return nil }
        provisioner.publish(compiled)
    }

    deinit { engine.destroy() }

    /// A worker; nil when memory is short.
    func makeWorker<Port: PacketPort>(
        _ index: Int,
        receivers: [Port],
        transmitters: [Port]
    ) -> Worker<Port>? {
        guard let balancer = engine.makeBalancer(index, now: Instant(nanoseconds: 0)) else {
            return nil
        }
        return Worker(
            index: index,
            interchange: engine.interchange,
            receivers: receivers,
            transmitters: transmitters,
            balancer: balancer
        )
    }

    /// Packets that were dropped, by reason.
    var drops: [String: UInt64] {
        var drops: [String: UInt64] = [:]
        for counters in engine.interchange.counters {
            for reason in DropReason.allCases where counters[reason] > 0 {
                drops[reason.name, default: 0] += counters[reason]
            }
        }
        return drops
    }
}
