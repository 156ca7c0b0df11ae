// SPDX-License-Identifier: Apache-2.0
import Containers
import Testing
import Timing

@testable import Balancing

@Suite struct RateLimiterTests {
    private func admitted(_ limiter: RateLimiter, milliseconds: Range<UInt64>) throws -> Int {
        let words = try #require(CounterBlock(count: RateLimiter.stride))
        defer { words.destroy() }
        return milliseconds.count { time in
            let now = Instant(nanoseconds: time * 1_000_000)
            return limiter.admit(1, at: 0, of: words, now: now)
        }
    }

    @Test(arguments: [1, 7, 100, 999] as [UInt64])
    func `in ten seconds ten times the rate passes, and what may come at once`(
        rate: UInt64
    ) throws {
        let count = try admitted(RateLimiter(perSecond: rate), milliseconds: 0..<10_000)
        let expected = Int(rate) * 10
        #expect((expected...expected + Int(rate) / 10 + 1).contains(count), "\(count)")
    }

    @Test func `what was not used long ago is not saved up`() throws {
        let words = try #require(CounterBlock(count: RateLimiter.stride))
        defer { words.destroy() }
        let limiter = RateLimiter(perSecond: 100)
        let now = Instant(nanoseconds: 3_600_000_000_000)
        let atOnce = (0..<500).count { _ in limiter.admit(1, at: 0, of: words, now: now) }
        #expect(atOnce == 11)
    }

    @Test func `a limiter without a rate says so`() {
        #expect(RateLimiter().isUnlimited && RateLimiter(perSecond: 0).isUnlimited)
        #expect(!RateLimiter(perSecond: .max).isUnlimited)
    }

    @Test func `threads together get no more than the rate allows`() async throws {
        let words = try #require(CounterBlock(count: RateLimiter.stride))
        defer { words.destroy() }
        let limiter = RateLimiter(perSecond: 10_000)
        let now = Instant(nanoseconds: 1_000_000_000)
        let total = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<5000).count { _ in limiter.admit(1, at: 0, of: words, now: now) }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(total == 1001)
    }
}
