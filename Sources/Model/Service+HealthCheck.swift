// SPDX-License-Identifier: Apache-2.0
import Addressing

extension Service {
    /// Checks that do not fit their backends.
    var healthCheckProblems: [ProtectionProblem] {
        guard hasHealthChecks else { return [] }
        if mode == .snat {
            return [
                ProtectionProblem(
                    field: "healthCheck",
                    message: "asks backends, and mode snat has none",
                    accepted: "another mode"
                )
            ]
        }
        var problems: [ProtectionProblem] = []
        if let check = protection.healthCheck {
            problems = check.problems.map { problem($0, nil) }
        }
        var isComplained = !problems.isEmpty
        for (index, backend) in backends.enumerated() {
            let isOwn = backend.healthCheck != nil
            // What is wrong with the service's own check is said once.
            if !isOwn, isComplained { continue }
            let found = healthChecks(of: backend)
                .flatMap { check in
                    (isOwn ? check.problems : []) + check.problems(with: backend.endpoint)
                }
            problems += found.map { problem($0, isOwn ? index : nil) }
            if !isOwn, !found.isEmpty { isComplained = true }
        }
        return problems
    }

    private func problem(_ words: HealthCheck.Complaint, _ backend: Int?) -> ProtectionProblem {
        ProtectionProblem(
            field: "healthCheck",
            backend: backend,
            message: words.message,
            value: words.value,
            accepted: words.accepted
        )
    }
}

extension HealthCheck {
    fileprivate struct Complaint {
        var message: String
        var value: String?
        var accepted: String
    }

    /// What is wrong whatever the backend is.
    fileprivate var problems: [Complaint] {
        var problems: [Complaint] = []
        for (name, time) in [("interval", interval), ("retryInterval", retryInterval ?? interval)]
        where !Self.intervals.contains(time) {
            problems.append(
                Complaint(
                    message: "has an \(name) out of range",
                    value: time.text,
                    accepted: Self.accepted(Self.intervals)
                )
            )
            break
        }
        if !Self.timeouts.contains(timeout) {
            problems.append(
                Complaint(
                    message: "has a timeout out of range",
                    value: timeout.text,
                    accepted: Self.accepted(Self.timeouts)
                )
            )
        }
        if case .script(let script) = probe, script.words.first?.hasPrefix("/") != true {
            problems.append(
                Complaint(
                    message: "names no program",
                    value: script.words.first,
                    accepted: "command with an absolute path"
                )
            )
        }
        return problems
    }

    private static func accepted(_ range: ClosedRange<Duration>) -> String {
        "\(range.lowerBound.text)...\(range.upperBound.text)"
    }

    /// What does not fit one backend.
    fileprivate func problems(with backend: Endpoint) -> [Complaint] {
        var problems: [Complaint] = []
        if probe.needsPort, port == nil, backend.port == 0 {
            problems.append(
                Complaint(
                    message: "needs a port, and the backend has none of its own",
                    value: probe.kind.rawValue,
                    accepted: "port"
                )
            )
        }
        let target = address ?? backend.address
        if let source, source.family != target.family {
            problems.append(
                Complaint(
                    message: "asks \(target) from an address of the other family",
                    value: source.description,
                    accepted: "an \(target.family.rawValue) address as source"
                )
            )
        }
        return problems
    }
}
