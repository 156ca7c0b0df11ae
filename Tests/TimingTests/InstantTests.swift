// SPDX-License-Identifier: Apache-2.0
import PacketTesting
import Testing
import Timing

@Suite struct InstantTests {
    private let hour = Instant(nanoseconds: 3_600_000_000_000)

    @Test(
        arguments: [
            (.zero, 0), (.nanoseconds(1), 1), (.milliseconds(100), 100_000_000),
            (.seconds(90), 90_000_000_000), (.seconds(-1), 0), (.milliseconds(-1), 0),
            (.seconds(36_525 * 86_400), 3_155_760_000_000_000_000),
        ] as [(Duration, UInt64)]
    )
    func `durations are whole nanoseconds, never negative`(duration: Duration, count: UInt64) {
        #expect(duration.wholeNanoseconds == count)
        #expect(hour.advanced(by: duration).nanoseconds == hour.nanoseconds + count)
    }

    @Test(arguments: [Duration.seconds(18_446_744_074), .seconds(1 << 40), .seconds(Int64.max)])
    func `longer than the clock is the end of the clock`(duration: Duration) {
        #expect(duration.wholeNanoseconds == .max)
        #expect(hour.advanced(by: duration) >= hour)
    }

    @Test func `less than a nanosecond does not count`() {
        let duration = Duration(secondsComponent: 0, attosecondsComponent: 999_999_999)
        #expect(duration.wholeNanoseconds == 0)
    }

    @Test func `a tick begins every 134 milliseconds`() {
        #expect(Instant(nanoseconds: 0).tick.rawValue == 0)
        #expect(Instant(nanoseconds: 1 << 27 - 1).tick.rawValue == 0)
        #expect(Instant(nanoseconds: 1 << 27).tick.rawValue == 1)
        #expect(Instant(nanoseconds: .max).tick.rawValue == .max)
    }
}

@Suite struct TickTests {
    @Test(
        arguments: [
            (10, 4, 6), (4, 10, -6), (0, .max, 1), (.max, 0, -1), (5, 5, 0),
            (0x8000_0001, 2, Int32.max), (2, 0x8000_0001, -Int32.max),
        ] as [(UInt32, UInt32, Int32)]
    )
    func `distances survive the wrap`(later: UInt32, earlier: UInt32, distance: Int32) {
        #expect(Tick(rawValue: later).distance(from: Tick(rawValue: earlier)) == distance)
    }

    @Test func `adding wraps`() {
        #expect(Tick(rawValue: .max) + 3 == Tick(rawValue: 2))
    }

    @Test(
        arguments: [
            (.zero, 1), (.nanoseconds(1), 2), (.nanoseconds(1 << 27), 2),
            (.nanoseconds(1 << 27 + 1), 3), (.seconds(90), 672), (.seconds(-5), 1),
        ] as [(Duration, UInt32)]
    )
    func `a duration is covered by its ticks and the one already begun`(
        duration: Duration,
        count: UInt32
    ) {
        #expect(Tick.count(covering: duration) == count)
    }

    /// Half of all ticks is as far as comparisons reach: 9 years.
    @Test(arguments: [
        Duration.seconds(288_230_376), .seconds(10 * 365 * 86_400), .seconds(36_525 * 86_400),
        .seconds(Int64.max),
    ])
    func `longer than ticks can compare is as long as they can`(duration: Duration) {
        #expect(Tick.count(covering: duration) == 0x7FFF_FFFF)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `a covered duration has passed when its ticks have, and not long before`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let start = Instant(nanoseconds: random.next() >> 2)
            let duration = Duration.nanoseconds(Int64.random(in: 0...1 << 40, using: &random))
            let count = Tick.count(covering: duration)
            let end = start.advanced(by: duration)
            #expect(end.tick.distance(from: start.tick) <= count, "seed \(seed): fires early")
            let late = end.advanced(by: .nanoseconds(2 << 27))
            #expect(late.tick.distance(from: start.tick) >= count, "seed \(seed): fires late")
        }
    }
}
