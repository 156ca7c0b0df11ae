// SPDX-License-Identifier: Apache-2.0
import Addressing
import FileTesting
import Testing

@testable import RealIP

@Suite struct BeliefFileTests {
    @Test func `addresses, networks, comments and empty lines`() throws {
        let text = """
            # the balancers
            10.0.1.200          # lb1
              10.0.1.208/29

            2001:db8:1::200
            fd00::200/64
            """
        let prefixes = try BeliefFile.parse(text, of: "list")
        #expect(
            prefixes.map(\.description) == [
                "10.0.1.200/32", "10.0.1.208/29", "2001:db8:1::200/128", "fd00::/64",
            ]
        )
    }

    @Test func `every wrong line is named`() {
        let text = "10.0.1.200\n10.0.1.300\nlb1 lb2\n10.0.1.0/33\n"
        #expect {
            try BeliefFile.parse(text, of: "/etc/list")
        } throws: { error in
            let sentences = (error as? BeliefError)?.sentences ?? []
            return sentences.map { $0.prefix(11) } == ["/etc/list:2", "/etc/list:3", "/etc/list:4"]
                && sentences[1].contains("'lb1 lb2' is neither an address nor a network")
        }
    }

    @Test func `a file that goes wrong or away leaves what it said before`() throws {
        let directory = try TemporaryDirectory()
        try directory.write("10.0.1.200\n", to: "list")
        var sources = BeliefSources()
        sources.listed = [try #require(IPPrefix("10.0.9.9"))]
        sources.file = "\(directory.path)/list"
        var reader = BeliefReader(sources)
        try reader.begin()
        #expect(texts(reader) == ["10.0.1.200/32", "10.0.9.9/32"])
        try directory.write("10.0.1.200\nnonsense\n", to: "list")
        reader.readFile()
        #expect(texts(reader) == ["10.0.1.200/32", "10.0.9.9/32"])
        #expect(reader.problems.count == 1 && reader.problems[0].contains("list:2"))
        try directory.write("10.0.1.201/32\n10.0.1.202\n", to: "list")
        reader.readFile()
        #expect(texts(reader) == ["10.0.1.201/32", "10.0.1.202/32", "10.0.9.9/32"])
        #expect(reader.problems.isEmpty)
        try directory.remove("list")
        reader.readFile()
        #expect(texts(reader).count == 3 && reader.problems.count == 1)
        try directory.write("10.0.1.203\n", to: "list")
        reader.readFile()
        #expect(texts(reader) == ["10.0.1.203/32", "10.0.9.9/32"] && reader.problems.isEmpty)
    }

    @Test func `a ConfigMap is followed`() throws {
        let directory = try TemporaryDirectory()
        let volume = try ConfigMapVolume("\(directory.path)/v", ["list": "10.0.1.200\n"])
        var sources = BeliefSources()
        sources.file = "\(volume.path)/list"
        var reader = BeliefReader(sources)
        try reader.begin()
        #expect(texts(reader) == ["10.0.1.200/32"])
        try volume.update(to: ["list": "10.0.1.201\n"])
        reader.readFile()
        #expect(texts(reader) == ["10.0.1.201/32"])
    }

    @Test func `a file that is not there is an error at the beginning`() {
        var sources = BeliefSources()
        sources.file = "/nowhere/list"
        var reader = BeliefReader(sources)
        #expect(throws: ReceiverError.self) { try reader.begin() }
    }

    private func texts(_ reader: BeliefReader) -> [String] {
        reader.believed.sorted().map(\.description)
    }
}
