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

    func adjacency(for address: IPAddress, port: Int, isPinned: Bool) -> AdjacencyHandle? {
        let known = table.find(address, port: port)
        if known != .none { return known }
        // One neighbour a port is all that a benchmark has.
        guard let handle = table.insert(address, port: port, at: port, generation: 1) else {
            return nil
        }
        table.set(.reachable, MACAddress(rawValue: 0x0200_0000_0100 | UInt64(port)), for: handle)
        return handle
    }

    func install(_ addresses: [OwnAddress]) {}
}

/// A balancer with one worker between two memory ports, and the load around it.
///
/// Clients stand behind a gateway on port 0, the backend behind one on port 1.
@safe
struct Rig: ~Copyable {
    static let clientMAC = MACAddress(rawValue: 0x0200_0000_0001)
    static let backendMAC = MACAddress(rawValue: 0x0200_0000_0002)

    let engine: Engine
    let provisioner: Provisioner
    private let client: UnsafeMutablePointer<LoopState>
    private let backend: UnsafeMutablePointer<LoopState>
    private var worker: Worker<LoopPort>
    private var bare: BareLoop

    /// A rig that is ready to turn; nil when memory is short.
    static func make(
        _ traffic: Traffic,
        answeredBy answer: Traffic,
        protocol: TransportProtocol,
        connections: Int
    ) -> Rig? {
        let limits = DataplaneLimits(
            connectionsPerWorker: connections,
            backendSlots: 1 << 10,
            serviceSlots: 1 << 10,
            neighbours: 1 << 10
        )
        guard
            let engine = Engine(workers: 1, limits: limits, seed: 0x5EED),
            let balancer = engine.makeBalancer(0, now: Instant(nanoseconds: 0)),
            let state = Template.state(`protocol`)
        else { return nil }
        let provisioner = Provisioner(
            engine: engine,
            interfaces: [
                Interface(name: "client", index: 0, mtu: 1500),
                Interface(name: "backend", index: 1, mtu: 1500),
            ],
            neighbours: KnownNeighbours(engine.adjacencies)
        )
        guard let compiled = try? provisioner.compile(state) else { return nil }
        provisioner.publish(compiled)
        return unsafe Rig(
            engine,
            provisioner,
            balancer,
            client: LoopState(traffic, template: Template.frame(`protocol`, to: clientMAC)),
            answer
        )
    }

    private init(
        _ engine: Engine,
        _ provisioner: Provisioner,
        _ balancer: consuming Balancer,
        client state: consuming LoopState,
        _ answer: Traffic
    ) {
        self.engine = engine
        self.provisioner = provisioner
        unsafe client = .allocate(capacity: 1)
        unsafe client.initialize(to: state)
        unsafe backend = .allocate(capacity: 1)
        unsafe backend.initialize(to: LoopState(answer, home: client))
        let ports = unsafe [
            LoopPort(client, index: 0, macAddress: Self.clientMAC),
            LoopPort(backend, index: 1, macAddress: Self.backendMAC),
        ]
        worker = Worker(
            index: 0,
            interchange: engine.interchange,
            receivers: ports,
            transmitters: ports,
            balancer: balancer
        )
        bare = BareLoop(from: ports[0], to: ports[1])
    }

    deinit {
        unsafe backend.deinitialize(count: 1)
        unsafe client.deinitialize(count: 1)
        unsafe backend.deallocate()
        unsafe client.deallocate()
        engine.destroy()
    }

    /// Connections whose last segment has reached the server.
    var finished: Int { unsafe backend.pointee.finished }
    /// A function of its own, so that scripts/bench can count its instructions.
    @inline(never)
    mutating func turn(now: Instant) -> Int { worker.turn(now: now) }
    mutating func bareTurn() -> Int { bare.turn() }
    var connections: Int { worker.balancer.connections.count }
    var bytesPerConnection: Double { worker.balancer.connections.bytesPerConnection }

    /// Packets that were dropped, by reason.
    var drops: [String: UInt64] {
        var drops: [String: UInt64] = [:]
        for reason in DropReason.allCases where worker.counters[reason] > 0 {
            drops[reason.name] = worker.counters[reason]
        }
        return drops
    }
}
