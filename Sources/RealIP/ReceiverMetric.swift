// SPDX-License-Identifier: Apache-2.0

/// What Prometheus is told; the table of doc/client-address.md is made of it.
package enum ReceiverMetric: String, CaseIterable, Sendable {
    case connections, datagrams, calls, ambiguous, questions
    case believed, read, problems

    package var name: String {
        switch self {
        case .connections: "dpvs_realip_connections_total"
        case .datagrams: "dpvs_realip_datagrams_total"
        case .calls: "dpvs_realip_calls_total"
        case .ambiguous: "dpvs_realip_ambiguous_calls_total"
        case .questions: "dpvs_realip_questions_total"
        case .believed: "dpvs_realip_believed_prefixes"
        case .read: "dpvs_realip_interface_read"
        case .problems: "dpvs_realip_problems"
        }
    }

    /// The word of the text format.
    package var kind: String {
        switch self {
        case .connections, .datagrams, .calls, .ambiguous, .questions: "counter"
        case .believed, .read, .problems: "gauge"
        }
    }

    /// Labels besides `receiver`, and for each the values it may have, where that is known.
    package var labels: [(name: String, values: [String])] {
        let known = Counter.allCases.map(\.metric).filter { $0.family == self }.flatMap(\.labels)
        var labels: [(name: String, values: [String])] = self == .read ? [("interface", [])] : []
        for (name, value) in known {
            if let index = labels.firstIndex(where: { $0.name == name }) {
                if !labels[index].values.contains(value) { labels[index].values.append(value) }
            } else {
                labels.append((name, [value]))
            }
        }
        return labels
    }

    package var help: String {
        switch self {
        case .connections:
            "TCP connections that came in, by the client address that their segment told."
        case .datagrams:
            "UDP datagrams that carried a client address, by its form or what was wrong with it."
        case .calls: "System calls whose address was translated."
        case .ambiguous:
            "UDP calls that were told nothing because two own addresses share the flow."
        case .questions: "Questions by getsockopt as toa.ko and uoa.ko are asked."
        case .believed: "Addresses and networks whose packets are believed."
        case .read: "1 while the packets of the interface are read."
        case .problems:
            "What does not work at the moment; dpvs-realip status says what it is."
        }
    }
}
