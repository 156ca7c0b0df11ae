// SPDX-License-Identifier: Apache-2.0
import Addressing
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

    private var ramps: [Service.Key: [Endpoint: Ramp]] = [:]

    var isEmpty: Bool { ramps.isEmpty }

    /// Whether a backend of the service has not come up to its weight.
    func isRamping(_ service: Service.Key) -> Bool { ramps[service] != nil }

    /// The same at `now`, when `new` takes the place of what `before` knows: who has come starts, who
    /// has gone or has arrived at its weight is forgotten.
    func following(
        to new: DesiredState,
        at now: Instant,
        before: (Service.Key) -> Service?
    ) -> SlowStart {
        var result = SlowStart()
        for service in new.services {
            guard let duration = service.slowStart, service.scheduler != .fo else { continue }
            let own = ramps[service.key] ?? [:]
            let known = before(service.key)
            if own.isEmpty, known == service { continue }
            let serving = Set(known?.backends.filter { $0.weight > 0 }.map(\.endpoint) ?? [])
            let backends = service.backends.filter { $0.weight > 0 }
            guard backends.contains(where: { serving.contains($0.endpoint) }) else { continue }
            for endpoint in backends.map(\.endpoint) {
                if !serving.contains(endpoint) {
                    let ramp = Ramp(start: now, duration: duration)
                    result.ramps[service.key, default: [:]][endpoint] = ramp
                } else if let started = own[endpoint] {
                    let ramp = Ramp(start: started.start, duration: duration)
                    guard !ramp.isOver(at: now) else { continue }
                    result.ramps[service.key, default: [:]][endpoint] = ramp
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
        guard let own = ramps[service.key] else { return weights }
        let parts = service.targets.map { backend in
            own[backend.endpoint].map { min(Self.parts, $0.parts(at: now)) } ?? Self.parts
        }
        guard parts.contains(where: { $0 < Self.parts }) else { return weights }
        return zip(weights, parts).map { $0 * $1 }
    }
}
