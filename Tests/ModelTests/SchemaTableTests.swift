// SPDX-License-Identifier: Apache-2.0
import Foundation
import Model
import Testing

@Suite struct SchemaTableTests {
    private static let begin = "<!-- fields -->"
    private static let end = "<!-- end of fields -->"

    @Test func `the page lists what reports call the fields of objects`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "doc/reload.md")
        var page = try String(contentsOf: file, encoding: .utf8)
        let first = try #require(page.range(of: Self.begin)?.upperBound)
        let last = try #require(page.range(of: Self.end)?.lowerBound)
        let table = DesiredState.kinds.flatMap(\.table.rows)
            .map { "| \($0.of) | \($0.name) | \($0.accepted) |\n" }
        let text = "\n| object | field | takes |\n|---|---|---|\n" + table.joined()
        if ProcessInfo.processInfo.environment["RECORD"] == "1" {
            page.replaceSubrange(first..<last, with: text)
            try page.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(page[first..<last] == text)
        }
        #expect(table.contains("| backend | weight | 0...65535 |\n"))
    }
}
