// SPDX-License-Identifier: Apache-2.0
import Reload
import Testing

struct DebouncerTests {
    let start = ContinuousClock.now
    private func at(_ milliseconds: Int) -> ContinuousClock.Instant {
        start + .milliseconds(milliseconds)
    }

    @Test func `without events nothing is due`() {
        var debouncer = Debouncer()
        #expect(debouncer.due == nil)
        let isDue = debouncer.due(at: at(10_000))
        #expect(!isDue)
    }

    @Test(arguments: [(199, false), (200, true)])
    func `one event is due when it has been quiet`(time: Int, expected: Bool) {
        var debouncer = Debouncer()
        debouncer.received(at: at(0))
        let isDue = debouncer.due(at: at(time))
        #expect(isDue == expected)
    }

    @Test func `a burst is one action, 200 ms after its last event`() {
        var debouncer = Debouncer()
        for time in stride(from: 0, through: 1000, by: 10) { debouncer.received(at: at(time)) }
        #expect(debouncer.due == at(1200))
        let first = debouncer.due(at: at(1200))
        let second = debouncer.due(at: at(5000))
        #expect(first)
        #expect(!second)
    }

    @Test func `events without end are due after two seconds`() {
        var debouncer = Debouncer()
        for time in stride(from: 0, through: 1990, by: 10) { debouncer.received(at: at(time)) }
        #expect(debouncer.due == at(2000))
    }
}
