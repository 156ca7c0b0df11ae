// SPDX-License-Identifier: Apache-2.0
import Testing
import Timing

@testable import Instance

@Suite struct WorkerHeartbeatsTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func after(_ seconds: Int) -> Instant { start.advanced(by: .seconds(seconds)) }

    @Test func `a worker that turns is never stalled`() {
        var beats = WorkerHeartbeats(workers: 1, at: start)
        for second in 1...100 {
            beats.note([UInt64(second)], at: after(second))
            #expect(beats.stalled(at: after(second)) == [])
        }
    }

    @Test func `the worker that stands still is named, and only after the limit`() {
        var beats = WorkerHeartbeats(workers: 3, at: start)
        for second in 1...4 {
            beats.note([UInt64(second), 7, UInt64(second)], at: after(second))
        }
        #expect(beats.stalled(at: after(5)) == [])
        beats.note([5, 7, 5], at: after(6))
        #expect(beats.stalled(at: after(6)) == [1])
        #expect(beats.ages(at: after(6)) == [.zero, .seconds(5), .zero])
    }

    @Test func `a worker that goes on is alive at once`() {
        var beats = WorkerHeartbeats(workers: 1, at: start)
        #expect(beats.stalled(at: after(60)) == [0])
        beats.note([1], at: after(60))
        #expect(beats.stalled(at: after(60)) == [])
    }

    @Test func `a worker that never turned is stalled`() {
        var beats = WorkerHeartbeats(workers: 1, at: start)
        beats.note([0], at: after(10))
        #expect(beats.stalled(at: after(10)) == [0])
    }

    @Test func `nobody looking counts as nobody turning`() {
        var beats = WorkerHeartbeats(workers: 2, at: start)
        beats.note([1, 1], at: after(1))
        #expect(beats.stalled(at: after(7)) == [0, 1])
    }

    @Test func `a clock that is read late makes no age`() {
        let beats = WorkerHeartbeats(workers: 1, at: start)
        #expect(beats.ages(at: Instant(nanoseconds: 0)) == [.zero])
    }
}
