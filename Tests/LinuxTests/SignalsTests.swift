// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SignalsTests {
    @Test func `a hangup arrives as a value and ends nothing`() async {
        let signals = Signals([.hangup])
        kill(getpid(), SIGHUP)
        var arrivals = signals.arrivals.makeAsyncIterator()
        #expect(await arrivals.next() == .hangup)
        signals.stop()
        #expect(await arrivals.next() == nil)
    }
}
