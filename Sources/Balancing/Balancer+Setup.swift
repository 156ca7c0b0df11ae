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
        case notBalanced
        /// Another worker opens such connections.
        case elsewhere(Int)
        case refused(Decision.Refusal)
    }

    /// Chooses backend, local address and port for the first packet of a flow.
    ///
    /// The packet stays as it is: forward it along the new reference. `hash` is its look-ahead's.
    @inline(never)
    public mutating func open<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        hash: UInt64,
        balancing: BalancingState,
        now: Tick
    ) -> Setup {
        let client = packet.flow
        guard let service = balancing.services.service(for: client) else { return .notBalanced }
        if service.kind == .nat {
            let owner = ownerOfNAT(client.source, client.sourcePort, balancing)
            guard owner == worker else { return .elsewhere(owner) }
        }
        let isTCP = client.protocol == .tcp
        if isTCP, !Self.opens(packet.tcpFlags) { return .refused(.notOpening) }
        if balancing.options.contains(.stopping) { return .refused(.stopping) }
        if let refusal = claim(service) { return .refused(refusal) }
        guard var backend = claimBackend(of: service, FlowKey(client), balancing) else {
            giveBack(service)
            return .refused(.noBackend)
        }
        if backend.port == 0 {
            backend.take(UInt16(truncatingIfNeeded: client.ports >> 16), steering)
        }
        var local: LocalPort?
        if service.kind.holdsLocalPort {
            local = takeLocalPort(of: service, toward: backend, hash, balancing)
            if local == nil {
                giveBack(service, backend, balancing)
                return .refused(.noLocalPort)
            }
        }
        let reply = Self.reply(to: client, from: backend, local)
        let connection = Connection(
            client: client,
            backend: reply,
            kind: service.kind,
            state: isTCP ? .none : .oneWay,
            backendSlot: backend.slot,
            now: now
        )
        let timeout =
            isTCP ? balancing.timeout(in: .synReceived) : balancing.timeout(of: connection)
        let reference = connections.insert(
            connection,
            client: client,
            backend: reply,
            clientHash: hash,
            deadline: now + timeout
        )
        guard let reference else {
            if let local { release(local.port, of: local.address, for: reply, balancing) }
            giveBack(service, backend, balancing)
            return .refused(.tableFull)
        }
        backends.add(1, at: BackendCounter.connections.index(slot: backend.slot))
        backends.add(1, at: BackendCounter.inactive.index(slot: backend.slot))
        if service.kind == .fnat { care(for: reference, service.clientAddress) }
        return .created(reference)
    }

    /// The worker to which connections of mode `nat` of a client belong.
    ///
    /// Nothing in a reply is ours to choose, and devices hash the two directions differently; so both
    /// directions go by what they have in common, the client.
    public func ownerOfNAT(
        _ client: WireAddress,
        _ port: UInt16,
        _ balancing: BalancingState
    ) -> Int {
        let mixed = (client.mixed ^ UInt64(port)) &* 0x9E37_79B9_7F4A_7C15
        return Int((mixed >> 32) &* UInt64(balancing.workerCount) >> 32)
    }

    /// The packet that answers the first one: from the backend, to the local address or, without
    /// one, to the client.
    private static func reply(
        to client: Flow,
        from backend: BackendRecord,
        _ local: LocalPort?
    ) -> Flow {
        let port = local?.port.bigEndian ?? UInt16(truncatingIfNeeded: client.ports)
        return Flow(
            source: backend.address,
            destination: local?.address ?? client.source,
            ports: UInt32(backend.port) | UInt32(port) << 16,
            protocol: client.protocol
        )
    }

    /// Lets at most `budget` timers fire: connections whose time is up end, the others wait on.
    public mutating func expire(budget: Int, balancing: BalancingState, now: Tick) {
        if balancing.endings != swept { sweep(balancing, now) }
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
            } else {
                connections.prefetchRemoval(of: reference)
                unsafe ending[count] = reference
                count &+= 1
            }
        }
        return (fired, count)
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
        connections.removeFired(reference)
    }

    private func release(
        _ port: UInt16,
        of address: WireAddress,
        for reply: Flow,
        _ balancing: BalancingState
    ) {
        let hash = endpointHash(reply.source, UInt16(truncatingIfNeeded: reply.ports))
        balancing.pool(of: address, worker: worker)?.release(port, hash: hash)
    }

    /// SYN without ACK, RST and FIN (RFC 9293 section 3.5).
    private static func opens(_ flags: UInt8) -> Bool { flags & 0x17 == 0x02 }

    func nextBackend(
        of service: ServiceRecord,
        _ key: FlowKey,
        _ balancing: BalancingState
    ) -> BackendRecord? {
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
        return index.map { service.backend(at: $0) }
    }

    struct LocalPort {
        var address: WireAddress
        /// In host order.
        var port: UInt16
    }

    /// A local address and a free port of it; the first address comes from the flow's hash, so that
    /// addresses and backends do not move in lock-step.
    private func takeLocalPort(
        of service: ServiceRecord,
        toward backend: BackendRecord,
        _ hash: UInt64,
        _ balancing: BalancingState
    ) -> LocalPort? {
        let isIPv6 = backend.address.isIPv6
        let count = service.localAddressCount(isIPv6: isIPv6)
        guard count > 0 else { return nil }
        let endpoint = endpointHash(backend.address, backend.port)
        let first = (hash >> 32).multipliedFullWidth(by: UInt64(count) << 32).high
        var position = UInt32(truncatingIfNeeded: first)
        for _ in 0..<min(Int(count), Self.localAddressTries) {
            let local = service.localAddress(isIPv6: isIPv6, at: position)
            if let pool = balancing.pool(local.slot, worker: worker),
                let port = pool.allocate(
                    hash: endpoint,
                    flowHash: backend.flowHash ^ local.flowHash
                )
            {
                return LocalPort(address: local.address, port: port)
            }
            position = position &+ 1 == count ? 0 : position &+ 1
        }
        return nil
    }
}
