// SPDX-License-Identifier: Apache-2.0
import Foundation
import Model
import NIOCore

/// One question that is asked again and again, and for whom.
struct Watch {
    let target: ProbeTarget
    var subscribers: Set<CheckedBackend> = []
    var verdict = BackendVerdict()
    var reading = CheckReading()
    /// The next probe, while none runs or waits.
    var next: Scheduled<Void>?
    var started: NIODeadline = .uptimeNanoseconds(0)

    init(_ target: ProbeTarget) { self.target = target }

    private var check: HealthCheck { target.check }

    /// Takes note of a result; the new state, when it is another.
    mutating func finished(_ result: ProbeResult, at now: NIODeadline) -> BackendVerdict.State? {
        reading.duration = Double((now - started).nanoseconds) / 1e9
        switch result {
        case .good:
            reading.good += 1
            reading.detail = ""
        case .bad(let why):
            reading.bad += 1
            reading.detail = why
        case .unable(let why):
            reading.unable += 1
            reading.detail = why
        }
        guard let state = verdict.received(result, check) else { return nil }
        reading.state = state
        reading.since = Date()
        return state
    }

    /// When the next probe begins after the one that has `started`: a little earlier or later each
    /// time, so that probes that once began together do not stay together.
    func pause(from now: NIODeadline) -> TimeAmount {
        let isDoubtful = verdict.contradictions > 0
        let gap = TimeAmount(isDoubtful ? check.retryInterval ?? check.interval : check.interval)
        let spread = gap.nanoseconds / 20
        let varied = gap + .nanoseconds(spread > 0 ? .random(in: -spread...spread) : 0)
        return max(.nanoseconds(0), started + varied - now)
    }
}
