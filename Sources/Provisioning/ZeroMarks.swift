// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// What was counted when somebody zeroed the counters that `ipvsadm` shows.
///
/// The counters themselves never go back: metrics rely on that. Marks are subtracted from them, and
/// every client sees the same.
struct ZeroMarks {
    typealias Counters = ProvisioningTotals.Counters

    private struct Marks {
        /// Of backends that were there.
        var backends: [Endpoint: Counters]
        /// Of those that were gone.
        var gone: Counters

        var sum: Counters { backends.values.reduce(gone) { Provisioner.sum($0, $1) } }
    }

    private var services: [Service.Key: Marks] = [:]

    /// Everything that `sum` counts, of which `backends` are those that are there, is the past now.
    mutating func mark(_ service: Service, _ backends: [Counters], sum: Counters) {
        var gone = sum
        for counters in backends {
            for index in gone.indices { gone[index] &-= counters[index] }
        }
        let known = Dictionary(zip(service.targets.map(\.endpoint), backends)) { first, _ in first }
        services[service.key] = Marks(backends: known, gone: gone)
    }

    /// A backend's counters become those of the backends that are gone.
    mutating func retire(_ key: Provisioner.BackendKey) {
        guard var marks = services[key.service],
            let counters = marks.backends.removeValue(forKey: key.endpoint)
        else { return }
        marks.gone = Provisioner.sum(marks.gone, counters)
        services[key.service] = marks
    }

    mutating func forget(_ service: Service.Key) { services[service] = nil }

    /// The marks of a service's backends, in the order of its targets, and of all that it has counted; nil:
    /// it was not zeroed.
    func marks(of service: Service) -> (backends: [Counters], sum: Counters)? {
        guard let marks = services[service.key] else { return nil }
        let backends = service.targets.map { marks.backends[$0.endpoint] ?? Provisioner.zeros }
        return (backends, marks.sum)
    }
}

extension Provisioner {
    /// Lets what `ipvsadm` shows of some services begin at 0; false: there is no such service.
    package func zero(_ filter: ServiceFilter) -> Bool {
        let totals = totals(of: filter)
        for counted in totals.services {
            zeroMarks.mark(counted.service, counted.backends, sum: counted.sum)
        }
        return !totals.services.isEmpty || filter.isEverything
    }
}
