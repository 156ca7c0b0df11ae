// SPDX-License-Identifier: Apache-2.0
package import Model

/// What the results of one backend's probes amount to: a value without clock.
///
///                  good                       fall bad in a row
///      unknown -----------> healthy --------------------------------> failed
///         |                    ^                                        |
///         |                    +------------ rise good in a row --------+
///         +------------------- fall bad in a row ----------------------->
///
/// The first good result decides at once: until then nothing speaks against the backend but that it
/// is new.
package struct BackendVerdict: Equatable, Sendable {
    package enum State: String, Equatable, Codable, Sendable {
        case unknown, healthy, failed
    }

    package private(set) var state = State.unknown
    /// Results in a row that contradict `state`.
    package private(set) var contradictions = 0

    package init() {}

    /// Takes note of a result; the new state, when it is another.
    package mutating func received(_ result: ProbeResult, _ check: HealthCheck) -> State? {
        switch (result, state) {
        case (.unable, _): return nil
        case (.good, .healthy), (.bad, .failed):
            contradictions = 0
            return nil
        case (.good, .unknown): return become(.healthy)
        case (.good, .failed): return contradict(.healthy, after: check.rise)
        case (.bad, _): return contradict(.failed, after: check.fall)
        }
    }

    private mutating func contradict(_ next: State, after count: Int) -> State? {
        contradictions += 1
        return contradictions >= count ? become(next) : nil
    }

    private mutating func become(_ next: State) -> State {
        contradictions = 0
        state = next
        return next
    }
}
