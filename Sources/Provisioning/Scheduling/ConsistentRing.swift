// SPDX-License-Identifier: Apache-2.0
import Balancing

/// Consistent hashing: Karger et al., "Consistent Hashing and Random Trees", STOC 1997.
///
/// Every backend has points on a circle of 2^32 places, more for more weight; a flow belongs to the
/// next point. A backend that comes or goes moves the flows at its own points and no others.
enum ConsistentRing {
    /// Points of the heaviest backend: at most these, and more than half of them.
    static let pointsOfHeaviest = 256
    /// Points of all together, about; above it there are fewer for each.
    static let limit = 1 << 20

    /// The points in ascending order.
    ///
    /// A backend's first points are the same whatever its weight is. Weights are scaled by powers
    /// of two only, so that a changed weight leaves the points of the others alone, unless the
    /// largest weight crosses a power of two.
    static func points(_ backends: [ScheduledBackend]) -> [Scheduler.Point] {
        let order = backends.indicesByIdentity
        let counts = pointCounts(order.map { backends[$0].weight })
        var points: [Scheduler.Point] = []
        points.reserveCapacity(counts.reduce(0, +))
        for (rank, index) in order.enumerated() {
            let identity = backends[index].hash(3)
            for number in 0..<counts[rank] {
                let hash = FixedHash.of(identity, UInt64(number))
                points.append(.init(position: UInt32(hash >> 32), backend: UInt16(rank)))
            }
        }
        // Two at one place are in order of identity, not of the list.
        return points.sorted()
            .map { .init(position: $0.position, backend: UInt16(order[Int($0.backend)])) }
    }

    private static func pointCounts(_ weights: [Int]) -> [Int] {
        var most = pointsOfHeaviest
        while most > 1, most * weights.count > limit { most /= 2 }
        let heaviest = weights.reduce(0, max)
        guard heaviest > 0 else { return [] }
        // 2^bits > heaviest >= 2^(bits - 1), so that heaviest * most / 2^bits is above most / 2.
        let bits = Int.bitWidth - heaviest.leadingZeroBitCount
        return weights.map { max(1, ($0 * most) >> bits) }
    }
}
