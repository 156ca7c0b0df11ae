// SPDX-License-Identifier: Apache-2.0
import Timing

/// When each worker was last seen to turn, judged by its count of turns.
struct WorkerHeartbeats {
    /// A worker that has not turned for this long is stalled.
    ///
    /// Workers turn many times a millisecond, but a virtual CPU may be taken away for a second or
    /// two.
    static let limit = Duration.seconds(5)

    private var turns: [UInt64]
    private var beats: [Instant]

    init(workers: Int, at now: Instant) {
        turns = Array(repeating: 0, count: workers)
        beats = Array(repeating: now, count: workers)
    }

    /// Takes in how often each worker has turned so far, in the order of workers.
    mutating func note(_ counts: [UInt64], at now: Instant) {
        for (index, count) in counts.enumerated() where count != turns[index] {
            turns[index] = count
            beats[index] = now
        }
    }

    /// How long each worker has not been seen to turn.
    func ages(at now: Instant) -> [Duration] {
        beats.map { .nanoseconds(now.nanoseconds - min($0.nanoseconds, now.nanoseconds)) }
    }

    /// The indices of workers that are stalled.
    func stalled(at now: Instant) -> [Int] {
        ages(at: now).enumerated().filter { $1 >= Self.limit }.map(\.offset)
    }
}
