// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import Testing

@testable import ConfigurationFiles

/// Sets, and lists that name them.
@Suite struct AccessTests {
    private func load(_ text: String, _ lists: [String: String] = [:]) -> LoadedConfiguration {
        var files = ["/e/dpvs.conf": "netif_defs {\n device dpdk0 { }\n}", "/e/s/a.yaml": text]
        files.merge(lists) { $1 }
        return ConfigurationLoader(conf: "/e/dpvs.conf", servicesDirectory: "/e/s")
            .load(MemorySource(files))
    }

    private func errors(_ loaded: LoadedConfiguration) -> [String] {
        loaded.diagnostics.filter { $0.severity == .error }.map(\.description)
    }

    private static let service = "{ address: 192.0.2.9, port: 80, mode: dr, LISTS }"

    private func file(
        _ lists: String,
        sets: String = "[{ name: office, entries: [10.0.0.0/8] }]"
    )
        -> String
    {
        "sets: \(sets)\nservices:\n  - \(Self.service.replacing("LISTS", with: lists))\n"
    }

    @Test func `sets and lists are read, and written back as they are`() throws {
        let text = """
            sets:
              - name: office
                entries: [10.0.0.0/8, 192.0.2.1-192.0.2.9, "10.1.0.0/16 nomatch", "2001:db8::/32"]
                entriesFile: /lists/more
            deny: [office, 203.0.113.7]
            services:
              - { address: 192.0.2.9, port: 80, mode: dr, allow: [office], deny: [198.51.100.0/24] }
            """
        let more =
            "# since May\n198.51.100.1 # one\n\n  198.51.100.0/25\n2001:db8:1::/48 nomatch\r\n"
        let loaded = load(text, ["/lists/more": more])
        #expect(loaded.diagnostics.isEmpty, "\(loaded.diagnostics)")
        let state = loaded.state
        #expect(
            state.sets.first?.entries.map(\.description) == [
                "10.0.0.0/8", "192.0.2.1-192.0.2.9", "10.1.0.0/16 nomatch", "2001:db8::/32",
                "198.51.100.1", "198.51.100.0/25", "2001:db8:1::/48 nomatch",
            ]
        )
        #expect(state.denials.map(\.source.description) == ["office", "203.0.113.7"])
        #expect(state.services.first?.access.allow == [.set("office")])
        #expect(state.services.first?.access.deny.map(\.description) == ["198.51.100.0/24"])
        let again = load(ServiceFileWriter().text(of: state)).state
        #expect(again.sets == state.sets && again.denials == state.denials)
        #expect(again.services == state.services)
    }

    @Test(arguments: [
        ("allow: [ofice]", "did you mean 'office'?"), ("deny: [10.0.0.300]", "is no set and no"),
        ("deny: [office, office]", "is there twice"), ("allow: office", "a list, each"),
        ("allow: ['']", "is not accepted here"),
        ("allow: [10.0.0.1/8]", "is not accepted here"),
    ])
    func `a list that names nobody is refused with its place`(list: String, says: String) {
        let found = errors(load(file(list)))
        #expect(found.count == 1 && found[0].contains(says), "\(found)")
        #expect(found.first?.hasPrefix("/e/s/a.yaml:3:") == true, "\(found)")
    }

    @Test(arguments: [
        ("[{ name: 10.0.0.1 }]", "cannot be the name of a set"),
        ("[{ name: 'a b' }]", "cannot be the name of a set"),
        ("[{ name: a }, { name: a }]", "is there twice"),
        ("[{ name: a, entries: [10.0.0.1/8] }]", "is not accepted here"),
        ("[{ name: a, entries: ['10.0.0.0/8 maybe'] }]", "is not accepted here"),
        ("[{ entries: [10.0.0.0/8] }]", "is missing"),
        ("[{ name: a, entriesFile: /none }]", "cannot be read"),
    ])
    func `a set that cannot be is refused with its place`(sets: String, says: String) {
        let found = errors(load("sets: \(sets)\n"))
        #expect(found.count == 1 && found[0].contains(says), "\(found)")
        #expect(found.first?.hasPrefix("/e/s/a.yaml:1:") == true, "\(found)")
    }

    @Test func `lines that are no entries are named with their file and line`() {
        let list = "10.0.0.0/8\nexample.org\n10.0.0.1/33\n010.0.0.1\n1.2.3\n1.2.3.4/\n1.2.3.4/08\n"
        let found = errors(load("sets: [{ name: a, entriesFile: /l }]", ["/l": list]))
        #expect(found.count == 6, "\(found)")
        #expect(found.first?.hasPrefix("/l:2:1: error: sets[0].entriesFile: 'example.org'") == true)
    }

    @Test func `the quick way and the slow one read the same entries`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let octets = (0..<4).map { _ in "\(Int.random(in: 0...280, using: &random))" }
            let length = Bool.random() ? "/\(Int.random(in: 0...40, using: &random))" : ""
            let line = octets.joined(separator: ".") + length
            let list = EntryList(Array(line.utf8))
            let slow = AddressSet.Entry(line).map { [$0] } ?? []
            #expect(list.entries == slow, "\(line)")
            #expect(list.mistakes.count == (slow.isEmpty ? 1 : 0))
        }
    }

    @Test func `whoever denies a backend everywhere is warned`() {
        let text = """
            deny: [192.0.2.0/24]
            services:
              - { address: 198.51.100.1, port: 80, mode: dr, backends: [{ address: 192.0.2.7 }] }
            """
        let warnings = load(text).diagnostics.map(\.description)
        #expect(warnings.count == 1 && warnings[0].contains("192.0.2.7, a backend of"))
    }
}
