// SPDX-License-Identifier: Apache-2.0
public import Addressing
import Containers
public import Timing

extension Balancer {
    /// How many local addresses are tried before a connection is refused, as in DPVS.
    private static let localAddressTries = 16

    /// Either the connection that was made for a packet, or what else becomes of it.
    public enum Setup {
        case created(UInt32)
        /// The same for this packet only: `finish` it when the packet is on its way.
        case once(UInt32)
        case notBalanced
        /// Another worker opens such connections.
        case elsewhere(Int)
        case refused(Decision.Refusal)
    }

    /// Chooses backend, local address and port for the first packet of a flow.
    ///
    /// The packet stays as it is: forward it along the new reference. `hash` is its look-ahead's;
    /// `isScattered` says that other packets of the flow may have come to other workers.
    @inline(never)
    public mutating func open<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        isScattered: Bool,
        hash: UInt64,
        balancing: BalancingState,
        now: Tick
    ) -> Setup {
        let client = packet.flow
        guard let service = balancing.services.service(for: client) else { return .notBalanced }
        return open(packet, client, of: service, isScattered, hash, balancing, now)
    }

    /// The same for a packet that is addressed to somebody else and passes through.
    @inline(never)
    public mutating func open<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        passing passage: Passage,
        isScattered: Bool,
        hash: UInt64,
        balancing: BalancingState,
        now: Tick
    ) -> Setup {
        let client = packet.flow
        guard let service = balancing.services.matches.service(for: client, passage) else {
            return .notBalanced
        }
        return open(packet, client, of: service, isScattered, hash, balancing, now)
    }

    private mutating func open<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        _ client: Flow,
        of service: ServiceRecord,
        _ isScattered: Bool,
        _ hash: UInt64,
        _ balancing: BalancingState,
        _ now: Tick
    ) -> Setup {
        if isScattered || service.kind == .nat {
            let owner = Self.ownerByClient(
                client.source,
                client.sourcePort,
                among: balancing.workerCount
            )
            guard owner == worker else { return .elsewhere(owner) }
        }
        let isLate = !packet.opens
        guard !isLate || service.scheduler.options.contains(.isSloppy) && packet.goesOn else {
            return .refused(.notOpening)
        }
        // The backend ignores what is damaged, and that would be taken for its failure.
        if isWatched(service, balancing), !packet.hasRightChecksum {
            return .refused(.badTransportChecksum)
        }
        var key = FlowKey(client)
        var named: UInt32?
        if client.protocol == .udp, service.readsConnectionIDs,
            let header = QUICHeader(packet.datagram)
        {
            if let id = header.destination { key.take(id) }
            named = service.quic?.backend(of: header, in: service, worker: worker)
        }
        let setup = open(
            client,
            of: service,
            key,
            named: named,
            hash: hash,
            balancing: balancing,
            now: now
        )
        if isLate, case .created(let reference) = setup {
            takeUp(reference, as: .established, balancing, now)
            unsafe connections.entry(reference).pointee.takeUp(packet)
        }
        return setup
    }

    /// A connection that another instance had goes on here.
    mutating func takeUp(
        _ reference: UInt32,
        as state: ConnectionState,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        let before = unsafe connections.entry(reference).pointee.state
        move(reference, from: before, to: state, .clientOnly, balancing, now)
    }

    /// Whether what becomes of a service's connections is counted; all its backends are alike in that.
    private func isWatched(_ service: ServiceRecord, _ balancing: BalancingState) -> Bool {
        service.backendCount > 0
            && balancing.policy(ofBackend: service.backend(at: 0).slot).isWatched
    }

    /// The same for a flow of any protocol whose first packet may open a connection.
    ///
    /// `named` is the place of the backend that it belongs to already. A first fragment of a service
    /// that schedules each packet by itself opens a connection that only the other fragments of its
    /// datagram find, by the decision on the first one.
    mutating func open(
        _ client: Flow,
        of service: ServiceRecord,
        _ key: FlowKey,
        named: UInt32? = nil,
        isFragment: Bool = false,
        hash: UInt64,
        balancing: BalancingState,
        now: Tick
    ) -> Setup {
        if balancing.options.contains(.stopping) { return .refused(.stopping) }
        let options = service.options
        if let options, !options.access.isEmpty,
            let refusal = refusal(of: client.source, options.access, of: service, balancing)
        {
            return .refused(refusal)
        }
        if let refusal = claim(service) { return .refused(refusal) }
        let placement: Placement
        switch place(client, in: service, key, named: named, hash, balancing, now) {
        case .success(let found): placement = found
        case .failure(let refusal):
            giveBack(service)
            return .refused(refusal)
        }
        let reply = Self.reply(to: client, from: placement.backend, placement.local)
        let isOnePacket = options?.isOnePacket == true
        let isDatagram = isOnePacket && isFragment
        let known = isDatagram ? flowOfNobody(client) : client
        var connection = Connection(
            client: known,
            backend: reply,
            kind: service.kind,
            state: isDatagram ? .datagram : ConnectionState(opening: client.protocol),
            backendSlot: placement.backend.slot,
            now: now
        )
        connection.isPersistent = options?.persistence != nil
        let timeout = balancing.timeout(ofNew: connection)
        let reference = connections.insert(
            connection,
            client: known,
            backend: reply,
            clientHash: isDatagram ? connections.hash(known) : hash,
            deadline: now + timeout
        )
        guard let reference else {
            if let local = placement.local {
                release(local.port, of: local.address, for: reply, balancing)
            }
            giveBack(service, placement.backend, balancing)
            return .refused(.tableFull)
        }
        if service.kind == .snat { sources.add(client.source) }
        if connection.isPersistent {
            remember(client, of: connection.backendSlot, balancing, until: now + timeout, now: now)
        }
        let slot = connection.backendSlot
        backends.add(1, at: BackendCounter.connections.index(slot: slot))
        backends.add(1, at: BackendCounter.inactive.index(slot: slot))
        if service.kind == .fnat { care(for: reference, service.clientAddress) }
        meter(reference, balancing)
        return isOnePacket && !isDatagram ? .once(reference) : .created(reference)
    }

    /// A flow between the same addresses whose packets cannot exist: UDP has no port 0 (RFC 768).
    private mutating func flowOfNobody(_ client: Flow) -> Flow {
        datagrams &+= 1
        var flow = client
        flow.ports = UInt32(datagrams)
        return flow
    }

    /// Ends a connection before its time.
    @inline(never)
    public mutating func finish(_ reference: UInt32, balancing: BalancingState) {
        connections.disarm(reference)
        end(reference, balancing)
    }

    // MARK: - Who answers, and from where it is asked

    /// The other end of a new connection.
    private struct Placement {
        var backend: BackendRecord
        /// Of the kinds that hold one.
        var local: LocalPort?
    }

    private enum PlacementResult {
        case success(Placement)
        case failure(Decision.Refusal)
    }

    private mutating func place(
        _ client: Flow,
        in service: ServiceRecord,
        _ key: FlowKey,
        named: UInt32?,
        _ hash: UInt64,
        _ balancing: BalancingState,
        _ now: Tick
    ) -> PlacementResult {
        let options = service.options
        if service.kind == .snat, let options,
            sources.count(of: client.source) >= options.portsPerSource
        {
            return .failure(.sourcePortLimit)
        }
        let first =
            named
            ?? options?.persistence
            .flatMap { persistentBackend(of: service, $0, client, balancing, now: now) }
        guard let chosen = claimBackend(of: service, first: first, key, balancing) else {
            let isUnfinished = service.kind == .snat && service.backendCount == 0
            return .failure(isUnfinished ? .noLocalAddress : .noBackend)
        }
        if service.kind == .snat {
            return placeAbroad(client, of: service, from: chosen, balancing)
        }
        var backend = service.backend(at: chosen)
        if backend.port == 0, !client.protocol.isQuery {
            backend.take(UInt16(truncatingIfNeeded: client.ports >> 16), steering)
        }
        guard service.kind.holdsLocalPort else { return .success(Placement(backend: backend)) }
        guard let local = takeLocalPort(of: service, toward: backend, hash, balancing) else {
            giveBackBackend(backend.slot, balancing)
            let count = service.localAddressCount(isIPv6: backend.address.isIPv6)
            return .failure(count == 0 ? .noLocalAddress : .noLocalPort)
        }
        return .success(Placement(backend: backend, local: local))
    }

    /// SNAT: the other end is whom the client asks; what was chosen is the public address, or the
    /// next one when that has no port left toward it.
    private mutating func placeAbroad(
        _ client: Flow,
        of service: ServiceRecord,
        from first: UInt32,
        _ balancing: BalancingState
    ) -> PlacementResult {
        var abroad = BackendRecord(
            client.destination,
            // That of a query is in the place of a port, but chosen here.
            port: client.protocol.isQuery ? 0 : UInt16(truncatingIfNeeded: client.ports >> 16),
            slot: 0,
            steering
        )
        let count = min(
            service.localAddressCount(isIPv6: client.isIPv6),
            service.backendCount
        )
        var position = first < count ? first : 0
        for _ in 0..<min(Int(count), Self.localAddressTries) {
            let local = service.localAddress(isIPv6: client.isIPv6, at: position)
            if let port = takePort(of: local, toward: abroad, balancing) {
                abroad.slot = service.backend(at: position).slot
                move(claimFrom: service.backend(at: first).slot, to: abroad.slot, balancing)
                return .success(Placement(backend: abroad, local: port))
            }
            position = position &+ 1 == count ? 0 : position &+ 1
        }
        giveBackBackend(service.backend(at: first).slot, balancing)
        return .failure(.noLocalPort)
    }

    /// The worker to which a client's flow belongs where the worker that gets its packets does not
    /// say so.
    ///
    /// In mode `nat` nothing in a reply is ours to choose, and devices hash the two directions
    /// differently; so both directions go by what they have in common, the client. Devices that
    /// scatter flows do not even bring one direction to one worker.
    public static func ownerByClient(
        _ client: WireAddress,
        _ port: UInt16,
        among workers: Int
    ) -> Int {
        let mixed = (client.mixed ^ UInt64(port)) &* 0x9E37_79B9_7F4A_7C15
        return Int(((mixed >> 32) &* UInt64(workers)) >> 32)
    }

    /// The packet that answers the first one: from the backend, to the local address or, without
    /// one, to the client.
    private static func reply(
        to client: Flow,
        from backend: BackendRecord,
        _ local: LocalPort?
    ) -> Flow {
        let port = local?.port.bigEndian ?? UInt16(truncatingIfNeeded: client.ports)
        // A query has one number in the place of both ports, and its reply has the same.
        let source = client.protocol.isQuery ? port : backend.port
        return Flow(
            source: backend.address,
            destination: local?.address ?? client.source,
            ports: UInt32(source) | UInt32(port) << 16,
            protocol: client.protocol
        )
    }

    /// Lets at most `budget` timers fire: connections whose time is up end, the others wait on.
    public mutating func expire(budget: Int, balancing: BalancingState, now: Tick) {
        let sweeps = balancing.sweeps &+ everywhere.conditions.sweeps
        if sweeps != swept { sweep(sweeps, balancing, now) }
        var left = budget
        while left > 0 {
            let count = collectEnding(atMost: min(left, Self.endingBatch), balancing, now)
            guard count.fired > 0 else { return }
            left &-= count.fired
            for position in 0..<count.ending { unsafe end(ending[position], balancing) }
            expired &+= UInt64(count.ending)
        }
    }

    /// Takes fired timers: arms those again that were used since, and lists the others in `ending`
    /// after asking for the memory that their end touches, so that the misses of a batch overlap.
    private mutating func collectEnding(
        atMost most: Int,
        _ balancing: BalancingState,
        _ now: Tick
    ) -> (fired: Int, ending: Int) {
        var fired = 0
        var count = 0
        while fired < most, let reference = connections.nextFired(now: now) {
            fired &+= 1
            let connection = unsafe connections.entry(reference).pointee
            let deadline = connection.lastSeen + balancing.timeout(of: connection)
            if deadline.distance(from: now) > 0 {
                connections.arm(reference, at: deadline)
                if connection.shape.protocol == .udp {
                    noteSilence(of: reference, deadline, balancing, now)
                }
                if connection.isPersistent {
                    rememberAgain(reference, balancing, until: deadline, now: now)
                }
            } else {
                connections.prefetchRemoval(of: reference)
                unsafe ending[count] = reference
                count &+= 1
            }
        }
        return (fired, count)
    }

    @inline(never)
    private mutating func rememberAgain(
        _ reference: UInt32,
        _ balancing: BalancingState,
        until deadline: Tick,
        now: Tick
    ) {
        let slot = unsafe connections.entry(reference).pointee.backendSlot
        let client = connections.flow(.inbound, of: reference)
        remember(client, of: slot, balancing, until: deadline, now: now)
    }

    private mutating func end(_ reference: UInt32, _ balancing: BalancingState) {
        let connection = unsafe connections.entry(reference).pointee
        announceEnd(of: reference, connection)
        noteSilence(connection, balancing)
        let kind: BackendCounter = connection.state.isActive ? .active : .inactive
        backends.add(.max, at: kind.index(slot: connection.backendSlot))
        giveBack(connection.backendSlot, balancing)
        if connection.shape.kind.holdsLocalPort {
            let reply = connections.flow(.outbound, of: reference)
            release(reply.destinationPort, of: reply.destination, for: reply, balancing)
        }
        if connection.shape.kind == .snat {
            sources.remove(connections.flow(.inbound, of: reference).source)
        }
        connections.removeFired(reference)
    }

    mutating func release(
        _ port: UInt16,
        of address: WireAddress,
        for reply: Flow,
        _ balancing: BalancingState
    ) {
        balancing.pool(of: address, worker: worker)?.release(port, hash: portHash(of: reply))
    }

    /// By which the pool of a local address knows the port that a reply comes to.
    mutating func portHash(of reply: Flow) -> UInt64 {
        let endpointPort = reply.protocol.isQuery ? 0 : UInt16(truncatingIfNeeded: reply.ports)
        return endpointHash(reply.source, endpointPort)
    }

    /// What the scheduler says, by its place in the service's list.
    mutating func schedule(
        _ service: ServiceRecord,
        _ key: FlowKey,
        _ balancing: BalancingState
    ) -> UInt32? {
        let context = SchedulingContext(
            counters: backends,
            conditions: everywhere.conditions,
            worker: worker,
            workerCount: balancing.workerCount
        )
        let slot = Int(service.slot)
        let before = cursors[slot]
        var cursor = before
        let index = service.scheduler.choose(key, cursor: &cursor, in: context)
        if cursor != before { cursors.set(cursor, at: slot) }
        return index
    }

    struct LocalPort {
        var address: WireAddress
        /// In host order.
        var port: UInt16
    }

    /// A local address and a free port of it; the first address comes from the flow's hash, so that
    /// addresses and backends do not move in lock-step.
    private mutating func takeLocalPort(
        of service: ServiceRecord,
        toward backend: BackendRecord,
        _ hash: UInt64,
        _ balancing: BalancingState
    ) -> LocalPort? {
        let isIPv6 = backend.address.isIPv6
        let count = service.localAddressCount(isIPv6: isIPv6)
        guard count > 0 else { return nil }
        let first = (hash >> 32).multipliedFullWidth(by: UInt64(count) << 32).high
        var position = UInt32(truncatingIfNeeded: first)
        for _ in 0..<min(Int(count), Self.localAddressTries) {
            let local = service.localAddress(isIPv6: isIPv6, at: position)
            if let port = takePort(of: local, toward: backend, balancing) { return port }
            position = position &+ 1 == count ? 0 : position &+ 1
        }
        return nil
    }

    private mutating func takePort(
        of local: LocalAddressRecord,
        toward backend: BackendRecord,
        _ balancing: BalancingState
    ) -> LocalPort? {
        let port = balancing.pool(local.slot, worker: worker)?
            .allocate(
                hash: endpointHash(backend.address, backend.port),
                flowHash: backend.flowHash ^ local.flowHash
            )
        return port.map { LocalPort(address: local.address, port: $0) }
    }
}
