// SPDX-License-Identifier: Apache-2.0
package import Model

/// Which services a status lists; it counts all that fit the filter.
package struct StatusSelection: Equatable, Sendable {
    package var services: ServiceFilter
    /// Only services that have a problem, and of their backends those that do not serve.
    package var onlyProblems: Bool
    /// How many of what is left are passed over, and how many are listed then; nil: all.
    package var skip: Int
    package var limit: Int?

    package init(
        services: ServiceFilter = ServiceFilter(),
        onlyProblems: Bool = false,
        skip: Int = 0,
        limit: Int? = nil
    ) {
        self.services = services
        self.onlyProblems = onlyProblems
        self.skip = skip
        self.limit = limit
    }
}

/// The services that were asked about, those included that are on another page.
package struct ServiceTotals: Equatable, Codable, Sendable {
    package var services = 0
    package var backends = 0
    /// Backends by what becomes of them.
    package var serving = 0
    package var draining = 0
    package var overloaded = 0
    package var inhibited = 0
    package var failed = 0
    package var removed = 0
    /// Services that have a problem.
    package var problems = 0
    /// Services that could be listed, and how many of them stand before the first one that is.
    package var listable = 0
    package var skipped = 0

    package init() {}

    fileprivate mutating func count(_ service: ServiceStatus) {
        services += service.isRemoved ? 0 : 1
        problems += service.problem == nil ? 0 : 1
        for backend in service.backends {
            backends += 1
            switch backend.role {
            case .serving: serving += 1
            case .draining: draining += 1
            case .overloaded: overloaded += 1
            case .inhibited: inhibited += 1
            case .failed: failed += 1
            case .removed: removed += 1
            }
        }
    }
}

extension Status {
    /// Counts all of `candidates` and lists those that are selected.
    package mutating func list(_ candidates: [ServiceStatus], _ selection: StatusSelection) {
        var totals = ServiceTotals()
        for service in candidates { totals.count(service) }
        var left = candidates
        if selection.onlyProblems {
            left = candidates.filter { $0.problem != nil }
            for index in left.indices { left[index].backends.removeAll { $0.role == .serving } }
        }
        totals.listable = left.count
        totals.skipped = min(selection.skip, left.count)
        services = Array(left.dropFirst(selection.skip).prefix(selection.limit ?? left.count))
        serviceTotals = totals
    }
}

extension ServiceStatus {
    /// What keeps it from using its backends, of which those that drain are none; nil: nothing does.
    static func problem(of backends: [BackendStatus]) -> String? {
        let present = backends.filter { $0.role != .removed }
        guard present.contains(where: { $0.role == .serving }) else {
            return present.isEmpty ? "it has no backends" : "no backend takes new connections"
        }
        let checked = present.filter { $0.weight > 0 && $0.check != nil }
        if !checked.isEmpty, checked.count == present.count(where: { $0.weight > 0 }),
            checked.allSatisfy({ $0.check?.state == .failed })
        {
            return "every backend fails its health check, so all serve"
        }
        let counts = [
            ("failed", BackendStatus.Role.failed), ("inhibited", .inhibited),
            ("overloaded", .overloaded),
        ]
        .map { name, role in (name: name, count: present.count { $0.role == role }) }
        .filter { $0.count > 0 }
        if counts.isEmpty { return nil }
        let words = counts.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        return "of \(present.count) backends \(words)"
    }
}
