// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import MetricsExposition

@Suite struct CatalogueTests {
    static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "doc/metrics.md")

    @Test func `names are unique and begin with the prefix`() {
        let names = Catalogue.metrics.map(\.name)
        #expect(Set(names).count == names.count)
        let shared = names.filter { !$0.hasPrefix("dpvs_") }
        #expect(shared == ["process_start_time_seconds"])
    }

    @Test(arguments: Catalogue.metrics)
    func `a metric keeps the rules of naming`(metric: Metric) {
        let allowed = Set("abcdefghijklmnopqrstuvwxyz_")
        #expect(metric.name.allSatisfy(allowed.contains))
        #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter))
        #expect(metric.name.hasSuffix("_info") == (metric.kind == .info))
        if let unit = metric.unit { #expect(metric.familyName.hasSuffix("_\(unit)")) }
        for label in metric.labels {
            #expect(label.allSatisfy(allowed.contains))
            #expect(!["instance", "job", "le", "quantile"].contains(label))
        }
        #expect(metric.help.hasSuffix("."))
        #expect(!metric.help.contains { "\"\\\n".contains($0) })
    }

    @Test(arguments: Catalogue.metrics)
    func `a full scrape shows the metric, with its labels`(metric: Metric) throws {
        let text = expose(.sample())
        let sample = try #require(lines(text, with: "\(metric.name){").first)
        for label in metric.labels { #expect(sample.contains("\(label)=\"")) }
    }

    @Test func `the page lists the catalogue, no more and no less`() throws {
        let table = Catalogue.metrics.map(row)
        var page = try String(contentsOf: Self.page, encoding: .utf8)
        if ProcessInfo.processInfo.environment["RECORD"] == "1" {
            let head = page.split(separator: "\n", omittingEmptySubsequences: false)
                .filter { !$0.hasPrefix("| `") }
                .flatMap { $0.hasPrefix("|---|---|---|---|") ? [String($0)] + table : [String($0)] }
            page = head.joined(separator: "\n")
            try page.write(to: Self.page, atomically: true, encoding: .utf8)
        }
        #expect(lines(page, with: "| `") == table)
    }

    private func row(_ metric: Metric) -> String {
        let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
        let isNew = metric.stability == .experimental ? " (experimental)" : ""
        return "| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help)\(isNew) |"
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")))
    func `promtool finds nothing to complain about`() throws {
        let promtool = Process()
        promtool.executableURL = URL(filePath: "/usr/bin/promtool")
        promtool.arguments = ["check", "metrics"]
        let input = Pipe()
        let output = Pipe()
        promtool.standardInput = input
        promtool.standardOutput = output
        promtool.standardError = output
        try promtool.run()
        try input.fileHandleForWriting.write(contentsOf: Catalogue.expose(.sample()))
        try input.fileHandleForWriting.close()
        let complaints = try output.fileHandleForReading.readToEnd() ?? Data()
        promtool.waitUntilExit()
        #expect(String(decoding: complaints, as: UTF8.self) == "")
        #expect(promtool.terminationStatus == 0)
    }

    @Test func `a thousand services with four backends each are one scrape`() {
        var statistics = DataplaneStatistics.sample()
        statistics.services = (0..<1000).map { .sample(name: "service-\($0)", backends: 4) }
        let text = expose(statistics)
        #expect(lines(text, with: "dpvs_backend_weight{").count == 4000)
    }
}
