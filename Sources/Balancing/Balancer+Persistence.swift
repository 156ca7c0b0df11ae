// SPDX-License-Identifier: Apache-2.0
import Addressing
import Timing

/// Services whose clients stay with a backend.
///
/// A client is remembered from its first connection until `timeout` after its last one has ended.
/// Nobody counts its connections: what a client has is extended when a connection opens, whenever
/// the timer of one fires, each time to `timeout` after the moment at which that timer fires next,
/// and so it outlives every connection by `timeout` at least.
extension Balancer {
    /// The backend that a client has, or gets now; as `schedule` by place.
    mutating func persistentBackend(
        of service: ServiceRecord,
        _ rule: PersistenceRule,
        _ flow: Flow,
        _ balancing: BalancingState,
        now: Tick
    ) -> UInt32? {
        let hash = persistence.hash(rule.client(of: flow))
        let known = persistence.backend(of: hash, now: now)
        if let known, let index = index(of: known, in: service, balancing) { return index }
        guard let chosen = schedule(service, FlowKey(flow), balancing) else { return nil }
        let agreed = persistence.assign(
            service.backend(at: chosen).slot,
            to: hash,
            replacing: known,
            until: now + rule.timeout,
            now: now
        )
        return index(of: agreed, in: service, balancing) ?? chosen
    }

    /// A connection lasts until `deadline` at least: its client is remembered that much longer.
    mutating func remember(
        _ client: Flow,
        of backend: UInt32,
        _ balancing: BalancingState,
        until deadline: Tick,
        now: Tick
    ) {
        guard let rule = balancing.place(of: backend)?.persistence else { return }
        let hash = persistence.hash(rule.client(of: client))
        persistence.extend(hash, until: deadline + rule.timeout, now: now)
    }

    /// Where a backend stands in a service; nil when it is not in it or takes no more from clients
    /// that it has.
    private mutating func index(
        of slot: UInt32,
        in service: ServiceRecord,
        _ balancing: BalancingState
    ) -> UInt32? {
        guard let index = balancing.place(of: slot).map({ UInt32($0.index) }),
            index < service.backendCount, service.backend(at: index).slot == slot,
            everywhere.conditions.isUsable(slot: slot)
        else { return nil }
        let isDrained = service.scheduler.member(index).weight == 0
        return isDrained && balancing.options.contains(.expireQuiescentTemplates) ? nil : index
    }
}
