// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Containers
import Networking
import Packet
import Timing

/// What the slow path knows; its lock is held around every call.
struct SlowPathState<Port: PacketPort>: ~Copyable {
    let engine: Engine
    let ports: [Port]
    /// The kernel's sides, by interface; used under the lock alone.
    var companions: [InterfaceID: Companion] {
        didSet { companionOrder = companions.keys.sorted() }
    }
    /// Interfaces with companions, in the order in which these are asked.
    private(set) var companionOrder: [InterfaceID]
    /// Whose turn it is.
    var nextCompanion = 0
    let exceptionCounters: ExceptionCounters
    let interfaceCounters: InterfaceCounters
    /// One packet on its way to the kernel, or several from it.
    var companionBurst = Burst(capacity: 32)
    /// Ports and VLANs of them, by their numbers.
    var interfaces: [InterfaceID]
    let counters: WorkerCounters
    var limits: SlowPathLimits
    var neighbours: NeighbourTable<PuntedPacket>
    var now: Instant

    var own = OwnAddresses()
    var conflicts = AddressConflicts()
    /// What the links have still to be told.
    var announcements: [Announcement] = []
    var routers = Routers()
    /// Link-layer discovery, by port.
    var links: [LinkDiscoveryPort]
    var station = Station()
    var errorTokens: TokenBucket
    var echoTokens: TokenBucket
    private var nextTick: Instant
    private var discarded = Burst(capacity: 64)

    // Places in the adjacency table.
    private var freePlaces: [AdjacencyPlace] = []
    private var untouchedPlace = 0
    /// Places whose handles are stale since the last time that places were recycled.
    private var retiredPlaces: [AdjacencyPlace] = []
    /// Places that were retired before that, and the turns that each worker had finished then.
    private var restingPlaces: [AdjacencyPlace] = []
    private var turnsAtRest: [UInt64] = []

    private struct AdjacencyPlace {
        var position: Int
        /// Of its next handle.
        var generation: UInt32
    }

    init(
        _ engine: Engine,
        _ ports: [Port],
        _ companions: [InterfaceID: Companion],
        _ counters: WorkerCounters,
        _ limits: SlowPathLimits,
        _ now: Instant
    ) {
        self.engine = engine
        self.ports = ports
        self.companions = companions
        companionOrder = companions.keys.sorted()
        exceptionCounters = engine.interchange.exceptionCounters[engine.workerCount]
        interfaceCounters = engine.interchange.interfaceCounters[engine.workerCount]
        interfaces = ports.indices.map { InterfaceID(port: $0) }
        self.counters = counters
        self.limits = limits
        neighbours = NeighbourTable(limits: limits.neighbours)
        self.now = now
        links = ports.map { _ in LinkDiscoveryPort() }
        nextTick = now
        errorTokens = TokenBucket(now: now)
        echoTokens = TokenBucket(now: now)
    }

    // MARK: - The loop

    /// Packets taken from one worker at once, so that one flood does not silence the others.
    static var share: Int { 256 }
    /// Companions that are asked in one turn: each costs a system call.
    static var companionShare: Int { 8 }

    mutating func turn(_ now: Instant) -> Int {
        self.now = now
        // Snapshots that are read during this turn are as new or newer.
        let generation = unsafe engine.interchange.cell.current().pointee.generation
        defer { engine.interchange.slowPathQuiescent.report(generation) }
        var handled = takeExceptions() + takeFromKernel()
        for worker in 0..<engine.workerCount {
            let stale = engine.interchange.stale[worker]
            while let handle = stale.pop() {
                let key = key(of: handle)
                if let key { perform(neighbours.used(key, at: now)) }
            }
            for _ in 0..<Self.share {
                guard let punted = engine.interchange.punts[worker].pop() else { break }
                handled += 1
                handle(punted)
            }
            handled += sendResets(of: worker)
        }
        if now >= nextTick {
            nextTick = now.advanced(by: .milliseconds(100))
            perform(neighbours.tick(at: now))
            settleProbes()
            settleRouters()
            settleLinks()
            recyclePlaces()
        }
        announceDue()
        flushDiscarded()
        counters.set(neighbours.heldCount, for: .held)
        return handled
    }

    mutating func handle(_ punted: PuntedPacket) {
        let packet = unsafe Packet(owning: punted.buffer)
        var punted = punted
        // One on its way has no link layer yet, and what stands in its place says nothing.
        if punted.reason != .unresolved, let header = LinkHeader(packet) {
            let interfaces = engine.interchange.interfaces
            let port = punted.interface.index
            guard let received = interfaces.interface(port: port, header.tags) else {
                // Its interface has gone meanwhile.
                drop(packet, .unknownVLAN)
                return
            }
            punted.interface = received
        }
        switch punted.reason {
        case .arp: handleARP(packet, on: punted.interface, offset: Int(punted.offset))
        case .local: handleLocal(packet, on: punted.interface)
        case .lldp: handleLinkDiscovery(packet, port: punted.interface.index)
        case .unresolved: resolve(packet, punted)
        case .refused: refuse(packet, punted)
        case .timeExceeded: report(packet, punted, .timeExceeded)
        case .tooBig: report(packet, punted, .tooBig(mtu: punted.mtu))
        case .noRoute: report(packet, punted, .noRoute)
        case .exception: handUp(packet, to: punted.interface)
        }
    }

