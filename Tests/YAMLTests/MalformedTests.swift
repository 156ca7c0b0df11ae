// SPDX-License-Identifier: Apache-2.0
import PacketTesting
import Testing
import YAML

@Suite struct MalformedTests {
    @Test(arguments: [
        ("a: 1\nb: 2\na: 3\n", "3:1 the key 'a' is there twice"),
        ("{a: 1, 'a': 2}", "1:8 the key 'a' is there twice"),
        ("x:\n  - {b: 1,\n     b: 2}", "3:6 the key 'b' is there twice"),
        ("[a]: 1\n", "1:1 a key is a plain word"),
        ("x:\n  {k: v}: 1\n", "2:3 a key is a plain word"),
        ("--- 1\n--- 2\n", "2:1 a file holds one document"),
        ("a: 1\n---\n", "2:1 a file holds one document"),
    ])
    func `what is YAML but not accepted is named with its place`(text: String, says: String) {
        #expect(problem(text) == says)
    }

    @Test(arguments: [
        ("a: [1, 2\nb: 3", 2), ("a: 'open", 1), ("a: \"\\q\"", 1), ("\ta: 1", 1),
        ("a: 1\n\tb: 2", 2), ("a: b: c", 1), ("a: @x", 1), ("a: 1\n b: 2", 2), ("- a\nb: 1", 2),
        ("a: *", 1), ("a: &", 1), ("}", 1), ("a: %x", 1), ("a: !<x", 1), ("&a &b c", 1),
        ("%YAML 9.9\n---\na", 1),
    ])
    func `what is no YAML is refused in its line`(text: String, line: Int) throws {
        let says = try #require(problem(text))
        #expect(says.hasPrefix("\(line):"), "\(says)")
    }

    @Test(
        arguments: [
            ([0xFF], 1, 4), ([0xC3], 1, 4), ([0xC0, 0x80], 1, 4), ([0xED, 0xA0, 0x80], 1, 4),
            ([0x00], 1, 4), ([0x07], 1, 4), ([0x0A, 0x62, 0x3A, 0x20, 0xC3, 0xA4, 0xFE], 2, 5),
            ([0x0A, 0x0A, 0xFF], 3, 1),
        ] as [([UInt8], Int, Int)]
    )
    func `octets that are no text are refused at their place`(
        octets: [UInt8],
        line: Int,
        column: Int
    ) {
        let error = #expect(throws: YAMLError.self) { try readYAML(Array("a: ".utf8) + octets) }
        #expect(error?.place == .init(line: line, column: column))
        #expect(error?.message.isEmpty == false)
    }

    // MARK: - Anything at all

    private static let document = """
        %YAML 1.1
        --- # a bit of everything
        defaults: &d {timeout: 90s, weight: 1}
        services:
          - name: "web\\t\\u00e9"
            <<: *d
            listen: [10.0.0.1:80, '[::1]:80']
            text: |
              line one
              line two
            folded: >-
              some
              more
          - {name: größe, weight: !!str 3, none: ~}
        ? complex
        : &c [&e x, *e, [[]]]
        last: *c
        ...
        """

    @Test func `the document that mutations begin with is read`() throws {
        let root = try #require(try read(Self.document))
        #expect(root["services", "0", "weight"]?.text == "1" && root["last", "1"]?.text == "x")
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `mutations neither trap nor get around the limits`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let document = Array(Self.document.utf8)
        var read = 0
        for _ in 0..<2_500 where check(random.mutation(of: document), seed) { read += 1 }
        #expect(read > 50, "seed \(seed): the mutations are too coarse to reach much")
    }

    @Test(arguments: [5, 6] as [UInt64])
    func `texts of what YAML is made of do not trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let text = random.text(of: "ab1 \n\n  :-,[]{}&*!|>'\"%@`#?~<.\t\\", upTo: 40)
            check(Array(text.utf8), seed)
        }
    }

    @Test(arguments: [7, 8] as [UInt64])
    func `random octets do not trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 { check(random.octets(.random(in: 0...64, using: &random)), seed) }
    }

    /// Reads `bytes` and checks what comes out; whether anything did.
    @discardableResult
    private func check(_ bytes: [UInt8], _ seed: UInt64) -> Bool {
        var limits = YAMLLimits()
        limits.nodes = 200
        limits.depth = 8
        // Every octet may end a line, and UTF-16 has fewer characters than octets.
        let (lines, columns) = (1...(bytes.count + 1), 1...(bytes.count + 1))
        do throws(YAMLError) {
            guard let root = try readYAML(bytes, limits: limits) else { return false }
            if root.size > limits.nodes || root.height > limits.depth {
                Issue.record("seed \(seed): beyond the limits: \(bytes)")
            }
            return true
        } catch {
            if !lines.contains(error.place.line) || !columns.contains(error.place.column) {
                Issue.record("seed \(seed): \(error.place) is not in \(bytes)")
            }
            return false
        }
    }
}
