// SPDX-License-Identifier: Apache-2.0

/// An attribute of a service that does not fit its scheduler.
package struct SchedulingProblem: Equatable, Sendable {
    package enum Attribute: Sendable {
        case flags, hashTarget, maglevTableSize, slowStart
    }

    package var attribute: Attribute
    package var message: String
    package var value: String
    package var accepted: String
}

extension Service {
    /// What does not fit together; every front end refuses a service that has some.
    package var schedulingProblems: [SchedulingProblem] {
        flagProblems + sloppinessProblems + hashTargetProblems + tableSizeProblems
            + slowStartProblems
    }

    private var flagProblems: [SchedulingProblem] {
        schedulerOptions.flags.filter { $0.scheduler != scheduler }
            .sorted { $0.rawValue < $1.rawValue }
            .map { flag in
                let fitting = SchedulerOptions.Flag.allCases.filter { $0.scheduler == scheduler }
                return SchedulingProblem(
                    attribute: .flags,
                    message: "does not fit scheduler \(scheduler.rawValue)",
                    value: flag.rawValue,
                    accepted: fitting.isEmpty
                        ? "no flags; scheduler \(flag.scheduler.rawValue) has this one"
                        : fitting.map(\.rawValue).joined(separator: ", ")
                )
            }
    }

    private var sloppinessProblems: [SchedulingProblem] {
        let isFitting =
            [.dr, .tunnel].contains(mode) && [.tcp, .sctp].contains(key.protocol)
        guard !isFitting else { return [] }
        return schedulerOptions.flags.filter { $0 == .mhSloppy || $0 == .conhashSloppy }
            .map { flag in
                SchedulingProblem(
                    attribute: .flags,
                    message:
                        "needs TCP or SCTP in mode dr or tunnel, where a backend knows the client",
                    value: flag.rawValue,
                    accepted: "mode dr or tunnel, and protocol tcp or sctp"
                )
            }
    }

    private var hashTargetProblems: [SchedulingProblem] {
        guard let target = schedulerOptions.hashTarget else { return [] }
        if scheduler != .conhash {
            return [misfit(.hashTarget, target.rawValue, "no hash target; conhash takes one")]
        }
        guard target == .qid, key.protocol != .udp else { return [] }
        return [
            SchedulingProblem(
                attribute: .hashTarget,
                message: "needs UDP: only QUIC has connection ids",
                value: target.rawValue,
                accepted: "sip, or protocol udp"
            )
        ]
    }

    private var tableSizeProblems: [SchedulingProblem] {
        guard scheduler == .mh else {
            return schedulerOptions.maglevTableSize
                .map { [misfit(.maglevTableSize, "\($0)", "no table size; mh takes one")] } ?? []
        }
        let size =
            schedulerOptions.maglevTableSize
            ?? SchedulerOptions.defaultTableSize(for: backends.count)
        var message: String?
        if !size.isPrime {
            message = "is not prime"
        } else if size < backends.count {
            message = "is too small for \(backends.count) backends"
        }
        guard let message else { return [] }
        let wanted = SchedulerOptions.tableSizes.clamp(max(size, backends.count))
        let near = (wanted...SchedulerOptions.tableSizes.upperBound).first(where: \.isPrime)
        return [
            SchedulingProblem(
                attribute: .maglevTableSize,
                message: message,
                value: "\(size)",
                accepted: "a prime such as \(near ?? SchedulerOptions.tableSizes.upperBound)"
            )
        ]
    }

    private var slowStartProblems: [SchedulingProblem] {
        guard scheduler == .fo, let slowStart else { return [] }
        return [misfit(.slowStart, slowStart.text, "no slow start: one backend takes all")]
    }

    private func misfit(
        _ attribute: SchedulingProblem.Attribute,
        _ value: String,
        _ accepted: String
    ) -> SchedulingProblem {
        SchedulingProblem(
            attribute: attribute,
            message: "does not fit scheduler \(scheduler.rawValue)",
            value: value,
            accepted: accepted
        )
    }
}

extension ClosedRange<Int> {
    fileprivate func clamp(_ number: Int) -> Int {
        Swift.min(Swift.max(number, lowerBound), upperBound)
    }
}

extension Int {
    fileprivate var isPrime: Bool {
        guard self > 2 else { return self == 2 }
        guard self % 2 != 0 else { return false }
        var divisor = 3
        while divisor * divisor <= self {
            if self % divisor == 0 { return false }
            divisor += 2
        }
        return true
    }
}
