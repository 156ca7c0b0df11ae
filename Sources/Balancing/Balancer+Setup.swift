// SPDX-License-Identifier: Apache-2.0
import Containers
public import Timing

extension Balancer {
    /// How many local addresses are tried before a connection is refused, as in DPVS.
    private static let localAddressTries = 16

    /// Either the connection that was made for a packet, or what else becomes of it.
    public enum Setup {
        case created(UInt32)
        case notBalanced
        case refused(Decision.Refusal)
    }

    /// Chooses backend, local address and port for the first packet of a flow.
    ///
    /// The packet stays as it is: forward it along the new reference. `hash` is its look-ahead's.
    @inline(never)
    public mutating func open(
        _ packet: TransportPacket,
        hash: UInt64,
        balancing: BalancingState,
        now: Tick
    ) -> Setup {
        let tuple = packet.tuple
        guard let service = balancing.services.service(for: tuple, packet.protocolNumber) else {
            return .notBalanced
        }
        let isTCP = packet.protocolNumber == TransportPacket.tcp
        if isTCP, !Self.opens(packet.tcpFlags) { return .refused(.notOpening) }
        if balancing.options.contains(.stopping) { return .refused(.stopping) }
        guard let backend = nextBackend(of: service, FlowKey(tuple), balancing) else {
            return .refused(.noBackend)
        }
        guard let local = takeLocalPort(of: service, toward: backend, hash, balancing) else {
            return .refused(.noLocalPort)
        }
        let connection = Connection(
            client: tuple,
            backend: IPv4Tuple(
                addresses: UInt64(backend.address) | UInt64(local.address) << 32,
                ports: UInt32(backend.port) | UInt32(local.port.bigEndian) << 16
            ),
            protocolNumber: packet.protocolNumber,
            state: isTCP ? .none : .oneWay,
            serviceSlot: service.slot,
            backendSlot: backend.slot,
            localSlot: local.slot,
            now: now
        )
        let timeout =
            isTCP ? balancing.timeout(in: .synReceived) : balancing.timeout(of: connection)
        let deadline = now + timeout
        guard
            let reference = connections.insert(connection, clientHash: hash, deadline: deadline)
        else {
            balancing.pool(local.slot, worker: worker)?
                .release(local.port, hash: backend.endpointHash)
            return .refused(.tableFull)
        }
        backends.add(1, at: BackendCounter.connections.index(slot: backend.slot))
        backends.add(1, at: BackendCounter.inactive.index(slot: backend.slot))
        return .created(reference)
    }

    /// Lets at most `budget` timers fire: connections whose time is up end, the others wait on.
    public mutating func expire(budget: Int, balancing: BalancingState, now: Tick) {
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
        let kind: BackendCounter = connection.state.isActive ? .active : .inactive
        backends.add(.max, at: kind.index(slot: connection.backendSlot))
        let tuple = connection.backendTuple
        let hash = BackendRecord.endpointHash(
            UInt32(truncatingIfNeeded: tuple.addresses),
            UInt16(truncatingIfNeeded: tuple.ports)
        )
        balancing.pool(connection.localSlot, worker: worker)?
            .release(tuple.destinationPort, hash: hash)
        connections.removeFired(reference)
    }

    /// SYN without ACK, RST and FIN (RFC 9293 section 3.5).
    private static func opens(_ flags: UInt8) -> Bool { flags & 0x17 == 0x02 }

    private func nextBackend(
        of service: ServiceRecord,
        _ key: FlowKey,
        _ balancing: BalancingState
    ) -> BackendRecord? {
        let context = SchedulingContext(
            counters: backends,
            conditions: conditions,
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

    /// A local address and a free port of it; the first address comes from the flow's hash, so that
    /// addresses and backends do not move in lock-step.
    private func takeLocalPort(
        of service: ServiceRecord,
        toward backend: BackendRecord,
        _ hash: UInt64,
        _ balancing: BalancingState
    ) -> (address: UInt32, slot: UInt16, port: UInt16)? {
        let count = service.localAddressCount
        guard count > 0 else { return nil }
        let first = (hash >> 32).multipliedFullWidth(by: UInt64(count) << 32).high
        var position = UInt32(truncatingIfNeeded: first)
        for _ in 0..<min(Int(count), Self.localAddressTries) {
            let local = service.localAddress(at: position)
            if let pool = balancing.pool(local.slot, worker: worker),
                let port = pool.allocate(
                    hash: backend.endpointHash,
                    flowHash: backend.flowHash ^ local.flowHash
                )
            {
                return (local.address, local.slot, port)
            }
            position = position &+ 1 == count ? 0 : position &+ 1
        }
        return nil
    }
}
