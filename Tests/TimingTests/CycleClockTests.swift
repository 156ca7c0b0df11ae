// SPDX-License-Identifier: Apache-2.0
import PacketTesting
import Testing
import Timing

@Suite struct CycleClockTests {
    private static let start = Instant(nanoseconds: 5_000)

    @Test(arguments: [1, 24_000_000, 1_000_000_000, 2_893_437_000, 5_000_000_000] as [UInt64])
    func `it begins at its start and a second is a second`(frequency: UInt64) {
        let clock = CycleClock(frequency: frequency, cycles: 1_000, instant: Self.start)
        #expect(clock.instant(at: 1_000) == Self.start)
        for seconds in [1, 60, 86_400] as [UInt64] {
            let instant = clock.instant(at: 1_000 + frequency * seconds)
            let passed = instant.nanoseconds - Self.start.nanoseconds
            let exact = seconds * 1_000_000_000
            // The scale is cut at 2^-32 ns a cycle.
            let error = (frequency * seconds) >> 32 + 1
            #expect(passed <= exact && exact - passed <= error)
        }
    }

    @Test func `the counter may wrap`() {
        let clock = CycleClock(frequency: 1_000_000_000, cycles: .max - 9, instant: Self.start)
        #expect(clock.instant(at: 10).nanoseconds == 5_020)
    }

    @Test func `a hundred years do not overflow`() {
        let frequency: UInt64 = 3_000_000_000
        let clock = CycleClock(frequency: frequency, cycles: 0, instant: Instant(nanoseconds: 0))
        let seconds: UInt64 = 36_525 * 86_400
        let nanoseconds = clock.instant(at: frequency * seconds).nanoseconds
        #expect(
            nanoseconds / 1_000_000_000 >= seconds - 3 && nanoseconds <= seconds * 1_000_000_000
        )
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `time never goes back`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let frequency = UInt64.random(in: 1_000_000...5_000_000_000, using: &random)
        var cycles = random.next() >> 8
        let clock = CycleClock(frequency: frequency, cycles: cycles, instant: Self.start)
        var last = Self.start
        for _ in 0..<2_000 {
            cycles += UInt64.random(in: 0...1 << 30, using: &random)
            let instant = clock.instant(at: cycles)
            #expect(instant >= last, "seed \(seed)")
            last = instant
        }
    }
}
