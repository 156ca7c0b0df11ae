// SPDX-License-Identifier: Apache-2.0
import Foundation
import Model

/// The states that ran, newest last; old ones are forgotten.
struct History: Sendable {
    struct Generation: Sendable {
        var number: UInt64
        var digest: String
        var applied: Date
        var trigger: String
        var changes: Int
        var files: DesiredState
        var edits: RuntimeLayer
    }

    private var generations: [Generation] = []
    private let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var current: Generation? { generations.last }

    mutating func append(_ generation: Generation) {
        if generations.count >= capacity { generations.removeFirst() }
        generations.append(generation)
    }

    func generation(_ number: UInt64) -> Generation? { generations.first { $0.number == number } }

    /// Newest first.
    var entries: [HistoryEntry] {
        generations.reversed()
            .map { generation in
                HistoryEntry(
                    generation: generation.number,
                    digest: generation.digest,
                    applied: generation.applied,
                    trigger: generation.trigger,
                    changes: generation.changes,
                    isCurrent: generation.number == current?.number
                )
            }
    }
}
