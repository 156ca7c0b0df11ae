// SPDX-License-Identifier: Apache-2.0
public import Balancing
import CPacket
import Timing

/// Connections of the process before, for each worker to take over when it first sees the snapshot.
///
/// A handle; whoever made the memory frees it when every worker has left the snapshot.
@safe
public struct Adoption: BitwiseCopyable, @unchecked Sendable {
    @unsafe
    private struct Share {
        var connections: UnsafeMutablePointer<SavedConnection>
        var count: Int
        /// By `AdoptionOutcome`; the worker writes them before it reports the snapshot.
        var outcomes: UnsafeMutablePointer<Int>
    }

    private let shares: UnsafeMutablePointer<Share>
    private let workerCount: Int

    fileprivate init(_ connections: [SavedConnection], workers: Int) {
        workerCount = workers
        unsafe shares = .allocate(capacity: workers)
        for worker in 0..<workers {
            let own = connections.filter { Int($0.worker) == worker }
            let memory = UnsafeMutablePointer<SavedConnection>.allocate(capacity: max(1, own.count))
            for (index, connection) in own.enumerated() {
                unsafe (memory + index).initialize(to: connection)
            }
            let outcomes = UnsafeMutablePointer<Int>
                .allocate(capacity: AdoptionOutcome.allCases.count)
            unsafe outcomes.initialize(repeating: 0, count: AdoptionOutcome.allCases.count)
            unsafe (shares + worker)
                .initialize(
                    to: Share(connections: memory, count: own.count, outcomes: outcomes)
                )
        }
    }

    fileprivate func destroy() {
        for worker in 0..<workerCount {
            unsafe shares[worker].connections.deallocate()
            unsafe shares[worker].outcomes.deallocate()
        }
        unsafe shares.deallocate()
    }

    /// Worker `index`, once, before it works with the snapshot.
    func carryOut(
        by index: Int,
        _ balancer: inout Balancer,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        for position in 0..<(unsafe shares[index].count) {
            let saved = unsafe shares[index].connections[position]
            let outcome = balancer.adopt(saved, balancing: balancing, now: now)
            unsafe shares[index].outcomes[outcome.rawValue] += 1
        }
    }

    fileprivate func count(_ outcome: AdoptionOutcome) -> Int {
        (0..<workerCount).reduce(0) { unsafe $0 + shares[$1].outcomes[outcome.rawValue] }
    }
}

/// The memory of an `Adoption`, kept by its snapshot and by whoever asks what became of it.
@safe
public final class AdoptionMemory: @unchecked Sendable {
    public let handle: Adoption

    /// Each connection goes to the worker that it names.
    public init(_ connections: [SavedConnection], workers: Int) {
        handle = Adoption(connections, workers: workers)
    }

    deinit { handle.destroy() }

    /// How many connections ended so; final when every worker has seen the snapshot.
    public func count(_ outcome: AdoptionOutcome) -> Int { handle.count(outcome) }
}
