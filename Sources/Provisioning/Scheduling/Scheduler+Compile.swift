// SPDX-License-Identifier: Apache-2.0
import Balancing
import Model

extension Scheduler {
    /// Slots of a `sh` or `dh` table, as in Linux; more when there are more than a quarter as many
    /// backends.
    private static let hashTableSize = 256
    /// Turns that `lc` and its relatives tell equals apart by.
    private static let tieTurns = 256

    /// Lays a schedule out; the backends are in the service's order.
    init(_ kind: SchedulerKind, _ options: SchedulerOptions, _ backends: [ScheduledBackend]) {
        let weights = backends.map(\.weight)
        switch kind {
        case .rr, .wrr:
            self.init(.circle, backends, ScheduleSequence.weighted(weights))
        case .lc, .wlc:
            self.init(.leastLoaded, backends, Self.tieBreakers(weights))
        case .sed:
            self.init(.leastLoaded, backends, Self.tieBreakers(weights), .countsNext)
        case .nq:
            let options: Options = [.countsNext, .prefersIdle]
            self.init(.leastLoaded, backends, Self.tieBreakers(weights), options)
        case .fo:
            self.init(.preference, backends, Self.byWeight(weights))
        case .mh:
            self.init(
                .table,
                members: Self.members(backends),
                entries: MaglevTable.filled(
                    backends,
                    size: options.maglevTableSize
                        ?? SchedulerOptions.defaultTableSize(for: backends.count)
                ),
                options: Self.tableOptions(options)
            )
        case .sh:
            self.init(.table, backends, Self.hashTable(weights), Self.tableOptions(options))
        case .dh:
            self.init(.table, backends, Self.hashTable(weights), .usesDestination)
        case .conhash:
            self.init(
                ring: ConsistentRing.points(backends),
                members: Self.members(backends),
                options: Self.ringOptions(options)
            )
        }
    }

    private init(
        _ kind: Kind,
        _ backends: [ScheduledBackend],
        _ entries: [Int],
        _ options: Options = []
    ) {
        self.init(
            kind,
            members: Self.members(backends),
            entries: entries.map { UInt16($0) },
            options: options
        )
    }

    private static func members(_ backends: [ScheduledBackend]) -> [Member] {
        backends.map { Member(slot: $0.slot, weight: UInt32(clamping: $0.weight)) }
    }

    private static func tieBreakers(_ weights: [Int]) -> [Int] {
        ScheduleSequence.weighted(weights, limit: tieTurns)
    }

    /// The heaviest first, among equals the first of the list.
    private static func byWeight(_ weights: [Int]) -> [Int] {
        weights.indices.filter { weights[$0] > 0 }
            .sorted { (-weights[$0], $0) < (-weights[$1], $1) }
    }

    private static func hashTable(_ weights: [Int]) -> [Int] {
        var size = hashTableSize
        while size < weights.count * 4 { size *= 2 }
        return ScheduleSequence.filled(weights, count: size)
    }

    private static func tableOptions(_ options: SchedulerOptions) -> Options {
        var result: Options = []
        if options.usesPort { result.insert(.usesPort) }
        if options.fallsBack { result.insert(.fallsBack) }
        if options.isSloppy { result.insert(.isSloppy) }
        return result
    }

    private static func ringOptions(_ options: SchedulerOptions) -> Options {
        var result: Options = []
        if options.hashTarget == .qid { result.insert(.usesConnectionID) }
        if options.isSloppy { result.insert(.isSloppy) }
        return result
    }
}
