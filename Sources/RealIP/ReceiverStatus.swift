// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
package import Foundation

/// What a running receiver says of itself.
package struct ReceiverStatus: Equatable, Codable, Sendable {
    package struct Interface: Equatable, Codable, Sendable {
        package var name: String
        /// Whether its packets are read; somebody may have taken the program away.
        package var isRead: Bool
    }

    package var name: String
    package var process: Int32
    package var started: Date
    package var group: String
    package var interfaces: [Interface]
    package var datagrams: ReceiverOptions.Datagrams
    package var questions: QuestionAnswers
    /// Addresses and networks, as text.
    package var believed: [String]
    /// What does not work at the moment, as sentences.
    package var problems: [String]
    package var counters: [Counter: UInt64]

    /// What `dpvs-realip status` prints.
    package var text: String {
        var lines = [
            "receiver \(name), process \(process), since \(started.formatted(.iso8601))",
            "control group: \(group)",
            "UDP: \(datagramText)",
            "getsockopt 2048: \(questionText)",
            "believed: \(believed.isEmpty ? "nobody" : believed.joined(separator: ", "))",
        ]
        lines += problems.map { "problem: \($0)" }
        for counter in Counter.allCases {
            let number = String(counters[counter] ?? 0)
            let pad = String(repeating: " ", count: max(0, 12 - number.count))
            lines.append("\(pad)\(number)  \(counter.sentence)")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private var datagramText: String {
        if interfaces.isEmpty { return "left alone, no interface was named" }
        let names = interfaces.map { $0.isRead ? $0.name : "\($0.name) (not read)" }
        let what =
            switch datagrams {
            case .rewrite: "recvfrom and its kin tell the client"
            case .api: "only getsockopt tells the client"
            }
        return "\(what); interfaces: \(names.joined(separator: ", "))"
    }

    private var questionText: String {
        switch questions {
        case .exact: "answers what is asked"
        case .last: "answers for the datagram received last (see dpvs-realip check)"
        case .none: "not answered (see dpvs-realip check)"
        }
    }
}

extension ReceiverStatus {
    /// One scrape in Prometheus' text format.
    package var metrics: String {
        var lines: [String] = []
        for family in MetricFamily.allCases {
            lines.append("# HELP \(family.name) \(family.help)")
            lines.append("# TYPE \(family.name) counter")
            for counter in Counter.allCases where counter.metric.family == family {
                let labels = [("receiver", name)] + counter.metric.labels
                lines.append(sample(family.name, labels, counters[counter] ?? 0))
            }
        }
        lines += gauge(
            "dpvs_realip_believed_prefixes",
            "Addresses and networks whose packets are believed.",
            [([], UInt64(believed.count))]
        )
        lines += gauge(
            "dpvs_realip_interface_read",
            "1 while the packets of the interface are read.",
            interfaces.map { ([("interface", $0.name)], $0.isRead ? 1 : 0) }
        )
        lines += gauge(
            "dpvs_realip_problems",
            "What does not work at the moment; dpvs-realip status says what it is.",
            [([], UInt64(problems.count))]
        )
        return lines.map { $0 + "\n" }.joined()
    }

    private func gauge(
        _ name: String,
        _ help: String,
        _ values: [([(name: String, value: String)], UInt64)]
    ) -> [String] {
        if values.isEmpty { return [] }
        return ["# HELP \(name) \(help)", "# TYPE \(name) gauge"]
            + values.map { sample(name, [("receiver", self.name)] + $0.0, $0.1) }
    }

    private func sample(
        _ metric: String,
        _ labels: [(name: String, value: String)],
        _ value: UInt64
    ) -> String {
        let texts = labels.map { label in
            let escaped = label.value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            return "\(label.name)=\"\(escaped)\""
        }
        return "\(metric){\(texts.joined(separator: ","))} \(value)"
    }
}
