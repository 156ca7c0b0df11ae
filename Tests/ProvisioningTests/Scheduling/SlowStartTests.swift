// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Testing
import Timing

@testable import Provisioning

@Suite struct SlowStartTests {
    private let start = Instant(nanoseconds: 50_000_000_000)

    private func state(
        _ weights: [Int],
        scheduler: SchedulerKind = .wrr,
        slowStart: Duration? = .seconds(10)
    ) -> DesiredState {
        DesiredState(services: [
            Service(
                key: .init(address: .v4(IPv4Address(10, 0, 0, 100)), port: 80, protocol: .tcp),
                name: "web",
                scheduler: scheduler,
                slowStart: slowStart,
                backends: weights.enumerated()
                    .map { index, weight in
                        let address = IPAddress.v4(IPv4Address(10, 0, 1, UInt8(index)))
                        return Backend(endpoint: Endpoint(address, 80), weight: weight)
                    }
            )
        ])
    }

    private func weights(_ slowStart: SlowStart, _ state: DesiredState, after seconds: Int) -> [Int]
    {
        slowStart.weights(of: state.services[0], at: start.advanced(by: .seconds(seconds)))
    }

    @Test func `a backend that joins others comes up evenly from a tenth`() {
        let new = state([4, 8])
        let slowStart = SlowStart().following(from: state([4]), to: new, at: start)
        #expect(!slowStart.isEmpty)
        #expect(weights(slowStart, new, after: 0) == [4096, 8 * 102])
        #expect(weights(slowStart, new, after: 1) == [4096, 8 * 102])
        #expect(weights(slowStart, new, after: 5) == [4096, 8 * 512])
        #expect(weights(slowStart, new, after: 10) == [4, 8])
        let end = start.advanced(by: .seconds(10))
        #expect(slowStart.following(from: new, to: new, at: end).isEmpty)
    }

    @Test func `going on does not start it anew, and other changes neither`() {
        let new = state([4, 8])
        let begun = SlowStart().following(from: state([4]), to: new, at: start)
        let changed = state([5, 16, 0])
        let later = begun.following(from: new, to: changed, at: start.advanced(by: .seconds(4)))
        #expect(weights(later, changed, after: 5) == [5120, 16 * 512, 0])
    }

    @Test func `a backend that is back from weight 0 starts slowly as well`() {
        let new = state([1, 1])
        let slowStart = SlowStart().following(from: state([1, 0]), to: new, at: start)
        #expect(weights(slowStart, new, after: 5) == [1024, 512])
    }

    @Test(
        arguments: [
            ([], [1, 1]), ([0, 0], [1, 1]), ([1, 1], [1, 1]), ([1, 1], [2, 1]), ([1, 1], [1]),
        ] as [([Int], [Int])]
    )
    func `nobody starts slowly when nobody serves or nobody comes`(old: [Int], new: [Int]) {
        let slowStart = SlowStart().following(from: state(old), to: state(new), at: start)
        #expect(slowStart.isEmpty)
        #expect(weights(slowStart, state(new), after: 0) == new)
    }

    @Test func `the program starts at once, and so does a service without slow start`() {
        let first = SlowStart().following(from: DesiredState(), to: state([1, 1]), at: start)
        #expect(first.isEmpty)
        let without = state([1, 1], slowStart: nil)
        #expect(SlowStart().following(from: state([1]), to: without, at: start).isEmpty)
    }

    @Test func `who drains or goes in the middle is forgotten`() {
        let new = state([1, 1])
        let begun = SlowStart().following(from: state([1]), to: new, at: start)
        #expect(begun.following(from: new, to: state([1, 0]), at: start).isEmpty)
        #expect(begun.following(from: new, to: state([1]), at: start).isEmpty)
    }

    @Test(arguments: [SchedulerKind.rr, .lc, .dh])
    func `schedulers without weights know shares in slow start`(scheduler: SchedulerKind) {
        let old = state([7], scheduler: scheduler)
        let new = state([7, 3, 0], scheduler: scheduler)
        #expect(weights(SlowStart(), new, after: 0) == [1, 1, 0])
        let slowStart = SlowStart().following(from: old, to: new, at: start)
        #expect(weights(slowStart, new, after: 5) == [1024, 512, 0])
    }
}

extension SlowStart {
    /// The same where `old` is all that is known.
    fileprivate func following(
        from old: DesiredState,
        to new: DesiredState,
        at now: Instant
    ) -> SlowStart {
        following(to: new, at: now) { key in old.services.first { $0.key == key } }
    }
}
