// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Foundation
package import Model

/// A backend of a service that is asked.
package struct CheckedBackend: Hashable, Sendable {
    package var service: Service.Key
    package var endpoint: Endpoint

    package init(service: Service.Key, endpoint: Endpoint) {
        self.service = service
        self.endpoint = endpoint
    }
}

/// What is known of one backend by its check.
package struct CheckReading: Equatable, Sendable {
    package var state = BackendVerdict.State.unknown
    /// When the state began.
    package var since = Date()
    /// Why the latest probe was not good; empty: it was.
    package var detail = ""
    package var good: UInt64 = 0
    package var bad: UInt64 = 0
    /// Probes that could not be made.
    package var unable: UInt64 = 0
    /// Seconds that the latest probe took.
    package var duration: Double = 0

    package init() {}

    /// Takes in what another check of the same backend has found.
    mutating func add(_ other: CheckReading) {
        let states = [state, other.state]
        let fails = states.contains(.failed)
        state = fails ? .failed : states.contains(.unknown) ? .unknown : .healthy
        since = max(since, other.since)
        if detail.isEmpty { detail = other.detail }
        good += other.good
        bad += other.bad
        unable += other.unable
        duration += other.duration
    }
}

/// A new verdict on a backend.
package struct VerdictChange: Equatable, Sendable {
    package var backend: CheckedBackend
    package var serviceName: String
    /// nil: nothing is known any more.
    package var state: BackendVerdict.State?
    package var before: BackendVerdict.State
    /// Why.
    package var detail: String

    init(
        _ backend: CheckedBackend,
        _ serviceName: String,
        _ state: BackendVerdict.State?,
        before: BackendVerdict.State,
        _ detail: String = ""
    ) {
        self.backend = backend
        self.serviceName = serviceName
        self.state = state
        self.before = before
        self.detail = detail
    }

    /// What there is to say of it.
    package var sentence: String? {
        let subject = "service \(serviceName): backend \(backend.endpoint)"
        switch state {
        case nil, .unknown: return nil
        case .healthy where before == .failed: return "\(subject) passes its health check again"
        case .healthy: return "\(subject) passes its health check"
        case .failed: return "\(subject) fails its health check: \(detail)"
        }
    }
}

/// What comes out of health checks.
package enum CheckEvent: Equatable, Sendable {
    case verdicts([VerdictChange])
    /// Something keeps probes from being made, or does not any more.
    case notice(String)
}

/// How much is going on.
package struct CheckLoad: Equatable, Sendable {
    /// Different questions that are asked again and again.
    package var probes = 0
    /// Those that wait for an answer now, and those whose time has come and that wait for a place.
    package var running = 0
    package var waiting = 0

    package init() {}
}
