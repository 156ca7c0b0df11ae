// SPDX-License-Identifier: Apache-2.0
import Benchmarking
import Testing

@Suite struct ComparisonTests {
    private static func result(_ name: String, _ cycles: [Double]) throws -> Measurement {
        Measurement(
            name: name,
            cycles: try #require(Statistics(cycles)),
            bare: try #require(Statistics([20]))
        )
    }

    private static func verdict(
        _ before: [Double],
        _ after: [Double],
        tolerance: Double = 10
    ) throws -> Comparison.Verdict {
        let comparison = Comparison(
            from: [try result("a", before)],
            to: [try result("a", after)],
            tolerance: tolerance
        )
        return try #require(comparison.rows.first).verdict
    }

    @Test func `repetitions that overlap say nothing`() throws {
        #expect(try Self.verdict([100, 105, 110], [103, 107, 115]) == .same)
    }

    @Test func `a run whose slowest repetition beats the fastest before is faster`() throws {
        #expect(try Self.verdict([100, 105, 110], [80, 90, 99]) == .faster)
    }

    @Test func `a run beyond the spread and within the tolerance is slower`() throws {
        #expect(try Self.verdict([100, 101, 102], [105, 106, 107]) == .slower)
    }

    @Test func `a run beyond the tolerance is a regression, even within the spread`() throws {
        #expect(try Self.verdict([100, 101, 102], [115, 116, 117]) == .regression)
        #expect(try Self.verdict([100, 101, 200], [99, 116, 117]) == .regression)
        #expect(try Self.verdict([100], [115], tolerance: 20) == .slower)
    }

    @Test func `runs of one side only are named and fail nothing`() throws {
        let comparison = Comparison(
            from: [try Self.result("a", [1]), try Self.result("b", [1])],
            to: [try Self.result("b", [1]), try Self.result("c", [9])],
            tolerance: 10
        )
        #expect(comparison.rows.map(\.name) == ["b"])
        #expect(comparison.unpaired == ["a", "c"])
        #expect(!comparison.hasRegression)
    }
}
