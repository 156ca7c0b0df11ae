// SPDX-License-Identifier: Apache-2.0
import Foundation
import Packet
import Testing

/// Pages that list what the code has.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func page(_ name: String) throws -> String {
        try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }

    /// The lines of `page` between two marks.
    private static func section(_ name: String, of page: String) throws -> [String] {
        let lines = try Self.page(page).split(separator: "\n").map(String.init)
        let start = try #require(lines.firstIndex(of: "<!-- \(name) -->"))
        let end = try #require(lines.firstIndex(of: "<!-- end of \(name) -->"))
        return Array(lines[start + 1..<end])
    }

    @Test func `the packet path lists every drop reason in its stage, in order`() throws {
        let rows = try Self.section("drop reasons", of: "doc/packet-path.md").dropFirst(2)
        let listed = rows.map { $0.split(separator: "|").prefix(2).joined(separator: "|") }
        let stages = DropReason.Stage.allCases
        let reasons = stages.flatMap { stage in DropReason.allCases.filter { $0.stage == stage } }
        #expect(listed == reasons.map { " \($0.stage.rawValue) | `\($0.name)` " })
    }

    @Test func `the architecture lists every module`() throws {
        let rows = try Self.section("modules", of: "doc/architecture.md").dropFirst(2)
        let listed = rows.flatMap { row in
            row.split(separator: "|")[1].split(separator: "`").map(String.init)
                .filter { !$0.allSatisfy(\.isWhitespace) }
        }
        let sources = try FileManager.default
            .contentsOfDirectory(atPath: Self.root.appending(path: "Sources").path)
        #expect(listed.sorted() == sources.sorted())
    }

    @Test func `links between pages lead somewhere`() throws {
        let documents = try FileManager.default
            .contentsOfDirectory(atPath: Self.root.appending(path: "doc").path)
            .filter { $0.hasSuffix(".md") }.map { "doc/\($0)" }
        for name in ["README.md"] + documents {
            let folder = Self.root.appending(path: name).deletingLastPathComponent()
            for match in try Self.page(name).matches(of: /\]\(([^)#:]+)\)/) {
                let target = folder.appending(path: String(match.1))
                #expect(FileManager.default.fileExists(atPath: target.path), "\(name): \(match.1)")
            }
        }
    }
}
