// SPDX-License-Identifier: Apache-2.0
import PacketTesting
import Testing

@testable import Provisioning

@Suite struct ScheduleSequenceTests {
    @Test(
        arguments: [
            ([], []),
            ([0], []),
            ([0, 0], []),
            ([1], [0]),
            ([7], [0]),
            ([1, 1, 1], [0, 1, 2]),
            ([5, 5], [0, 1]),
            ([100, 0, 100], [0, 2]),
            ([2, 1], [0, 1, 0]),
            ([1, 3], [1, 0, 1, 1]),
            ([4, 2], [0, 1, 0]),
            ([3, 2, 1], [0, 1, 0, 2, 1, 0]),
            ([65535, 65535], [0, 1]),
        ] as [([Int], [Int])]
    )
    func `each backend has its share, spread evenly`(weights: [Int], sequence: [Int]) {
        #expect(ScheduleSequence.weighted(weights) == sequence)
    }

    @Test(
        arguments: [
            ([], 4, []), ([0, 0], 4, []), ([1], 3, [0, 0, 0]), ([0, 2, 2], 4, [1, 2, 1, 2]),
            ([3, 1], 8, [0, 0, 1, 0, 0, 0, 1, 0]), ([1, 1, 1], 4, [0, 1, 2, 0]),
        ] as [([Int], Int, [Int])]
    )
    func `a table of a given size is filled in proportion`(
        weights: [Int],
        count: Int,
        sequence: [Int]
    ) {
        #expect(ScheduleSequence.filled(weights, count: count) == sequence)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `turns are exactly in proportion as long as the circle fits`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let weights = (0..<Int.random(in: 1...12, using: &random))
                .map { _ in Int.random(in: 0...100, using: &random) }
            let sequence = ScheduleSequence.weighted(weights)
            let total = weights.reduce(0, +)
            for (index, weight) in weights.enumerated() where total > 0 {
                let turns = sequence.count { $0 == index }
                #expect(turns * total == weight * sequence.count, "seed \(seed): \(weights)")
            }
        }
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func `at any place all have their share, give or take half a turn of each`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let weights = (0..<Int.random(in: 2...6, using: &random))
                .map { _ in Int.random(in: 1...40, using: &random) }
            let sequence = ScheduleSequence.weighted(weights)
            let total = Double(weights.reduce(0, +))
            let halfTurns = 0.5 * Double(weights.count + 1)
            var turns = [Int](repeating: 0, count: weights.count)
            for (place, index) in sequence.enumerated() {
                turns[index] += 1
                for (other, weight) in weights.enumerated() {
                    let share = Double(place + 1) * Double(weight) / total
                    let lead = abs(Double(turns[other]) - share)
                    #expect(lead <= halfTurns, "seed \(seed): \(weights) at \(place)")
                }
            }
        }
    }

    @Test func `large weights are scaled, and shares move by less than a part in the limit`() {
        let weights = [65535, 65534, 40000, 1, 0]
        let sequence = ScheduleSequence.weighted(weights)
        #expect(sequence.count <= ScheduleSequence.limit)
        let total = Double(weights.reduce(0, +))
        for (index, weight) in weights.enumerated() {
            let turns = sequence.count { $0 == index }
            let share = Double(turns) / Double(sequence.count)
            let error = abs(share - Double(weight) / total)
            #expect(error < 1 / Double(ScheduleSequence.limit), "weight \(weight): \(turns) turns")
            #expect((turns == 0) == (weight == 0))
        }
    }

    @Test func `the smallest backend of many keeps a turn`() {
        let weights = [65535] + [Int](repeating: 1, count: 500)
        let sequence = ScheduleSequence.weighted(weights)
        #expect(Set(sequence) == Set(weights.indices))
        #expect(sequence.count <= ScheduleSequence.limit + 500)
    }
}
