// SPDX-License-Identifier: Apache-2.0
import Model
import Testing

@testable import ConfigurationFiles

private func text(_ files: [String: String], identity: String = "node") -> KeepalivedText {
    KeepalivedText(
        "/k/k.conf",
        MemorySource(files),
        identity: identity,
        named: TextLocation(file: "/c", line: 1, column: 1)
    )
}

private func lines(_ text: String, identity: String = "node") -> [String] {
    ConfigurationFilesTests.text(["/k/k.conf": text], identity: identity).lines.map(\.text)
}

@Suite struct KeepalivedTextTests {
    @Test(
        arguments: [
            ("lb_algo wlc   #LVS", ["lb_algo wlc"]), ("}   # end", ["}"]), ("! all", []),
            ("a!b", ["a"]), (#"x "a # b" # c"#, [#"x "a # b""#]), ("x 'a!b'", ["x 'a!b'"]),
            ("a\r\n\r\n  b\t\r\n", ["a", "b"]), ("", []),
        ] as [(String, [String])]
    )
    func `comments begin anywhere outside quotes`(text: String, expected: [String]) {
        #expect(lines(text) == expected)
    }

    @Test func `words and braces have their places`() {
        let line = KeepalivedLine(
            text: #"real_server 1.2.3.4 80{ x "a b" abc" d "e ${NAME}"#,
            location: TextLocation(file: "f", line: 3, column: 5)
        )
        let words: [String] = line.tokens.map {
            switch $0.kind {
            case .word(let text): text
            case .open: "{"
            case .close: "}"
            case .endOfLine: "\n"
            }
        }
        #expect(
            words == ["real_server", "1.2.3.4", "80", "{", "x", "a b", "abc d e", "${NAME}"]
        )
        #expect(line.tokens.map(\.location.column) == [5, 17, 25, 27, 29, 31, 37, 47])
    }

    @Test func `definitions are used with and without braces, and unknown ones stay`() {
        let text = """
            $A=10.0.0.1
            $B=${A} 80
            virtual_server $B
            x $AB ${NONE} $A
            $A=2
            y $A
            """
        #expect(lines(text) == ["virtual_server 10.0.0.1 80", "x $AB ${NONE} 10.0.0.1", "y 2"])
    }

    @Test func `definitions of several lines hold definitions and each other`() {
        let text = """
            $RS= \\
            real_server 10.0.0.${N} 80 { \\
                weight 1 \\
            }
            $VS= \\
            v { \\
                $N=1 \\
                $RS \\
                $N=2 \\
                $RS \\
            }
            $VS
            """
        func server(_ number: Int) -> [String] {
            ["real_server 10.0.0.\(number) 80 {", "weight 1", "}"]
        }
        #expect(lines(text) == ["v {"] + server(1) + server(2) + ["}"])
    }

    @Test func `definitions that hold themselves end`() {
        let text = ConfigurationFilesTests.text(["/k/k.conf": "$A= \\\nx $A \\\n$A\n$A"])
        #expect(text.diagnostics.contains { $0.message.contains("grow without end") })
    }

    @Test(
        arguments: [
            ("@node x", ["x"]), ("@other x", []), ("@^node x", []), ("@^other x", ["x"]),
            ("@node $A=1\n@other $A=2\nv $A", ["v 1"]),
        ] as [(String, [String])]
    )
    func `lines may be for one node`(text: String, expected: [String]) {
        #expect(lines(text) == expected)
    }

    @Test(
        arguments: [
            ("~SEQ(P, 8000, 8002) a $P", ["a 8000", "a 8001", "a 8002"]),
            ("~SEQ(P, 2) ${P}x", ["1x", "2x"]), ("~SEQ(P, 1, 2, 5) $P", ["1", "3", "5"]),
            ("~SEQ(P, 3, 1) $P", ["3", "2", "1"]), ("~SEQx(P, a, b) $P", ["a", "b"]),
            ("~SEQ(A, 2) ~SEQ(B, 2) $A$B", ["11", "12", "21", "22"]),
            ("~LST(A, x, y) $A", ["x", "y"]), ("~SEQ(A, 1, 0, 2) $A", []), ("~SEQ(A, b) $A", []),
        ] as [(String, [String])]
    )
    func `sequences are written out`(text: String, expected: [String]) {
        #expect(lines(text) == expected)
    }

    @Test func `includes are found by pattern, beside their file, and in blocks`() {
        let read = text([
            "/k/k.conf": "a {\ninclude d/*.conf\n}\ninclude none*\ninclude /x/{p,q}.c\n",
            "/k/d/1.conf": "one # 1", "/k/d/2.conf": "two\ninclude ../e.conf",
            "/k/e.conf": "no", "/x/p.c": "p", "/x/q.c": "q",
        ])
        #expect(read.lines.map(\.text) == ["a {", "one", "two", "}", "p", "q"])
        #expect(read.diagnostics.isEmpty)
        #expect(read.lines[1].location == TextLocation(file: "/k/d/1.conf", line: 1, column: 1))
        #expect(Set(read.files.keys).isSuperset(of: ["/k/k.conf", "/k/d/2.conf", "/x/q.c"]))
    }

    @Test func `a file that includes itself is an error, and does not go on`() {
        let read = text(["/k/k.conf": "include k.conf"])
        #expect(read.diagnostics.count == 1 && read.diagnostics[0].severity == .error)
    }

    @Test func `a file that is not there is an error where it is named`() {
        let read = text([:])
        #expect(read.diagnostics.map(\.location.file) == ["/c"])
    }
}
