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
    package var groups: [String]
    package var interfaces: [Interface]
    package var datagrams: ReceiverOptions.Datagrams
    package var questions: QuestionAnswers
    /// Where the next receiver of the name finds what this one knew; nil: nowhere.
    package var pins: String?
    /// Addresses and networks, as text.
    package var believed: [String]
    /// What does not work at the moment, as sentences.
    package var problems: [String]
    package var counters: [Counter: UInt64]

    /// What `dpvs-realip status` prints.
    package var text: String {
        var lines = [
            "receiver \(name), process \(process), since \(started.formatted(.iso8601))",
            "control \(groups.count == 1 ? "group" : "groups"): \(groups.joined(separator: ", "))",
            "UDP: \(datagramText)",
            "getsockopt 2048: \(questionText)",
            "kept for the next receiver: \(pins.map { "in \($0)" } ?? "nothing")",
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
        ReceiverMetric.allCases.flatMap(lines).map { $0 + "\n" }.joined()
    }

    private func lines(of metric: ReceiverMetric) -> [String] {
        let samples = samples(of: metric)
        if samples.isEmpty { return [] }
        return ["# HELP \(metric.name) \(metric.help)", "# TYPE \(metric.name) \(metric.kind)"]
            + samples.map { sample(metric.name, [("receiver", name)] + $0.labels, $0.value) }
    }

    private func samples(
        of metric: ReceiverMetric
    ) -> [(labels: [(name: String, value: String)], value: UInt64)] {
        switch metric {
        case .connections, .datagrams, .calls, .ambiguous, .questions:
            Counter.allCases.filter { $0.metric.family == metric }
                .map { ($0.metric.labels, counters[$0] ?? 0) }
        case .believed: [([], UInt64(believed.count))]
        case .read: interfaces.map { ([("interface", $0.name)], $0.isRead ? 1 : 0) }
        case .problems: [([], UInt64(problems.count))]
        }
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
