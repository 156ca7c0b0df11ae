// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// The one stream of what happens to what runs.
///
/// Whoever has something to tell sends it and goes on at once, however slow those are who listen: each
/// has a place of its own, where what is new takes the room of what is oldest. Who follows states
/// gets the latest one alone; who watches events sees by their numbers that some are missing.
package final class RunningEvents: Sendable {
    /// What a watcher gets.
    package enum Signal: Equatable, Sendable {
        case event(RunningEvent)
        /// Nothing has happened for a while; whoever watches is asked whether he is still there.
        case pulse
    }

    fileprivate struct State {
        var number: UInt64 = 0
        var report: ReloadReport?
        var running: DesiredState?
        var isOver = false
        var next = 0
        var watchers: [Int: AsyncStream<Signal>.Continuation] = [:]
        var followers: [Int: AsyncStream<DesiredState>.Continuation] = [:]
    }

    /// How many may watch at a time.
    package static let mostWatchers = 32
    /// How many events wait for a watcher that is slow.
    package static let patience = 64

    private let state = Mutex(State())

    package init() {}

    // MARK: - Telling

    /// A state was asked for; `running` is what every worker uses now.
    package func send(_ report: ReloadReport, running: DesiredState) {
        state.withLock { state in
            state.report = report
            state.send(RunningEvent.Kind(report.outcome), report.sentence, report)
            guard report.outcome == .applied else { return }
            state.running = running
            for follower in state.followers.values { follower.yield(running) }
        }
    }

    /// Something else happened.
    package func send(_ kind: RunningEvent.Kind, _ text: String) {
        state.withLock { $0.send(kind, text, nil) }
    }

    /// Asks watchers whether they are still there; call now and then.
    package func pulse() {
        state.withLock { state in for watcher in state.watchers.values { watcher.yield(.pulse) } }
    }

    /// Ends all streams, those included that somebody asks for later.
    package func finish() {
        // Not under the lock: who ends leaves, which takes it.
        let (watchers, followers) = state.withLock { state in
            defer {
                state.isOver = true
                state.watchers = [:]
                state.followers = [:]
            }
            return (state.watchers, state.followers)
        }
        for watcher in watchers.values { watcher.finish() }
        for follower in followers.values { follower.finish() }
    }

    // MARK: - Listening

    /// What every worker uses, now and whenever it is another state; a slow follower gets the latest.
    package func states() -> AsyncStream<DesiredState> {
        let (stream, follower) = AsyncStream.makeStream(
            of: DesiredState.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        state.withLock { state in
            if let running = state.running { follower.yield(running) }
            guard !state.isOver else {
                follower.finish()
                return
            }
            let place = state.takePlace()
            state.followers[place] = follower
            follower.onTermination = { [weak self] _ in
                self?.leave { $0.followers[place] = nil }
            }
        }
        return stream
    }

    /// What happens from now on, after what runs; nil when too many are watching.
    package func watch() -> AsyncStream<Signal>? {
        let (stream, watcher) = AsyncStream.makeStream(
            of: Signal.self,
            bufferingPolicy: .bufferingNewest(Self.patience)
        )
        return state.withLock { state in
            guard state.watchers.count < Self.mostWatchers else { return nil }
            if let report = state.report {
                let text = "generation \(report.generation) runs"
                watcher.yield(.event(state.event(.running, text, report)))
            }
            if state.isOver {
                watcher.finish()
                return stream
            }
            let place = state.takePlace()
            state.watchers[place] = watcher
            watcher.onTermination = { [weak self] _ in
                self?.leave { $0.watchers[place] = nil }
            }
            return stream
        }
    }

    /// How many watch.
    package var watcherCount: Int { state.withLock { $0.watchers.count } }

    private func leave(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
}

extension RunningEvents.State {
    fileprivate mutating func takePlace() -> Int {
        next += 1
        return next
    }

    fileprivate func event(
        _ kind: RunningEvent.Kind,
        _ text: String,
        _ report: ReloadReport?
    ) -> RunningEvent {
        RunningEvent(number: number, time: Date(), kind: kind, text: text, report: report)
    }

    fileprivate mutating func send(
        _ kind: RunningEvent.Kind,
        _ text: String,
        _ report: ReloadReport?
    ) {
        number += 1
        let event = event(kind, text, report)
        for watcher in watchers.values { watcher.yield(.event(event)) }
    }
}

extension ReloadReport {
    /// `applied (file): generation 8, 1 change`.
    fileprivate var sentence: String {
        let head = "\(outcome.rawValue) (\(trigger)): generation \(generation)"
        return switch outcome {
        case .applied: "\(head), \(changeCount)"
        case .unchanged, .rejected, .failed: "\(head) goes on"
        }
    }
}
