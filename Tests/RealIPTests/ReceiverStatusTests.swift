// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

@testable import RealIP

@Suite struct ReceiverStatusTests {
    private static let status = ReceiverStatus(
        name: "web",
        process: 17,
        started: Date(timeIntervalSince1970: 1_800_000_000),
        groups: ["/sys/fs/cgroup/system.slice/nginx.service"],
        interfaces: [.init(name: "eth0", isRead: true), .init(name: "eth1", isRead: false)],
        datagrams: .rewrite,
        questions: .last,
        pins: "/sys/fs/bpf/dpvs-realip/web",
        believed: ["10.0.1.200", "10.0.2.0/24"],
        problems: ["there is no interface eth1"],
        counters: [.connectionsIPv4: 12, .datagramsForged: 3]
    )

    @Test func `the text says what is served, believed, wrong and counted`() {
        let text = Self.status.text
        #expect(
            text.hasPrefix(
                """
                receiver web, process 17, since 2027-01-15T08:00:00Z
                control group: /sys/fs/cgroup/system.slice/nginx.service
                UDP: recvfrom and its kin tell the client; interfaces: eth0, eth1 (not read)
                getsockopt 2048: answers for the datagram received last (see dpvs-realip check)
                kept for the next receiver: in /sys/fs/bpf/dpvs-realip/web
                believed: 10.0.1.200, 10.0.2.0/24
                problem: there is no interface eth1
                          12  connections whose TOA told an IPv4 client

                """
            ),
            "\(text)"
        )
    }

    @Test func `it is the same after JSON`() throws {
        let data = try ControlJSON.encode(Self.status)
        #expect(try ControlJSON.decode(ReceiverStatus.self, from: data) == Self.status)
        #expect(String(decoding: data, as: UTF8.self).contains(#""connectionsIPv4":12"#))
    }

    @Test func `every counter is a sample of its own`() throws {
        let lines = Self.status.metrics.split(separator: "\n")
        let samples = lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " } }
        #expect(Set(samples).count == samples.count)
        #expect(lines.contains(#"dpvs_realip_connections_total{receiver="web",result="ipv4"} 12"#))
        #expect(lines.contains(#"dpvs_realip_datagrams_total{receiver="web",result="forged"} 3"#))
        #expect(lines.contains(#"dpvs_realip_interface_read{receiver="web",interface="eth1"} 0"#))
        #expect(lines.contains(#"dpvs_realip_problems{receiver="web"} 1"#))
        let families = lines.filter { $0.hasPrefix("# TYPE") }
        #expect(Set(families).count == families.count)
    }

    private static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "doc/client-address.md")

    @Test func `the page lists the metrics, no more and no less`() throws {
        let table = ReceiverMetric.allCases.map(Self.row)
        var page = try String(contentsOf: Self.page, encoding: .utf8)
        if ProcessInfo.processInfo.environment["RECORD"] == "1" {
            var lines = page.split(separator: "\n", omittingEmptySubsequences: false)
                .filter { !$0.hasPrefix("| `dpvs_realip_") }.map(String.init)
            let head = try #require(lines.firstIndex(of: "| name | type | labels | meaning |"))
            lines.insert(contentsOf: table, at: head + 2)
            page = lines.joined(separator: "\n")
            try page.write(to: Self.page, atomically: true, encoding: .utf8)
        }
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `dpvs_realip_") }
        #expect(rows.map(String.init) == table)
    }

    private static func row(_ metric: ReceiverMetric) -> String {
        let labels = metric.labels.map { label in
            let values = label.values.map { "`\($0)`" }.joined(separator: ", ")
            return values.isEmpty ? "`\(label.name)`" : "`\(label.name)`: \(values)"
        }
        return
            "| `\(metric.name)` | \(metric.kind) | \(labels.joined(separator: "; ")) | \(metric.help) |"
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")))
    func `promtool finds nothing to complain about`() throws {
        let file = FileManager.default.temporaryDirectory
            .appending(path: "realip-\(ProcessInfo.processInfo.processIdentifier).prom")
        try Data(Self.status.metrics.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let promtool = Process()
        promtool.executableURL = URL(filePath: "/usr/bin/promtool")
        promtool.arguments = ["check", "metrics"]
        promtool.standardInput = try FileHandle(forReadingFrom: file)
        try promtool.run()
        promtool.waitUntilExit()
        #expect(promtool.terminationStatus == 0)
    }
}
