// SPDX-License-Identifier: Apache-2.0
import Benchmarking
import Testing

@Suite struct StatisticsTests {
    @Test func `an odd number of values has the middle one as its median`() {
        let statistics = Statistics([3, 1, 2])
        #expect(statistics?.fastest == 1)
        #expect(statistics?.median == 2)
        #expect(statistics?.slowest == 3)
        #expect(statistics?.spread == 3)
    }

    @Test func `an even number of values has the mean of the middle two`() {
        #expect(Statistics([4, 1, 2, 3])?.median == 2.5)
    }

    @Test func `no values say nothing`() {
        #expect(Statistics([]) == nil)
    }
}
