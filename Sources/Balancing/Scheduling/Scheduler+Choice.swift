// SPDX-License-Identifier: Apache-2.0
public import Containers

/// What a worker brings along when a backend is to be chosen.
public struct SchedulingContext: BitwiseCopyable, Sendable {
    /// This worker's; see `BackendCounter`.
    let counters: CounterBlock
    let conditions: BackendConditions
    let worker: Int
    let workerCount: Int

    public init(
        counters: CounterBlock,
        conditions: BackendConditions,
        worker: Int,
        workerCount: Int
    ) {
        self.counters = counters
        self.conditions = conditions
        self.worker = worker
        self.workerCount = workerCount
    }
}

extension Scheduler {
    /// Entries that are tried before every backend is asked once: what a packet may cost when most
    /// backends are unusable.
    static var tries: UInt32 { 64 }

    /// The backend of a new flow, by its place in the service's list, or nil: refuse the flow.
    ///
    /// `cursor` is this worker's for the service. It begins with 0 and then only this function
    /// writes it; workers begin evenly spread around the circle.
    public func choose(
        _ key: FlowKey,
        cursor: inout UInt64,
        in context: SchedulingContext
    ) -> UInt32? {
        guard entryCount > 0 else { return nil }
        switch kind {
        case .circle: return nextTurn(&cursor, context)
        case .leastLoaded: return leastLoaded(&cursor, context)
        case .table: return fromTable(key, context)
        case .ring: return fromRing(key, context)
        case .preference: return walk(from: 0, atMost: entryCount, context)
        }
    }

    // MARK: - One after the other

    private func nextTurn(_ cursor: inout UInt64, _ context: SchedulingContext) -> UInt32? {
        let position = turn(&cursor, context)
        let chosen = entry(position)
        if context.conditions.areAllUsable { return chosen }
        return walk(&cursor, from: position, atMost: Self.tries, context)
    }

    /// The position that is due; the cursor goes on.
    private func turn(_ cursor: inout UInt64, _ context: SchedulingContext) -> UInt32 {
        // One more than the next position, so that 0 tells a cursor that was never used.
        var position = UInt32(truncatingIfNeeded: cursor &- 1)
        if cursor == 0 { position = beginning(context) }
        // The circle may have become shorter since.
        if position >= entryCount { position = 0 }
        cursor = UInt64(position) &+ 2
        return position
    }

    private func beginning(_ context: SchedulingContext) -> UInt32 {
        guard context.workerCount > 0 else { return 0 }
        return UInt32(
            truncatingIfNeeded: Int(entryCount) &* context.worker / context.workerCount
        )
    }

    /// The first usable entry from `position` on; later turns go on behind it.
    @inline(never)
    private func walk(
        _ cursor: inout UInt64,
        from position: UInt32,
        atMost tries: UInt32,
        _ context: SchedulingContext
    ) -> UInt32? {
        var position = position
        for _ in 0..<tries {
            let index = entry(position)
            cursor = UInt64(position) &+ 2
            if isUsable(index, context) { return index }
            position = position &+ 1 == entryCount ? 0 : position &+ 1
        }
        return anyUsable(after: entry(position), context)
    }

    private func walk(
        from position: UInt32,
        atMost tries: UInt32,
        _ context: SchedulingContext
    ) -> UInt32? {
        if context.conditions.areAllUsable { return entry(position) }
        var ignored: UInt64 = 0
        return walk(&ignored, from: position, atMost: tries, context)
    }

    /// The first usable backend behind `index`, around the list.
    private func anyUsable(after index: UInt32, _ context: SchedulingContext) -> UInt32? {
        var index = index
        for _ in 0..<memberCount {
            index = index &+ 1 >= memberCount ? 0 : index &+ 1
            if member(index).weight > 0, isUsable(index, context) { return index }
        }
        return nil
    }

    private func isUsable(_ index: UInt32, _ context: SchedulingContext) -> Bool {
        context.conditions.isUsable(slot: member(index).slot)
    }

    // MARK: - By hash

    private func fromTable(_ key: FlowKey, _ context: SchedulingContext) -> UInt32? {
        let hash = key.hash(options)
        let chosen = entry(position(of: hash))
        if context.conditions.areAllUsable || isUsable(chosen, context) { return chosen }
        // Without the option flows wait for a backend that is full, but not for one that is down.
        let reasons = context.conditions.reasons(slot: member(chosen).slot)
        guard options.contains(.fallsBack) || reasons.isDead else { return nil }
        return fallBack(from: chosen, hash, context)
    }

    /// Hashes again until a usable backend comes up: flows of one that is down spread over all.
    @inline(never)
    private func fallBack(
        from chosen: UInt32,
        _ hash: UInt64,
        _ context: SchedulingContext
    ) -> UInt32? {
        for attempt in 1...UInt64(Self.tries) {
            let index = entry(position(of: FixedHash.of(hash, attempt)))
            if isUsable(index, context) { return index }
        }
        return anyUsable(after: chosen, context)
    }

    /// Scales a hash to the table without a division.
    private func position(of hash: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(entryCount)).high)
    }

    private func fromRing(_ key: FlowKey, _ context: SchedulingContext) -> UInt32? {
        let target = UInt32(truncatingIfNeeded: key.hash(options) >> 32)
        return walk(from: firstPoint(from: target), atMost: Self.tries, context)
    }

    // MARK: - By load

    /// The least load for its weight, by this worker's own counters.
    ///
    /// Among equals the first from the turn that is due on wins: without any load the choice is
    /// that of the circle, and workers that begin together do not all take the same backend.
    private func leastLoaded(_ cursor: inout UInt64, _ context: SchedulingContext) -> UInt32? {
        var index = entry(turn(&cursor, context))
        let areAllUsable = context.conditions.areAllUsable
        var best: UInt32?
        // 1 / 0: more than any load.
        var bestLoad: UInt64 = 1
        var bestWeight: UInt64 = 0
        for _ in 0..<memberCount {
            let member = member(index)
            if member.weight > 0, areAllUsable || context.conditions.isUsable(slot: member.slot) {
                let active = context.counters[BackendCounter.active.index(slot: member.slot)]
                if active == 0, options.contains(.prefersIdle) { return index }
                let load = load(active, member.slot, context)
                if load &* bestWeight < bestLoad &* UInt64(member.weight) {
                    best = index
                    bestLoad = load
                    bestWeight = UInt64(member.weight)
                }
            }
            index = index &+ 1 == memberCount ? 0 : index &+ 1
        }
        return best
    }

    /// An active connection weighs as much as 256 inactive ones, as in Linux and DPVS.
    private func load(_ active: UInt64, _ slot: UInt32, _ context: SchedulingContext) -> UInt64 {
        let inactive = context.counters[BackendCounter.inactive.index(slot: slot)]
        let next: UInt64 = options.contains(.countsNext) ? 1 : 0
        return (active &+ next) &<< 8 &+ inactive
    }
}
