// SPDX-License-Identifier: Apache-2.0

/// The order in which backends are chosen, one circle of it.
enum ScheduleSequence {
    /// A circle is at most this long, and one turn longer for each backend that would have none;
    /// larger weights are scaled, which moves shares by less than one part in this.
    static let limit = 1 << 14

    /// Indices into `weights`, each as often as its weight asks and spread as evenly as it goes.
    ///
    /// Earliest deadline first: the k-th turn of an index with weight w is due at (k + 1/2) / w of
    /// the circle. Zero weights get no turn.
    static func weighted(_ weights: [Int]) -> [Int] {
        let turns = scaled(weights)
        let total = turns.reduce(0, +)
        guard total > 0 else { return [] }
        var due: [(time: Double, index: Int)] = []
        due.reserveCapacity(total)
        for (index, count) in turns.enumerated() {
            for turn in 0..<count { due.append(((Double(turn) + 0.5) / Double(count), index)) }
        }
        due.sort { ($0.time, $0.index) < ($1.time, $1.index) }
        return due.map(\.index)
    }

    /// Every index with a weight above zero, once.
    static func plain(_ weights: [Int]) -> [Int] { weights.indices.filter { weights[$0] > 0 } }

    /// The smallest whole numbers in the same proportion; at least 1 where the weight is not 0.
    private static func scaled(_ weights: [Int]) -> [Int] {
        let divisor = weights.reduce(0, greatestCommonDivisor)
        guard divisor > 0 else { return weights }
        let reduced = weights.map { $0 / divisor }
        let total = reduced.reduce(0, +)
        guard total > limit else { return reduced }
        return reduced.map { $0 == 0 ? 0 : max(1, $0 * limit / total) }
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        right == 0 ? left : greatestCommonDivisor(right, left % right)
    }
}
