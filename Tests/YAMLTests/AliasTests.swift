// SPDX-License-Identifier: Apache-2.0
import Testing
import YAML

@Suite struct AliasTests {
    @Test(arguments: [
        ("[&a 1, *a, *a]", "[1, 1, 1]"),
        ("{a: &x {b: [1]}, c: *x}", "{a: {b: [1]}, c: {b: [1]}}"),
        ("[&a 1, &a 2, *a]", "[1, 2, 2]"),
        ("[&a 1, &a [*a, 2], *a]", "[1, [1, 2], [1, 2]]"),
        ("{&k key: 1, other: *k}", "{key: 1, other: key}"),
        ("{a: &k key, *k : 1}", "{a: key, key: 1}"),
        ("[&a '1', *a]", "['1', '1']"),
    ])
    func `an alias is what its anchor named last`(text: String, flow: String) throws {
        #expect(try #require(try read(text)).flow == flow)
    }

    @Test(arguments: [
        ("[*a]", "1:2 there is no anchor 'a' before"),
        ("[*a, &a 1]", "1:2 there is no anchor 'a' before"),
        ("a: &a\n  b: *a", "2:6 there is no anchor 'a' before"),
        ("&a [*a]", "1:5 there is no anchor 'a' before"),
    ])
    func `an alias names something before it, never what holds it`(text: String, says: String) {
        #expect(problem(text) == says)
    }

    @Test func `a node that an alias repeats is where it was written`() throws {
        let root = try read("a: &x\n  b: 1\nc: *x\n")
        #expect(root?["c", "b"]?.place == .init(line: 2, column: 6))
    }

    // MARK: - Merge keys

    @Test(arguments: [
        ("{x: &x {a: 1, b: 2}, y: {<<: *x, b: 3}}", "{b: 3, a: 1}"),
        ("{x: &x {a: 1, b: 2}, y: {b: 3, <<: *x}}", "{b: 3, a: 1}"),
        ("{x: &x {a: 1}, z: &z {a: 2, c: 3}, y: {<<: [*x, *z]}}", "{a: 1, c: 3}"),
        ("{x: &x {a: 1}, z: &z {<<: *x, b: 2}, y: {<<: *z}}", "{b: 2, a: 1}"),
        ("{y: {<<: {a: 1}}}", "{a: 1}"),
        ("{y: {<<: []}}", "{}"),
        ("{y: {'<<': 1}}", "{'<<': 1}"),
    ])
    func `merged keys come after own ones and do not replace them`(
        text: String,
        flow: String
    )
        throws
    {
        #expect(try read(text)?["y"]?.flow == flow)
    }

    @Test(arguments: [
        ("{<<: 1}", "1:6 '<<' takes a mapping"),
        ("<<:\n", "1:4 '<<' takes a mapping"),
        ("{<<: [{a: 1}, 2]}", "1:15 '<<' takes mappings"),
    ])
    func `only mappings are merged`(text: String, says: String) {
        #expect(problem(text) == says)
    }

    // MARK: - Limits

    @Test func `aliases that grow without end are refused`() {
        var text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
        for level in 1...9 {
            let names = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            text += "a\(level): &a\(level) [\(names)]\n"
        }
        #expect(problem(text)?.hasSuffix("aliases make this document too large") == true)
    }

    @Test func `merged mappings count too`() {
        var text = "a0: &a0 {k: [1,1,1,1,1,1,1,1]}\n"
        for level in 1...9 {
            let pairs = (0..<8).map { "k\($0): {<<: *a\(level - 1)}" }.joined(separator: ", ")
            text += "a\(level): &a\(level) {\(pairs)}\n"
        }
        #expect(problem(text)?.hasSuffix("aliases make this document too large") == true)
    }

    @Test(arguments: [(8, false), (9, true)])
    func `nodes are counted with what aliases name`(limit: Int, isRead: Bool) {
        // The list, two scalars in a list twice, and the alias and one more scalar.
        let says = problem("[&a [1, 2], *a, 3]") { $0.nodes = limit }
        #expect((says == nil) == isRead)
    }

    @Test(arguments: [(4, nil), (3, "1:4 nested too deep")] as [(Int, String?)])
    func `depth is counted from 1`(limit: Int, says: String?) {
        #expect(problem("[[[1]]]") { $0.depth = limit } == says)
        #expect((problem("{a: {b: {c: d}}}") { $0.depth = limit } == nil) == (says == nil))
    }

    @Test func `aliases do not get around the depth`() {
        var text = "a0: &a0 [1]\n"
        for level in 1...100 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(problem(text)?.hasSuffix("nested too deep") == true)
        #expect(problem("[&a [[1]], [*a]]") { $0.depth = 5 } == nil)
        #expect(problem("[&a [[1]], [*a]]") { $0.depth = 4 } == "1:13 nested too deep")
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "])
    func `deep nesting is refused and does not end the stack`(opening: String) {
        let text = String(repeating: opening, count: 20_000)
        #expect(problem(text) != nil)
        #expect(problem(String(repeating: opening, count: 100) + "x") != nil)
    }
}
