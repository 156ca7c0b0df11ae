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

    /// Frames of 12 000 bits, as fast as the line that carries them, which is twice the limit.
    @Test(arguments: [1, 300, 700, 1_500, 10_000, 100_000, 1_000_000] as [UInt64])
    func `of a line twice as fast as the limit half the bits pass, whatever the rate`(
        megabits: UInt64
    ) throws {
        let words = try #require(CounterBlock(count: RateLimiter.stride))
        defer { words.destroy() }
        let limiter = RateLimiter(perSecond: megabits * 1_000_000)
        let frames: UInt64 = 1_000_000
        // Picoseconds between frames: 12 000 bits at twice the rate.
        let spacing = 12_000 * 1_000_000 / (2 * megabits)
        // The burst is used up first.
        let start = Instant(nanoseconds: 1_000_000_000)
        while limiter.admit(12_000, at: 0, of: words, now: start) {}
        let passed = (0..<frames)
            .count { frame in
                let now = Instant(nanoseconds: 1_000_000_000 + frame * spacing / 1000)
                return limiter.admit(12_000, at: 0, of: words, now: now)
            }
        let share = Double(passed) / Double(frames)
        #expect(abs(share - 0.5) < 0.005, "\(share)")
    }

    @Test(arguments: [(1, 1), (8 * 65_535, 12_000)] as [(UInt64, UInt64)])
    func `a rate that is raised holds at once, whatever the one before left unpaid`(
        largest: UInt64,
        units: UInt64
    ) throws {
        let words = try #require(CounterBlock(count: RateLimiter.stride))
        defer { words.destroy() }
        func passes(_ perSecond: UInt64, after milliseconds: UInt64) -> Bool {
            let now = Instant(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000)
            return RateLimiter(perSecond: perSecond)
                .admit(units, largest: largest, at: 0, of: words, now: now)
        }
        let slow = units / 100 + 1
        #expect(passes(slow, after: 0), "paid for in a second or more")
        #expect(!passes(slow, after: 300) && !passes(slow, after: 600))
        #expect(!passes(1_000_000_000, after: 700))
        #expect(passes(1_000_000_000, after: 701))
    }

    @Test(
        arguments: [
            (1_000, 96_000), (1, 96_000), (1, UInt64.max), (1_000_000_000_000, 96_000),
        ] as [(UInt64, UInt64)]
    )
    func `a cost beyond a word is a long one, not a short one`(rate: UInt64, units: UInt64) throws {
        let words = try #require(CounterBlock(count: RateLimiter.stride))
        defer { words.destroy() }
        let limiter = RateLimiter(perSecond: rate)
        let now = Instant(nanoseconds: 1_000_000_000)
        #expect(limiter.admit(units, at: 0, of: words, now: now))
        // Paid for a second later only if it cost no more than a second and what may pass at once.
        let later = now.advanced(by: .seconds(1))
        let isPaid = Double(units) / Double(rate) <= 1.1
        #expect(limiter.admit(units, at: 0, of: words, now: later) == isPaid)
    }

    @Test func `packets at hundreds of millions a second are counted to a hundredth`() throws {
        let words = try #require(CounterBlock(count: RateLimiter.stride))
        defer { words.destroy() }
        let limiter = RateLimiter(perSecond: 700_000_000)
        let now = Instant(nanoseconds: 1_000_000_000)
        var passed = 0
        while limiter.admit(1000, at: 0, of: words, now: now) { passed += 1000 }
        // A tenth of a second.
        #expect(abs(Double(passed) / 70_000_000 - 1) < 0.01, "\(passed)")
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
