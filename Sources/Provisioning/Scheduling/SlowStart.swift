// SPDX-License-Identifier: Apache-2.0
import Model
import Timing

/// Backends that come up to their weight little by little, and since when: a value without clock.
///
/// A backend that joins others, or returns from weight 0, has no warm caches and would get every
/// connection of a `wlc` service. Over the service's `slowStart` its share grows evenly from a
/// tenth. When nobody else serves there is nothing to spare it with: a service's first backends
/// start at once, so at the start of the program all do.
struct SlowStart {
    /// Weights of such a service are in these parts of one, so that shares have steps.
    ///
    /// A power of two, for the sake of `ConsistentRing`.
    static let parts = 1024
    private static let firstParts = parts / 10

    private struct Ramp {
        var start: Instant
        var duration: Duration

        func isOver(at now: Instant) -> Bool { start.advanced(by: duration) <= now }

        func parts(at now: Instant) -> Int {
            let elapsed = now.nanoseconds - min(start.nanoseconds, now.nanoseconds)
            let share = Double(elapsed) / Double(max(1, duration.wholeNanoseconds))
            return max(SlowStart.firstParts, Int(share * Double(SlowStart.parts)))
        }
    }

    private var ramps: [Provisioner.BackendKey: Ramp] = [:]

    var isEmpty: Bool { ramps.isEmpty }

    /// The same at `now`, when `new` takes the place of `old`: who has come starts, who has gone or
    /// has arrived at its weight is forgotten.
    func following(from old: DesiredState, to new: DesiredState, at now: Instant) -> SlowStart {
        var result = SlowStart()
        guard !ramps.isEmpty || new.services.contains(where: { $0.slowStart != nil }) else {
            return result
        }
        let before = Dictionary(old.services.map { ($0.key, $0) }) { first, _ in first }
        for service in new.services {
            guard let duration = service.slowStart, service.scheduler != .fo else { continue }
            let serving = Set(
                before[service.key]?.backends.filter { $0.weight > 0 }.map(\.endpoint) ?? []
            )
            let backends = service.backends.filter { $0.weight > 0 }
            guard backends.contains(where: { serving.contains($0.endpoint) }) else { continue }
            for backend in backends {
                let key = Provisioner.BackendKey(
                    service: service.key,
                    endpoint: backend.endpoint
                )
                if !serving.contains(backend.endpoint) {
                    result.ramps[key] = Ramp(start: now, duration: duration)
                } else if let known = ramps[key] {
                    let ramp = Ramp(start: known.start, duration: duration)
                    if !ramp.isOver(at: now) { result.ramps[key] = ramp }
                }
            }
        }
        return result
    }

    /// What the backends of a service count at `now`, in its order.
    ///
    /// Under a scheduler that ignores weights all that are above 0 are 1.
    func weights(of service: Service, at now: Instant) -> [Int] {
        let weights = service.targets.map {
            service.scheduler.ignoresWeights ? min(1, $0.weight) : $0.weight
        }
        guard !ramps.isEmpty else { return weights }
        let parts = service.targets.map { backend in
            let key = Provisioner.BackendKey(service: service.key, endpoint: backend.endpoint)
            return ramps[key].map { min(Self.parts, $0.parts(at: now)) } ?? Self.parts
        }
        guard parts.contains(where: { $0 < Self.parts }) else { return weights }
        return zip(weights, parts).map { $0 * $1 }
    }
}
