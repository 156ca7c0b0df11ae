// SPDX-License-Identifier: Apache-2.0
import Addressing

/// An attribute of a service that does not fit which packets it takes, or what it does with them.
package struct SelectionProblem: Equatable, Sendable {
    package enum Attribute: Sendable {
        case mode, match, localAddresses, backends, persistence, onePacket, portsPerSource
    }

    package var attribute: Attribute
    package var message: String
    package var value: String?
    package var accepted: String?
}

extension Service {
    /// What does not fit together; every front end refuses a service that has some.
    package var selectionProblems: [SelectionProblem] {
        sourceNATProblems + matchProblems + persistenceProblems + onePacketProblems
    }

    private var sourceNATProblems: [SelectionProblem] {
        guard mode == .snat else {
            guard let portsPerSource else { return [] }
            return [
                problem(
                    .portsPerSource,
                    "does not fit mode \(mode.rawValue)",
                    "\(portsPerSource)",
                    "none; snat takes one"
                )
            ]
        }
        var result: [SelectionProblem] = []
        if case .destination = key.selector {
            result.append(problem(.mode, "needs a match", "snat", "match in place of address"))
        }
        if !backends.isEmpty {
            result.append(
                problem(
                    .backends,
                    "does not fit mode snat",
                    nil,
                    "localAddresses: the public addresses"
                )
            )
        }
        for address in localAddresses where address.family != key.family {
            result.append(
                problem(
                    .localAddresses,
                    "is of another family than the match",
                    address.description,
                    "addresses of the family of \(key.addressText)"
                )
            )
        }
        return result
    }

    private var matchProblems: [SelectionProblem] {
        guard case .match(let match) = key.selector,
            match.source.family != match.destination.family
        else { return [] }
        return [
            problem(
                .match,
                "has a source and a destination of different families",
                match.description,
                "ranges of one family"
            )
        ]
    }

    private var persistenceProblems: [SelectionProblem] {
        guard persistence != nil else { return [] }
        if isOnePacket {
            return [
                problem(.persistence, "does not fit one-packet scheduling", nil, "one of the two")
            ]
        }
        if schedulerOptions.hashTarget == .qid {
            return [problem(.persistence, "does not fit hash target qid", nil, "one of the two")]
        }
        return []
    }

    private var onePacketProblems: [SelectionProblem] {
        guard isOnePacket else { return [] }
        var result: [SelectionProblem] = []
        if key.protocol != .udp {
            result.append(problem(.onePacket, "needs UDP", key.protocol.rawValue, "protocol udp"))
        }
        if mode != .dr, mode != .tunnel {
            result.append(
                problem(
                    .onePacket,
                    "leaves no connection by which replies could be translated back",
                    "mode \(mode.rawValue)",
                    "mode dr or tunnel"
                )
            )
        }
        return result
    }

    private func problem(
        _ attribute: SelectionProblem.Attribute,
        _ message: String,
        _ value: String?,
        _ accepted: String?
    ) -> SelectionProblem {
        SelectionProblem(attribute: attribute, message: message, value: value, accepted: accepted)
    }

    /// Whether packets could belong to either service with equal right.
    ///
    /// Of two networks the smaller comes first, and inside one network the fewer ports; ports that
    /// overlap without one holding the other have no such order.
    package func isAmbiguous(with other: Service) -> Bool {
        guard key.protocol == other.key.protocol,
            case .destination(let prefix, let ports) = key.selector,
            case .destination(let otherPrefix, let otherPorts) = other.key.selector
        else { return false }
        return prefix == otherPrefix && ports.overlaps(otherPorts) && !ports.contains(otherPorts)
            && !otherPorts.contains(ports)
    }
}
