// SPDX-License-Identifier: Apache-2.0
import Containers
import Testing

@testable import Balancing

/// A scheduler with a worker around it; slots are the backends' places plus a hundred.
final class Bench {
    let scheduler: Scheduler
    let counters: CounterBlock
    let conditions: BackendConditions
    var cursor: UInt64 = 0

    init(_ scheduler: Scheduler) throws {
        self.scheduler = scheduler
        counters = try #require(CounterBlock(count: 1024 * BackendCounter.stride))
        conditions = try #require(BackendConditions(slots: 1024))
    }

    deinit {
        scheduler.destroy()
        counters.destroy()
        conditions.destroy()
    }

    static func members(_ weights: [UInt32]) -> [Scheduler.Member] {
        weights.enumerated().map { Scheduler.Member(slot: UInt32(100 + $0), weight: $1) }
    }

    /// The backend for client `number`.
    func choose(
        _ number: UInt64 = 0,
        port: UInt16 = 0,
        worker: Int = 0,
        of workers: Int = 1
    ) -> UInt32? {
        choose(
            FlowKey(source: (0, number), sourcePort: port, destination: (0, 1)),
            worker: worker,
            of: workers
        )
    }

    func choose(_ key: FlowKey, worker: Int = 0, of workers: Int = 1) -> UInt32? {
        scheduler.choose(
            key,
            cursor: &cursor,
            in: SchedulingContext(
                counters: counters,
                conditions: conditions,
                worker: worker,
                workerCount: workers
            )
        )
    }

    func load(_ backend: Int, active: UInt64, inactive: UInt64 = 0) {
        let slot = UInt32(100 + backend)
        counters.set(active, at: BackendCounter.active.index(slot: slot))
        counters.set(inactive, at: BackendCounter.inactive.index(slot: slot))
    }

    func disable(_ backends: Int...) {
        for backend in backends { conditions.insert(.full, slot: UInt32(100 + backend)) }
    }
}
