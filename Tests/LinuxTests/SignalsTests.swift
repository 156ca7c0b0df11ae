// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import Testing

// A signal goes to every test of the process that listens, so one test listens at a time.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct SignalsTests {
    @Test func `a hangup arrives as a value and ends nothing`() async {
        let signals = Signals([.hangup])
        kill(getpid(), SIGHUP)
        var arrivals = signals.arrivals.makeAsyncIterator()
        #expect(await arrivals.next() == .hangup)
        signals.stop()
        #expect(await arrivals.next() == nil)
    }

    @Test func `who intercepts signals hears them first, and takes those that it wants`() async {
        let signals = Signals([.hangup])
        let (heard, hearing) = AsyncStream.makeStream(of: Signals.Kind.self)
        signals.intercept { kind in
            hearing.yield(kind)
            return true
        }
        kill(getpid(), SIGHUP)
        var hears = heard.makeAsyncIterator()
        #expect(await hears.next() == .hangup)
        signals.intercept { kind in
            hearing.yield(kind)
            return false
        }
        kill(getpid(), SIGHUP)
        #expect(await hears.next() == .hangup)
        var arrivals = signals.arrivals.makeAsyncIterator()
        #expect(await arrivals.next() == .hangup)
        signals.stop()
        #expect(await arrivals.next() == nil, "the first one was taken")
    }
}
