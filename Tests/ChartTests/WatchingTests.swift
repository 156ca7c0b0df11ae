// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricsExposition
import Packet
import RealIP
import Testing
import YAML

/// Alerts, dashboard and what fetches the metrics: each name must be one that dpvs has.
@Suite struct WatchingTests {
    private static let labels = Dictionary(
        uniqueKeysWithValues: Catalogue.metrics.map { ($0.name, $0.labels) }
            + ReceiverMetric.allCases.map { ($0.name, ["receiver"] + $0.labels.map(\.name)) }
    )
    private static let names = Set(labels.keys)

    private static func rules() throws -> [YAMLNode] {
        let file = try #require(try readYAML(Array(try Chart.text("files/rules.yaml").utf8)))
        return try #require(file["groups"]).list.flatMap { $0["rules"]?.list ?? [] }
    }

    /// Every `expr` in the dashboard, variables of Grafana replaced.
    private static func queries() throws -> [String] {
        let data = try Data(contentsOf: Chart.place.appending(path: "files/dashboard.json"))
        func expressions(_ value: Any) -> [String] {
            if let list = value as? [Any] { return list.flatMap(expressions) }
            guard let object = value as? [String: Any] else { return [] }
            return [object["expr"] as? String].compactMap { $0 }
                + object.sorted { $0.key < $1.key }.flatMap { expressions($0.value) }
        }
        return expressions(try JSONSerialization.jsonObject(with: data))
            .map { $0.replacing("$__rate_interval", with: "5m") }
    }

    /// Words of a query that look like a metric of ours.
    private func metrics(in query: String) -> [String] {
        query.matches(of: /\b(?:dpvs|process)_[a-z_]+/).map { String($0.output) }
    }

    @Test func `alerts ask for metrics that exist`() throws {
        for rule in try Self.rules() {
            let asked = metrics(in: try #require(rule["expr"]?.text))
            #expect(!asked.isEmpty)
            for name in asked { #expect(Self.names.contains(name), "\(name)") }
        }
    }

    @Test func `the dashboard asks for metrics that exist`() throws {
        let queries = try Self.queries()
        #expect(queries.count > 30)
        for name in queries.flatMap(metrics) { #expect(Self.names.contains(name), "\(name)") }
    }

    @Test func `alerts ask for drop reasons and labels that exist`() throws {
        let reasons = Set(DropReason.allCases.map(\.name))
        for rule in try Self.rules() {
            let query = try #require(rule["expr"]?.text)
            for match in query.matches(of: /dpvs_drops_total\{reason=~"([^"]*)"/) {
                for reason in match.1.split(separator: "|") {
                    #expect(reasons.contains(String(reason)), "\(reason)")
                }
            }
            let known = Set(
                metrics(in: query).flatMap { Self.labels[$0] ?? [] } + ["job", "instance"]
            )
            let said = rule.all.compactMap(\.text).joined(separator: "\n")
            for match in said.matches(of: /\$labels\.([a-z_]+)/) {
                #expect(known.contains(String(match.1)), "\(match.1)")
            }
        }
    }

    @Test func `every alert says how bad it is and what to do, and is in the README`() throws {
        let page = try Chart.text("README.md")
        for rule in try Self.rules() {
            let name = try #require(rule["alert"]?.text)
            let severity = rule["labels.severity"]?.text ?? ""
            #expect(["critical", "warning", "info"].contains(severity))
            #expect(rule["annotations.summary"] != nil && rule["annotations.description"] != nil)
            #expect(page.contains("| `\(name)` | \(severity) |"), "\(name)")
        }
    }

    @Test(.enabled(if: Chart.isPromtoolThere))
    func `promtool understands the rules, and each fires when it should`() throws {
        let tests = Chart.root.appending(path: "Tests/ChartTests/alerts.test.yaml").path
        let outcome = try Chart.run(Chart.promtool, ["test", "rules", tests])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        let text = try String(contentsOfFile: tests, encoding: .utf8)
        for rule in try Self.rules() {
            let name = try #require(rule["alert"]?.text)
            #expect(text.contains("alertname: \(name) }"), "\(name) is silent when all is well")
            #expect(text.contains("alertname=\"\(name)\""), "\(name) fires")
        }
    }

    @Test(.enabled(if: Chart.isPromtoolThere))
    func `promtool understands the queries of the dashboard`() throws {
        let rules = try Self.queries().enumerated()
            .map { "  - record: query_\($0)\n    expr: |\n      \($1)\n" }
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        try "groups:\n- name: dashboard\n  rules:\n\(rules.joined())"
            .write(to: file, atomically: true, encoding: .utf8)
        let outcome = try Chart.run(Chart.promtool, ["check", "rules", file.path])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test(.enabled(if: Chart.isHelmThere))
    func `what is watched is what is there`() throws {
        let all = ["podMonitor", "rules", "dashboard"].map { "metrics.\($0).enabled=true" }
        let objects = try Chart.render(nil, all)
        let monitor = try #require(objects.of("PodMonitor").first)
        let ports = try #require(try objects.container()["ports"]).list
            .compactMap {
                $0["name"]?.text
            }
        for endpoint in try #require(monitor["spec.podMetricsEndpoints"]).list {
            #expect(ports.contains(try #require(endpoint["port"]?.text)))
        }
        let labels = try #require(try objects.pod()["metadata.labels"]).texts
        let policy = try #require(objects.of("NetworkPolicy").first)
        for selector in [monitor["spec.selector"], policy["spec.podSelector"]] {
            let wanted = try #require(selector?["matchLabels"]).texts
            #expect(!wanted.isEmpty && wanted.allSatisfy { labels[$0] == $1 })
        }
        let rules = try #require(objects.of("PrometheusRule").first)
        #expect(rules["spec.groups"]?.list.count == 1)
        let dashboard = objects.of("ConfigMap")
            .compactMap { $0["data"]?.value(of: "dpvs.json")?.text }
        let file = try Chart.text("files/dashboard.json")
        #expect(
            dashboard.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
                == [file.trimmingCharacters(in: .whitespacesAndNewlines)]
        )
        #expect(try Chart.render().of("PodMonitor").isEmpty)
    }
}
