// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import PacketTesting
import Testing

@testable import Provisioning

@Suite struct ConsistentRingTests {
    /// The share of the circle that belongs to each backend.
    private func shares(_ backends: [ScheduledBackend]) -> [Double] {
        let points = ConsistentRing.points(backends)
        var shares = Array(repeating: 0.0, count: backends.count)
        var previous = Double(points.last?.position ?? 0) - 4294967296
        for point in points {
            shares[Int(point.backend)] += (Double(point.position) - previous) / 4294967296
            previous = Double(point.position)
        }
        return shares
    }

    /// Who owns each of some places of the circle.
    private func owners(_ backends: [ScheduledBackend]) -> [Endpoint] {
        let points = ConsistentRing.points(backends)
        var next = 0
        return (0..<8192)
            .map { place in
                while next < points.count, points[next].position < UInt32(place) << 19 { next += 1 }
                return backends[Int(points[next == points.count ? 0 : next].backend)].endpoint
            }
    }

    @Test func `nobody with a weight has no points`() {
        #expect(ConsistentRing.points([]).isEmpty)
        #expect(ConsistentRing.points(backends([0, 0])).isEmpty)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `points are in order, and the order of the backends does not matter`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let original = backends((0..<20).map { _ in Int.random(in: 0...9, using: &random) })
        let shuffled = original.shuffled(using: &random)
        let first = ConsistentRing.points(original)
        let second = ConsistentRing.points(shuffled)
        #expect(first.map(\.position) == second.map(\.position))
        #expect(first.map(\.position) == first.map(\.position).sorted())
        #expect(
            first.map { original[Int($0.backend)].endpoint }
                == second.map { shuffled[Int($0.backend)].endpoint }
        )
    }

    @Test func `shares follow the weights`() {
        for (share, weight) in zip(shares(backends([4, 2, 1, 1, 0])), [4, 2, 1, 1, 0]) {
            #expect(abs(share - Double(weight) / 8) < 0.08, "weight \(weight): \(share)")
            #expect((share > 0) == (weight > 0))
        }
    }

    @Test(arguments: [2, 5, 20])
    func `a backend that goes moves its own flows and no others`(count: Int) {
        let all = equalBackends(count)
        let before = owners(all)
        for index in all.indices {
            var rest = all
            let gone = rest.remove(at: index).endpoint
            #expect(Shares.disruption(before, owners(rest), without: gone) == 0)
        }
    }

    @Test func `a weight that shrinks moves flows away from it and none between others`() {
        let before = backends([100, 100, 60])
        for weight in [59, 37, 1, 0] {
            let after = backends([100, 100, weight])
            let moved = zip(owners(before), owners(after)).filter { $0 != $1 }
            #expect(moved.allSatisfy { $0.0 == before[2].endpoint })
            #expect(!moved.isEmpty || weight == 59)
        }
    }

    @Test func `weights in parts give the points of whole ones`() {
        let whole = ConsistentRing.points(backends([3, 7]))
        #expect(whole == ConsistentRing.points(backends([3, 7].map { $0 * SlowStart.parts })))
    }
}
