// SPDX-License-Identifier: Apache-2.0
import Model
import Testing
import Timing

@testable import Provisioning

@Suite struct BackendHealthTests {
    private var health = BackendHealth()

    private mutating func see(
        _ failures: UInt64,
        _ successes: UInt64 = 0,
        at seconds: Int,
        _ check: DestCheck,
        mayInhibit: Bool = true
    ) -> BackendHealth.Event? {
        health.observed(
            failures: failures,
            successes: successes,
            check,
            mayInhibit: mayInhibit,
            at: Instant(nanoseconds: 0).advanced(by: .seconds(seconds))
        )
    }

    @Test mutating func `failures add up within the window only`() {
        let check = DestCheck(downNotice: 3, downWait: .seconds(3))
        #expect(see(2, at: 10, check) == nil)
        #expect(see(1, at: 14, check) == nil, "the first two are forgotten")
        #expect(see(1, at: 15, check) == nil)
        #expect(see(1, at: 16, check) == .inhibited(.seconds(5)))
    }

    @Test mutating func `a success in between begins the count anew`() {
        let check = DestCheck(downNotice: 2)
        #expect(see(1, at: 10, check) == nil)
        #expect(see(5, 1, at: 11, check) == nil)
        #expect(see(1, at: 12, check) == nil)
        #expect(see(1, at: 13, check) == .inhibited(.seconds(5)))
    }

    @Test mutating func `exclusions double up to the longest and halve down to the first`() {
        let check = DestCheck(upNotice: 2, inhibit: .seconds(5) ... .seconds(12))
        var now = 0
        for length in [5, 10, 12, 12] {
            #expect(see(1, at: now, check) == .inhibited(.seconds(length)))
            #expect(see(0, at: now + length - 1, check) == nil)
            #expect(see(0, at: now + length, check) == .serving)
            now += length
        }
        #expect(see(0, 1, at: now, check) == nil)
        #expect(see(0, 9, at: now, check) == nil)
        #expect(see(1, at: now, check) == .inhibited(.seconds(6)))
    }

    @Test mutating func `without a way back it stays out`() {
        let check = DestCheck(inhibit: nil)
        #expect(see(1, at: 1, check) == .inhibited(nil))
        #expect(see(0, 5, at: 1_000_000, check) == nil && health.isInhibited)
    }

    @Test mutating func `one that must serve stays whatever happens, and goes when it may`() {
        #expect(see(9, at: 1, DestCheck(), mayInhibit: false) == nil)
        #expect(see(1, at: 2, DestCheck()) == .inhibited(.seconds(5)))
    }

    @Test mutating func `an exclusion keeps within a range that a reload has narrowed`() {
        let wide = DestCheck(inhibit: .seconds(60) ... .seconds(600))
        let narrow = DestCheck(inhibit: .seconds(1) ... .seconds(10))
        #expect(see(1, at: 0, wide) == .inhibited(.seconds(60)))
        #expect(see(0, at: 60, wide) == .serving)
        #expect(see(1, at: 61, narrow) == .inhibited(.seconds(10)))
    }
}
