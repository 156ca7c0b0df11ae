// SPDX-License-Identifier: Apache-2.0
import Addressing
import Foundation
import Model
import PacketTesting
import Testing

@testable import Provisioning

@Suite struct MaglevTableTests {
    /// Table 1 of the paper: three backends, seven slots, before and after B1 has gone.
    @Test func `the paper's own example comes out`() {
        let claimants = [(0, 3, 4), (1, 0, 2), (2, 3, 1)]
            .map { MaglevTable.Claimant(backend: $0, weight: 1, due: 0, place: $1, skip: $2) }
        #expect(MaglevTable.filled(claimants, size: 7) == [1, 0, 1, 0, 2, 2, 0])
        #expect(
            MaglevTable.filled([claimants[0], claimants[2]], size: 7) == [0, 0, 0, 0, 2, 2, 2]
        )
    }

    @Test func `nobody with a weight leaves the table empty`() {
        #expect(MaglevTable.filled([] as [ScheduledBackend], size: 251) == [])
        #expect(MaglevTable.filled(backends([0, 0]), size: 251) == [])
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the order of the backends does not matter`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<10 {
            let weights = (0..<Int.random(in: 1...40, using: &random))
                .map { _ in Int.random(in: 0...20, using: &random) }
            let original = backends(weights)
            let shuffled = original.shuffled(using: &random)
            let first = MaglevTable.filled(original, size: 1021)
            let second = MaglevTable.filled(shuffled, size: 1021)
            #expect(
                Shares.owners(first, of: original) == Shares.owners(second, of: shuffled),
                "seed \(seed): \(weights)"
            )
        }
    }

    @Test(arguments: [1, 2, 7, 40, 100, 251])
    func `equal backends have shares that differ by one slot`(count: Int) {
        let table = MaglevTable.filled(equalBackends(count), size: 4093)
        let counts = Shares.counts(table, count)
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }

    @Test(arguments: [10, 11, 100])
    func `with the size that services get by default a removal moves few flows of others`(
        count: Int
    ) {
        let size = SchedulerOptions.defaultTableSize(for: count)
        #expect((2...362).allSatisfy { size % $0 != 0 }, "a prime: 362 squared is more")
        let all = equalBackends(count)
        let before = Shares.owners(MaglevTable.filled(all, size: size), of: all)
        var moved: [Double] = []
        for index in stride(from: 0, to: count, by: max(1, count / 5)) {
            var rest = all
            let gone = rest.remove(at: index).endpoint
            let after = Shares.owners(MaglevTable.filled(rest, size: size), of: rest)
            moved.append(Shares.disruption(before, after, without: gone))
        }
        #expect(moved.reduce(0, +) / Double(moved.count) < 0.015)
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func `shares follow the weights, and nobody with a weight is left out`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<10 {
            var weights = (0..<Int.random(in: 2...30, using: &random))
                .map { _ in Int.random(in: 1...100, using: &random) }
            weights.append(0)
            let table = MaglevTable.filled(backends(weights), size: 4093)
            let total = Double(weights.reduce(0, +))
            for (count, weight) in zip(Shares.counts(table, weights.count), weights) {
                let wanted = Double(weight) / total * 4093
                #expect(abs(Double(count) - wanted) <= 2, "seed \(seed): \(weights)")
                #expect((count > 0) == (weight > 0))
            }
        }
        let extreme = MaglevTable.filled(
            backends([65535] + Array(repeating: 1, count: 50)),
            size: 251
        )
        #expect(Set(extreme).count == 51)
    }

    @Test(arguments: [2, 5, 10, 40])
    func `one of n that goes moves its own slots and few others`(count: Int) {
        let all = equalBackends(count)
        let before = Shares.owners(MaglevTable.filled(all, size: 4093), of: all)
        for index in all.indices {
            var rest = all
            let gone = rest.remove(at: index).endpoint
            let after = Shares.owners(MaglevTable.filled(rest, size: 4093), of: rest)
            let disruption = Shares.disruption(before, after, without: gone)
            #expect(disruption < 0.04, "\(gone): \(disruption)")
        }
    }

    @Test func `a changed weight moves about what it has to`() {
        let before = backends([10, 10, 10, 10, 10])
        let after = backends([10, 10, 10, 10, 5])
        let first = MaglevTable.filled(before, size: 4093)
        let second = MaglevTable.filled(after, size: 4093)
        let moved = Double(zip(first, second).count { $0 != $1 }) / 4093
        // 1/5 - 1/9 of all has to.
        #expect(moved > 0.088 && moved < 0.15, "\(moved)")
    }

    // MARK: - What doc/scheduling.md says

    /// Smallest and largest share against the even one, and what the removal of each of ten
    /// backends moves on average.
    private func figures(size: Int, count: Int) -> String {
        let all = equalBackends(count)
        let table = MaglevTable.filled(all, size: size)
        let counts = Shares.counts(table, count)
        let least = counts.min() ?? 0
        let difference = Double((counts.max() ?? 0) - least) / Double(max(1, least))
        let before = Shares.owners(table, of: all)
        let chosen = stride(from: 0, to: count, by: max(1, count / 10))
        var disruptions: [Double] = []
        for index in chosen {
            var rest = all
            let gone = rest.remove(at: index).endpoint
            let after = Shares.owners(MaglevTable.filled(rest, size: size), of: rest)
            disruptions.append(Shares.disruption(before, after, without: gone))
        }
        let disruption = disruptions.reduce(0, +) / Double(disruptions.count)
        let promise = size > 100 * count ? "at most 1 %" : "(none)"
        return "| \(size) | \(count) | \(percent(difference)) | \(promise) "
            + "| \(percent(1 / Double(count))) | \(percent(disruption)) |\n"
    }

    private func percent(_ share: Double) -> String { String(format: "%.2f %%", share * 100) }

    @Test func `the manual tells the figures of these tables`() throws {
        var made =
            "| slots M | backends N | shares differ by | the paper: M > 100 N | moves at least "
        made += "| moves besides |\n|---|---|---|---|---|---|\n"
        for (size, count) in [
            (251, 10), (4093, 10), (4093, 40), (4093, 100), (65537, 100), (65537, 500),
        ] {
            made += figures(size: size, count: count)
        }
        let path = repository.appending(path: "doc/scheduling.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- maglev figures -->\n"))
        let end = try #require(text.range(of: "<!-- end of maglev figures -->"))
        if ProcessInfo.processInfo.environment["RECORD"] != nil {
            let recorded = text[..<start.upperBound] + made + text[end.lowerBound...]
            try recorded.write(to: path, atomically: true, encoding: .utf8)
        } else {
            #expect(text[start.upperBound..<end.lowerBound] == made)
        }
    }
}
