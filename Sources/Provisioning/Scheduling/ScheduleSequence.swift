// SPDX-License-Identifier: Apache-2.0
import Balancing

/// The order in which backends are chosen, one circle of it.
enum ScheduleSequence {
    /// A circle is at most this long, and one turn longer for each backend that would have none;
    /// larger weights are scaled, which moves shares by less than one part in this.
    static let limit = 1 << 14

    /// Indices into `weights`, each as often as its weight asks and spread as evenly as it goes.
    ///
    /// Earliest deadline first: the k-th turn of an index with weight w is due at (k + 1/2) / w of
    /// the circle. Zero weights get no turn.
    static func weighted(_ weights: [Int], limit: Int = limit) -> [Int] {
        let turns = scaled(weights, limit)
        return inOrder(turns, of: turns)
    }

    /// Exactly `count` turns in proportion to the weights, give or take one for each index.
    static func filled(_ weights: [Int], count: Int) -> [Int] {
        let total = weights.reduce(0, +)
        guard total > 0 else { return [] }
        let turns = weights.map { $0 == 0 ? 0 : $0 * count / total + 1 }
        return Array(inOrder(turns, of: weights).prefix(count))
    }

    /// The first `turns` of each index, by when they are due.
    private static func inOrder(_ turns: [Int], of weights: [Int]) -> [Int] {
        var due: [(time: Double, index: Int)] = []
        due.reserveCapacity(turns.reduce(0, +))
        for (index, count) in turns.enumerated() {
            let weight = Double(weights[index])
            for turn in 0..<count { due.append(((Double(turn) + 0.5) / weight, index)) }
        }
        due.sort { ($0.time, $0.index) < ($1.time, $1.index) }
        return due.map(\.index)
    }

    /// The smallest whole numbers in the same proportion; at least 1 where the weight is not 0.
    private static func scaled(_ weights: [Int], _ limit: Int) -> [Int] {
        let divisor = weights.reduce(0, greatestCommonDivisor)
        guard divisor > 0 else { return weights }
        let reduced = weights.map { $0 / divisor }
        let total = reduced.reduce(0, +)
        guard total > limit else { return reduced }
        return reduced.map { $0 == 0 ? 0 : max(1, $0 * limit / total) }
    }
}
