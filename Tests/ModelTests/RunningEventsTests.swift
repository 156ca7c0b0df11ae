// SPDX-License-Identifier: Apache-2.0
import Foundation
import Model
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RunningEventsTests {
    private let events = RunningEvents()

    private func report(_ generation: UInt64, changes: Int = 1) -> ReloadReport {
        ReloadReport(
            outcome: .applied,
            trigger: "file",
            generation: generation,
            digest: "00",
            finished: Date(timeIntervalSince1970: 0),
            duration: 0.1,
            changes: Array(repeating: "a change", count: changes)
        )
    }

    private func state(_ name: String) -> DesiredState {
        var state = DesiredState()
        state.vlans = [VLANInterface(name: name, link: "dpdk0", id: 1, innerID: nil, priority: 0)]
        return state
    }

    @Test func `a follower that is slow gets the latest state alone`() async {
        events.send(report(1), running: state("a"))
        var states = events.states().makeAsyncIterator()
        #expect(await states.next() == state("a"))
        for name in ["b", "c", "d"] { events.send(report(2), running: state(name)) }
        #expect(await states.next() == state("d"))
        events.finish()
        #expect(await states.next() == nil)
    }

    @Test func `what was not applied is no state`() async throws {
        events.send(report(1), running: state("a"))
        var states = events.states().makeAsyncIterator()
        _ = await states.next()
        var rejected = report(1)
        rejected.outcome = .rejected
        events.send(rejected, running: state("b"))
        events.send(report(2), running: state("c"))
        #expect(await states.next() == state("c"))
    }

    @Test func `a watcher begins with what runs and gets the rest in order`() async throws {
        events.send(report(3), running: DesiredState())
        var signals = try #require(events.watch()).makeAsyncIterator()
        events.send(.link, "port dpdk0: link is down")
        events.pulse()
        var rejected = report(3)
        rejected.outcome = .rejected
        events.send(rejected, running: DesiredState())
        var seen: [RunningEvent] = []
        var pulses = 0
        while seen.count < 3, let signal = await signals.next() {
            switch signal {
            case .event(let event): seen.append(event)
            case .pulse: pulses += 1
            }
        }
        #expect(seen.map(\.kind) == [.running, .link, .rejected])
        #expect(seen.map(\.number) == [1, 2, 3])
        #expect(
            seen.map(\.text) == [
                "generation 3 runs", "port dpdk0: link is down",
                "rejected (file): generation 3 goes on",
            ]
        )
        #expect(seen[0].report == report(3) && pulses == 1)
    }

    @Test func `a watcher that takes nothing loses the oldest and holds up nobody`() async throws {
        let slow = try #require(events.watch())
        let count = UInt64(RunningEvents.patience * 10)
        for number in 1...count { events.send(report(number), running: DesiredState()) }
        var numbers: [UInt64] = []
        for await case .event(let event) in slow {
            numbers.append(event.number)
            if event.number == count { break }
        }
        #expect(numbers == Array((count - UInt64(RunningEvents.patience) + 1)...count))
    }

    @Test func `a report of very many changes is cut`() async throws {
        let signals = try #require(events.watch())
        events.send(report(1, changes: 100_000), running: DesiredState())
        var iterator = signals.makeAsyncIterator()
        guard case .event(let event) = await iterator.next() else {
            Issue.record("no event")
            return
        }
        #expect(event.report?.changes.count == RunningEvent.mostChanges)
        #expect(event.omittedChanges == 100_000 - RunningEvent.mostChanges)
        #expect(event.text == "applied (file): generation 1, 100000 changes")
    }

    @Test func `there is room for so many watchers, and who goes makes room`() async throws {
        var watching = (0..<RunningEvents.mostWatchers).map { _ in events.watch() }
        #expect(watching.allSatisfy { $0 != nil })
        #expect(events.watch() == nil)
        watching.removeLast()
        #expect(events.watcherCount == RunningEvents.mostWatchers - 1)
        #expect(events.watch() != nil)
        _ = watching
    }
}
