// SPDX-License-Identifier: Apache-2.0
import Containers
public import Timing

/// What became of a connection that a worker was to take over.
public enum AdoptionOutcome: Int, CaseIterable, Sendable {
    case adopted
    /// Its time ran out meanwhile.
    case expired
    /// Its local address or port is not to be had any more, or the table is full.
    case refused
}

extension Balancer {
    /// Calls `body` with every connection; the worker's thread has ended.
    public mutating func save(
        at now: Tick,
        _ body: (SavedConnection) throws -> Void
    ) rethrows {
        for position in 0..<connections.bound {
            let reference = position << 1
            let connection = unsafe connections.entry(reference).pointee
            guard connection.backendSlot != .max else { continue }
            let idle = now.distance(from: connection.lastSeen)
            try body(
                SavedConnection(
                    client: connections.flow(.inbound, of: reference),
                    backend: connections.flow(.outbound, of: reference),
                    kind: connection.shape.kind,
                    state: connection.state,
                    nextFromBackend: connection.nextFromBackend,
                    nextFromClient: connection.nextFromClient,
                    backendSlot: connection.backendSlot,
                    worker: UInt16(worker),
                    idle: UInt32(max(0, idle)),
                    side: connection.hasSideState
                        ? unsafe connections.side(reference).pointee : nil,
                    needsCare: connection.needsCare,
                    isPersistent: connection.isPersistent
                )
            )
        }
    }

    /// Goes on with a connection of the process before.
    ///
    /// It is counted like one that was opened here, except that no limit refuses it: it had its
    /// place already.
    @inline(never)
    public mutating func adopt(
        _ saved: SavedConnection,
        balancing: BalancingState,
        now: Tick
    ) -> AdoptionOutcome {
        var connection = Connection(
            client: saved.client,
            backend: saved.backend,
            kind: saved.kind,
            state: saved.state,
            backendSlot: saved.backendSlot,
            now: Tick(rawValue: now.rawValue &- saved.idle)
        )
        connection.isPersistent = saved.isPersistent
        connection.nextFromBackend = saved.nextFromBackend
        connection.nextFromClient = saved.nextFromClient
        // The clock of another process begins elsewhere.
        if saved.client.protocol == .udp { connection.lastAnswer = connection.lastSeen }
        connection.hasSideState = saved.side != nil
        connection.needsCare = saved.needsCare
        let deadline = connection.lastSeen + balancing.timeout(of: connection)
        guard deadline.distance(from: now) > 0 else { return .expired }
        guard connections.find(saved.client) == ConnectionTable.none,
            holdPort(of: saved, balancing)
        else { return .refused }
        let reference = connections.insert(
            connection,
            client: saved.client,
            backend: saved.backend,
            clientHash: connections.hash(saved.client),
            deadline: deadline
        )
        guard let reference else {
            if saved.kind.holdsLocalPort {
                release(
                    saved.backend.destinationPort,
                    of: saved.backend.destination,
                    for: saved.backend,
                    balancing
                )
            }
            return .refused
        }
        if let side = saved.side {
            unsafe connections.side(reference).initialize(to: side)
        }
        count(saved, balancing)
        if connection.isPersistent { rememberAdopted(saved, balancing, until: deadline, now: now) }
        return .adopted
    }

    private mutating func holdPort(of saved: SavedConnection, _ balancing: BalancingState) -> Bool {
        guard saved.kind.holdsLocalPort else { return true }
        let reply = saved.backend
        return balancing.pool(of: reply.destination, worker: worker)?
            .hold(reply.destinationPort, hash: portHash(of: reply)) ?? false
    }

    private mutating func count(_ saved: SavedConnection, _ balancing: BalancingState) {
        let slot = saved.backendSlot
        let service = balancing.policy(ofBackend: slot).serviceSlot
        services.add(1, at: ServiceCounter.claimed.index(slot: service))
        backends.add(1, at: BackendCounter.claimed.index(slot: slot))
        let kind: BackendCounter = saved.state.isActive ? .active : .inactive
        backends.add(1, at: kind.index(slot: slot))
        if saved.kind == .snat { sources.add(saved.client.source) }
    }

    private mutating func rememberAdopted(
        _ saved: SavedConnection,
        _ balancing: BalancingState,
        until deadline: Tick,
        now: Tick
    ) {
        guard let rule = balancing.place(of: saved.backendSlot)?.persistence else { return }
        _ = persistence.assign(
            saved.backendSlot,
            to: persistence.hash(rule.client(of: saved.client)),
            replacing: nil,
            until: deadline + rule.timeout,
            now: now
        )
    }
}
