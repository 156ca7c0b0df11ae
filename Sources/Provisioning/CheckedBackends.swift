// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Balancing
import Dataplane
package import Model

/// What a health check has found out about one backend.
package struct CheckVerdict: Equatable, Sendable {
    package var service: Service.Key
    package var endpoint: Endpoint
    /// nil: nobody asks any more, or nobody has an answer yet.
    package var isHealthy: Bool?

    package init(service: Service.Key, endpoint: Endpoint, isHealthy: Bool?) {
        self.service = service
        self.endpoint = endpoint
        self.isHealthy = isHealthy
    }
}

/// Which backends health checks keep from new connections: a value without clock.
struct CheckedBackends {
    private var verdicts: [Service.Key: [Endpoint: Bool]] = [:]
    /// Services some of whose backends get no connections, and which those are.
    private(set) var excluded: [Service.Key: Set<Endpoint>] = [:]
    /// Services all of whose backends fail, and serve all the same.
    private(set) var panicking: Set<Service.Key> = []
    /// What nobody has been told yet.
    private var notices: [String] = []

    /// What became of one service.
    struct Outcome: Equatable {
        var excluded: Set<Endpoint> = []
        /// Every backend fails its check, and so all of them serve.
        var isPanic = false
    }

    /// Services of which something is known that is out of the ordinary.
    var judged: Set<Service.Key> { panicking.union(excluded.keys) }

    func isExcluded(_ key: Provisioner.BackendKey) -> Bool {
        excluded[key.service]?.contains(key.endpoint) ?? false
    }

    mutating func take(_ verdict: CheckVerdict) {
        verdicts[verdict.service, default: [:]][verdict.endpoint] = verdict.isHealthy
        if verdicts[verdict.service]?.isEmpty == true { verdicts[verdict.service] = nil }
    }

    /// Judges a service anew: the backends that get no connections from now on.
    mutating func judge(_ service: Service) -> Set<Endpoint> {
        let outcome = service.outcome(of: verdicts[service.key] ?? [:])
        excluded[service.key] = outcome.excluded.isEmpty ? nil : outcome.excluded
        let wasPanic = panicking.contains(service.key)
        if outcome.isPanic, !wasPanic {
            panicking.insert(service.key)
            notices.append("service \(service.name): every backend fails its check, so all serve")
        } else if !outcome.isPanic, wasPanic {
            panicking.remove(service.key)
            notices.append("service \(service.name): only backends that pass their check serve")
        }
        return outcome.excluded
    }

    /// The service is gone.
    mutating func forget(_ service: Service.Key) {
        excluded[service] = nil
        panicking.remove(service)
    }

    /// What is to be told, once.
    mutating func takeNotices() -> [String] {
        defer { notices = [] }
        return notices
    }
}

extension Service {
    /// Backends that get no connections by what their checks have found, and whether that would be
    /// all of them, so that all serve.
    ///
    /// Backends that wait for their first good answer count as none that fails: a service begins with
    /// nobody, and not with everybody.
    fileprivate func outcome(of verdicts: [Endpoint: Bool]) -> CheckedBackends.Outcome {
        var outcome = CheckedBackends.Outcome()
        guard hasHealthChecks else { return outcome }
        var isSomeoneElse = false
        for backend in backends {
            let checks = healthChecks(of: backend)
            guard !checks.isEmpty else {
                if backend.weight > 0 { isSomeoneElse = true }
                continue
            }
            let verdict = verdicts[backend.endpoint]
            let isOut = !(verdict ?? !checks.contains(where: \.beginsDown))
            if isOut { outcome.excluded.insert(backend.endpoint) }
            if backend.weight > 0, verdict != false { isSomeoneElse = true }
        }
        guard protection.healthPanic == .serveAll, !isSomeoneElse, !outcome.excluded.isEmpty
        else { return outcome }
        return CheckedBackends.Outcome(isPanic: true)
    }
}

extension Provisioner {
    /// Heeds what health checks have found out: every worker does with the next connection, and
    /// nothing is compiled.
    package func judge(_ verdicts: [CheckVerdict]) {
        for verdict in verdicts { checks.take(verdict) }
        for key in Set(verdicts.map(\.service)) {
            if let service = books.service(key)?.service { judge(service) }
        }
    }

    /// What services do because of their checks, told once.
    package func takeCheckNotices() -> [String] { checks.takeNotices() }

    /// Backends that checks keep from new connections, by service.
    package var failedBackends: [Service.Key: Set<Endpoint>] { checks.excluded }

    /// Backends of a service that its checks keep from new connections.
    package func failedBackends(of service: Service.Key) -> Set<Endpoint> {
        checks.excluded[service] ?? []
    }

    private func judge(_ service: Service) {
        let before = failedBackends(of: service.key)
        let after = checks.judge(service)
        exclude(after.subtracting(before), of: service.key)
        for endpoint in before.subtracting(after) {
            let key = BackendKey(service: service.key, endpoint: endpoint)
            if let slot = slot(of: key) { engine.conditions.remove(.failed, slot: slot) }
        }
    }

    private func exclude(_ endpoints: Set<Endpoint>, of service: Service.Key) {
        for endpoint in endpoints {
            let key = BackendKey(service: service, endpoint: endpoint)
            if let slot = slot(of: key) { engine.conditions.insert(.failed, slot: slot) }
        }
    }

    /// Heeds what is known when services are others than `before`, so that a snapshot finds backends
    /// as they are.
    func heedChecks(after before: Books) {
        guard books.traits.union(before.traits).contains(.isChecked) else { return }
        for known in books.services {
            let key = known.service.key
            let was = before.service(key)
            guard known.traits.union(was?.traits ?? []).contains(.isChecked), was !== known
            else { continue }
            judge(known.service)
            // A backend that was away may have another slot than it had.
            exclude(failedBackends(of: key), of: key)
        }
        for key in checks.judged where books.service(key) == nil { checks.forget(key) }
    }
}
