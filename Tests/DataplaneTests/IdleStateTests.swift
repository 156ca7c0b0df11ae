// SPDX-License-Identifier: Apache-2.0
import Testing
import Timing

@testable import Dataplane

@Suite struct IdleStateTests {
    private func at(_ microseconds: UInt64) -> Instant {
        Instant(nanoseconds: 1_000_000_000 + microseconds * 1000)
    }

    private let milliseconds: UInt64 = 1_000_000

    @Test func `a worker with signals polls for its patience, then waits for one`() {
        var state = IdleState(Idling(patience: .microseconds(50), descriptors: [3]), now: at(0))
        #expect(state.step(handled: 0, now: at(49)) == .poll)
        #expect(state.step(handled: 0, now: at(50)) == .wait(20 * milliseconds))
        // Woken by time: it does not poll again first.
        #expect(state.step(handled: 0, now: at(20_050)) == .wait(20 * milliseconds))
    }

    @Test func `a packet brings the whole patience back`() {
        var state = IdleState(Idling(patience: .microseconds(50), descriptors: []), now: at(0))
        #expect(state.step(handled: 0, now: at(5000)) == .wait(20 * milliseconds))
        #expect(state.step(handled: 1, now: at(5010)) == .poll)
        #expect(state.step(handled: 0, now: at(5059)) == .poll)
        #expect(state.step(handled: 0, now: at(5060)) == .wait(20 * milliseconds))
    }

    @Test func `without signals naps stay short at first and then double to their longest`() {
        var state = IdleState(Idling(patience: .microseconds(100)), now: at(0))
        #expect(state.step(handled: 0, now: at(100)) == .wait(50_000))
        #expect(state.step(handled: 0, now: at(99_999)) == .wait(50_000))
        var naps: [UInt64] = []
        for number in 0..<7 {
            guard case .wait(let nap) = state.step(handled: 0, now: at(100_000 + UInt64(number)))
            else { break }
            naps.append(nap / 1000)
        }
        #expect(naps == [100, 200, 400, 800, 1600, 2000, 2000])
        _ = state.step(handled: 4, now: at(200_000))
        #expect(state.step(handled: 0, now: at(200_100)) == .wait(50_000))
    }

    @Test func `a worker without patience for sleep polls for ever`() {
        var state = IdleState(.never, now: at(0))
        #expect(state.step(handled: 0, now: at(3_600_000_000)) == .poll)
    }

    @Test
    func
        `a queue that has packets and gives no signal is looked at after naps, until it gives one`()
    {
        var state = IdleState(Idling(patience: .microseconds(50), descriptors: []), now: at(0))
        for number in 1...2 as ClosedRange<UInt64> {
            #expect(state.step(handled: 0, now: at(number * 40_000)) == .wait(20 * milliseconds))
            state.woke(bySignal: false)
            #expect(state.step(handled: 1, now: at(number * 40_000 + 20_000)) == .poll)
        }
        #expect(state.step(handled: 0, now: at(120_000)) == .wait(50_000))
        state.woke(bySignal: true)
        #expect(state.step(handled: 1, now: at(120_010)) == .poll)
        #expect(state.step(handled: 0, now: at(160_000)) == .wait(20 * milliseconds))
    }

    @Test func `a wait that ends by time without packets says nothing about signals`() {
        var state = IdleState(Idling(patience: .microseconds(50), descriptors: []), now: at(0))
        for number in 1...9 as ClosedRange<UInt64> {
            #expect(state.step(handled: 0, now: at(number * 20_000)) == .wait(20 * milliseconds))
            state.woke(bySignal: false)
        }
    }

    @Test func `a clock that is behind counts as no time`() {
        var state = IdleState(Idling(patience: .microseconds(50), descriptors: []), now: at(10))
        #expect(state.step(handled: 0, now: at(5)) == .poll)
    }
}