    // MARK: - Ends of packets

    mutating func drop(_ packet: consuming Packet, _ reason: DropReason) {
        counters.count(reason)
        discard(packet)
    }

    /// Ends a packet that was for us.
    mutating func deliver(_ packet: consuming Packet) {
        counters.add(1, to: .delivered)
        discard(packet)
    }

    private mutating func discard(_ packet: consuming Packet) {
        if discarded.isFull { flushDiscarded() }
        discarded.append(packet)
    }

    mutating func flushDiscarded() {
        if !discarded.isEmpty, let port = ports.first { port.free(&discarded) }
    }

    /// The port that carries an interface.
    func device(of interface: InterfaceID) -> Port {
        ports[engine.interchange.interfaces.port(of: interface)]
    }

    /// Gives an untagged frame to a worker, who transmits it on an interface.
    mutating func inject(_ packet: consuming Packet, on interface: InterfaceID) {
        let interfaces = engine.interchange.interfaces
        let port = interfaces.port(of: interface)
        let isTunnel = interfaces[interface].isTunnel
        if !isTunnel {
            guard interfaces.tagging(of: interface).insert(into: packet) else {
                drop(packet, .noHeadroom)
                return
            }
            interfaceCounters.countSent(packet.count, interface)
        }
        let worker = port % engine.workerCount
        let injected = unsafe InjectedPacket(
            buffer: packet.release(),
            interface: isTunnel ? interface : InterfaceID(port: port)
        )
        if !engine.interchange.injections[worker].push(injected) {
            unsafe drop(Packet(owning: injected.buffer), .transmitRingFull)
        }
        engine.interchange.workerBells[worker].ring()
    }

    /// A fresh packet with `length` zeroed octets, counted as made here; nil when the pool is empty:
    /// then it counts as dropped, too.
    mutating func make(_ length: Int, on interface: InterfaceID) -> Packet? {
        counters.add(1, to: .generated)
        guard let packet = device(of: interface).allocate() else {
            counters.count(.noBuffer)
            return nil
        }
        unsafe packet.buffer.pointee.data_len = UInt16(length)
        unsafe packet.buffer.pointee.pkt_len = UInt32(length)
        unsafe packet.frame.initializeMemory(as: UInt8.self, repeating: 0, count: length)
        return packet
    }

    mutating func releaseAll() {
        for ring in engine.interchange.punts + engine.interchange.exceptions {
            while let punted = ring.pop() {
                unsafe discard(Packet(owning: punted.buffer))
            }
        }
        for worker in 0..<engine.workerCount {
            while let injected = engine.interchange.injections[worker].pop() {
                unsafe discard(Packet(owning: injected.buffer))
            }
            for other in 0..<engine.workerCount {
                let ring = unsafe engine.interchange.redirects[worker * engine.workerCount + other]
                while let buffer = unsafe ring.pop() {
                    unsafe discard(Packet(owning: buffer))
                }
            }
        }
        for held in neighbours.removeAll() {
            unsafe discard(Packet(owning: held.buffer))
        }
        flushDiscarded()
    }

    // MARK: - Places in the adjacency table

    mutating func takePlace(_ key: NeighbourTable<PuntedPacket>.Key) -> AdjacencyHandle? {
        var place = freePlaces.popLast()
        if place == nil, untouchedPlace < engine.adjacencies.capacity {
            place = AdjacencyPlace(position: untouchedPlace, generation: 1)
            untouchedPlace += 1
        }
        guard let place else { return nil }
        let handle = engine.adjacencies.insert(
            key.address,
            on: key.interface,
            at: place.position,
            generation: place.generation
        )
        if handle == nil { freePlaces.append(place) }
        return handle
    }

    mutating func retirePlace(of handle: AdjacencyHandle) {
        engine.adjacencies.remove(handle)
        let generation = handle.generationNumber == 0xFFF ? 1 : handle.generationNumber + 1
        retiredPlaces.append(
            AdjacencyPlace(position: handle.positionNumber, generation: generation)
        )
    }

    /// Makes places free whose handles no worker can follow any more.
    ///
    /// A worker may have read a handle as current just before it became stale, so its turn of then
    /// has to end. A processor may make a load of the next turn early, before the count of the turn
    /// is seen here; after two turns that load is over, too.
    private mutating func recyclePlaces() {
        let turns = engine.interchange.quiescent.map(\.turns)
        if !restingPlaces.isEmpty {
            guard zip(turns, turnsAtRest).allSatisfy({ $0 == .max || $0 &- $1 >= 2 }) else {
                return
            }
            freePlaces += restingPlaces
            restingPlaces.removeAll(keepingCapacity: true)
        }
        guard !retiredPlaces.isEmpty else { return }
        swap(&restingPlaces, &retiredPlaces)
        // The stale handles are seen by every turn that is counted from here on.
        CPacket_fence()
        turnsAtRest = engine.interchange.quiescent.map(\.turns)
    }

    private func key(of handle: AdjacencyHandle) -> NeighbourTable<PuntedPacket>.Key? {
        guard engine.adjacencies.answer(for: handle).isCurrent else { return nil }
        return .init(
            engine.adjacencies.address(of: handle),
            on: engine.adjacencies.interface(of: handle)
        )
    }
}
