// SPDX-License-Identifier: Apache-2.0

/// A protection of a service that does not fit it.
package struct ProtectionProblem: Equatable, Sendable {
    /// As service files call it.
    package var field: String
    /// Place of the backend it is about; nil: the service.
    package var backend: Int?
    package var message: String
    package var value: String?
    package var accepted: String
}

extension Service {
    /// What does not fit together; every front end refuses a service that has some.
    package var protectionProblems: [ProtectionProblem] {
        quiescenceProblems + destCheckProblems + thresholdProblems + healthCheckProblems
    }

    private var quiescenceProblems: [ProtectionProblem] {
        guard protection.expiresQuiescent, let timeout = protection.drainTimeout else { return [] }
        return [
            ProtectionProblem(
                field: "drainTimeout",
                message: "contradicts expireQuiescent, which ends connections at once",
                value: timeout.text,
                accepted: "one of the two"
            )
        ]
    }

    private var destCheckProblems: [ProtectionProblem] {
        guard let check = protection.destCheck else { return [] }
        var problems: [ProtectionProblem] = []
        if mode == .dr || mode == .tunnel || mode == .snat {
            problems.append(
                ProtectionProblem(
                    field: "destCheck",
                    message: "needs to see what backends answer",
                    value: mode.rawValue,
                    accepted: "mode fnat or nat"
                )
            )
        }
        if key.protocol == .sctp || key.protocol == .icmp {
            problems.append(
                ProtectionProblem(
                    field: "destCheck",
                    message: "has no failures to count over \(key.protocol.rawValue)",
                    accepted: "protocol tcp or udp"
                )
            )
        }
        if check.downWait <= .zero || check.inhibit.map({ $0.lowerBound <= .zero }) ?? false {
            problems.append(
                ProtectionProblem(
                    field: "destCheck",
                    message: "has a time of 0",
                    accepted: "times above 0"
                )
            )
        }
        return problems
    }

    private var thresholdProblems: [ProtectionProblem] {
        backends.enumerated()
            .compactMap { index, backend in
                guard let lower = backend.minConnections else { return nil }
                guard let upper = backend.maxConnections else {
                    return ProtectionProblem(
                        field: "minConnections",
                        backend: index,
                        message: "says when a full backend has room again, but it is never full",
                        value: "\(lower)",
                        accepted: "maxConnections beside it"
                    )
                }
                guard lower > upper else { return nil }
                return ProtectionProblem(
                    field: "minConnections",
                    backend: index,
                    message: "is above maxConnections",
                    value: "\(lower)",
                    accepted: "1...\(upper)"
                )
            }
    }
}
