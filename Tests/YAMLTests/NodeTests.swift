// SPDX-License-Identifier: Apache-2.0
import Testing
import YAML

@Suite struct NodeTests {
    @Test(arguments: [
        "", "\n\n", "# nothing\n", "---\n", "---\n...\n", "~", "null\n", "--- # no\n",
    ])
    func `a document without contents is none`(text: String) throws {
        #expect(try read(text) == nil)
    }

    @Test(arguments: [
        ("a: 1\nb: two", "{a: 1, b: two}"),
        ("- 1\n- [x, y]\n- {k: v}\n", "[1, [x, y], {k: v}]"),
        ("a:\n  b:\n  - c\n  - d: e\n    f: g\n", "{a: {b: [c, {d: e, f: g}]}}"),
        ("a:\nb: ~\n", "{a: , b: ~}"),
        ("{}", "{}"),
        ("[]", "[]"),
        ("just words", "just words"),
        ("{\"a\": 'b', 'c': d}", "{'a': 'b', 'c': d}"),
        ("a: 1 # comment\n# another\nb: 2", "{a: 1, b: 2}"),
        ("%YAML 1.1\n---\na: 1\n...\n", "{a: 1}"),
        ("\u{FEFF}a: 1\n", "{a: 1}"),
        ("a: 1\r\nb: 2\r\n", "{a: 1, b: 2}"),
        ("? a\n: b\n", "{a: b}"),
        ("größe: 3 µ\n", "{größe: 3 µ}"),
    ])
    func `lists, mappings and scalars are read, in order`(text: String, flow: String) throws {
        #expect(try #require(try read(text)).flow == flow)
    }

    @Test(arguments: [
        ("a: 'it''s'", "it's"),
        (#"a: "tab\there \x41 \u00e9""#, "tab\there A é"),
        ("a: |\n  one\n  two\n", "one\ntwo\n"),
        ("a: |-\n  one\n  two\n", "one\ntwo"),
        ("a: >\n  one\n  two\n", "one two\n"),
        ("a: one\n  two\n", "one two"),
        ("a: ''", ""),
        ("a: 0x1F", "0x1F"),
        ("a: http://host:80/#x", "http://host:80/#x"),
        (#"a: "zero \0 inside""#, "zero \0 inside"),
    ])
    func `the text of a scalar is what it means`(text: String, value: String) throws {
        #expect(try read(text)?["a"]?.text == value)
    }

    @Test(arguments: [
        ("a: 5", true), ("a: '5'", false), ("a: \"5\"", false), ("a: |\n  5\n", false),
        ("a: !!str 5", false), ("a: !!int 5", true), ("a: !ours 5", true),
    ])
    func `only a plain scalar may be a number`(text: String, isPlain: Bool) throws {
        guard case .scalar(_, let isFound)? = try read(text)?["a"]?.content else {
            Issue.record("not a scalar: \(text)")
            return
        }
        #expect(isFound == isPlain)
    }

    @Test(arguments: [
        ("a:", true), ("a: ~", true), ("a: null", true), ("a: Null", true), ("a: NULL", true),
        ("a: nULL", false), ("a: ''", false), ("a: 'null'", false), ("a: \"~\"", false),
        ("a: !!str null", false), ("a: []", false), ("a: 0", false), ("a: none", false),
    ])
    func `nothing is written as nothing, a tilde or null`(text: String, isNull: Bool) throws {
        #expect(try read(text)?["a"]?.isNull == isNull)
    }

    @Test(arguments: [
        ("a: 1", "a value"), ("a: ''", "a value"), ("a:", "nothing"), ("a: [1]", "a list"),
        ("a: {b: 1}", "a mapping"),
    ])
    func `each kind has a name for people`(text: String, kind: String) throws {
        #expect(try read(text)?["a"]?.kind == kind)
    }

    // MARK: - Places

    @Test func `every node knows its line and column, both from 1`() throws {
        let text = """
            # services
            name: web
            backends:
              - 10.0.0.1:80
              - {at: "10.0.0.2:80", weight: 3}
            größe: {µ: x}
            """
        let root = try #require(try read(text))
        let expected: [([String], Int, Int)] = [
            ([], 2, 1), (["name"], 2, 7), (["backends"], 4, 3), (["backends", "0"], 4, 5),
            (["backends", "1"], 5, 5), (["backends", "1", "at"], 5, 10),
            (["backends", "1", "weight"], 5, 33),
            // Columns count characters, not octets.
            (["größe"], 6, 8), (["größe", "µ"], 6, 12),
        ]
        for (path, line, column) in expected {
            let node = path.reduce(Optional(root)) { $0?[$1] }
            #expect(node?.place == .init(line: line, column: column), "\(path)")
        }
        guard case .mapping(let pairs) = root.content else { return }
        #expect(pairs.map(\.key.place.line) == [2, 3, 6])
        #expect(pairs.map(\.key.place.column) == [1, 1, 1])
    }

    @Test func `a document marker does not shift places`() throws {
        let root = try read("%YAML 1.1\n---\n\n  a:   1\n")
        #expect(root?["a"]?.place == .init(line: 4, column: 8))
    }
}
