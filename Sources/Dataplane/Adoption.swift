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
        var outcomes: (Int, Int, Int)
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
            unsafe (shares + worker)
                .initialize(
                    to: unsafe Share(connections: memory, count: own.count, outcomes: (0, 0, 0))
                )
        }
    }

    fileprivate func destroy() {
        for worker in 0..<workerCount { unsafe shares[worker].connections.deallocate() }
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
            switch balancer.adopt(saved, balancing: balancing, now: now) {
            case .adopted: unsafe shares[index].outcomes.0 += 1
            case .expired: unsafe shares[index].outcomes.1 += 1
            case .refused: unsafe shares[index].outcomes.2 += 1
            }
        }
    }

    fileprivate func count(_ outcome: AdoptionOutcome) -> Int {
        (0..<workerCount)
            .reduce(0) { sum, worker in
                let outcomes = unsafe shares[worker].outcomes
                switch outcome {
                case .adopted: return sum + outcomes.0
                case .expired: return sum + outcomes.1
                case .refused: return sum + outcomes.2
                }
            }
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
