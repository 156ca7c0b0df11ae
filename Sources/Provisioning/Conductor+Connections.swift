// SPDX-License-Identifier: Apache-2.0
package import Balancing
import Dataplane

/// Connections that workers have, seen from outside.
extension Conductor {
    /// Some connections of one worker.
    package struct Sight: Sendable {
        package var connections: [SeenConnection] = []
        /// Where the same worker's next ones are; nil: all were seen.
        package var next: UInt32?
    }

    /// Connections of the worker in place `worker` that fit, from `position` of its table on: those of
    /// a moment, while its packets go on.
    package func connections(
        of worker: Int,
        from position: UInt32,
        _ pattern: FlowPattern
    ) async throws(ProvisioningError) -> Sight {
        let (connections, next) = try await answer(of: worker) {
            $0.ask(for: pattern, from: position)
        } _: {
            ($0.found, $0.next)
        }
        return Sight(connections: connections, next: next)
    }

    /// Ends connections of one worker, and has their ends told; returns how many were still there.
    package func end(
        _ connections: [SeenConnection],
        of worker: Int
    ) async throws(ProvisioningError) -> Int {
        var ended = 0
        var rest = connections[...]
        while !rest.isEmpty {
            let some = rest.prefix(SurveyCell.capacity)
            rest = rest.dropFirst(some.count)
            ended += try await answer(of: worker) {
                $0.ask(toEnd: some)
            } _: {
                $0.ended
            }
        }
        return ended
    }

    /// Asks a worker when its cell is free, waits, and reads the answer.
    private func answer<Answer>(
        of worker: Int,
        to ask: (SurveyCell) -> Bool,
        _ read: (SurveyCell) -> Answer
    ) async throws(ProvisioningError) -> Answer {
        let cell = surveys[worker]
        let deadline = ContinuousClock.now + patience
        // A cell takes one question at a time, and its answer is read before the next.
        while surveyed.contains(worker) { try await pauseUnlessLate(deadline) }
        surveyed.insert(worker)
        defer { surveyed.remove(worker) }
        // A worker that stalled may still owe the answer to an earlier question.
        while !ask(cell) { try await pauseUnlessLate(deadline) }
        wakeWorkers()
        while !cell.isAnswered { try await pauseUnlessLate(deadline) }
        return read(cell)
    }
}
