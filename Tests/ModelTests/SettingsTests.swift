// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Model

@Suite struct SettingsTests {
    @Test func `an item is its value, else its default, else nothing`() {
        var settings = Settings()
        #expect(settings.integer("neigh_defs.timeout") == 60)
        settings.items["neigh_defs.timeout"] = .integer(10)
        #expect(settings.integer("neigh_defs.timeout") == 10)
        #expect(settings.value("no.such.item") == nil && settings.integer("no.such.item") == 0)
        #expect(settings.text("no.such.item") == nil && !settings.isOn("no.such.item"))
        #expect(settings.duration("no.such.item") == .zero)
    }

    @Test func `a value of another kind is not taken for one`() {
        var settings = Settings()
        settings.items["neigh_defs.timeout"] = .text("10")
        #expect(settings.integer("neigh_defs.timeout") == 0)
        settings.items["neigh_defs.timeout"] = .text("")
        #expect(settings.text("neigh_defs.timeout") == nil, "an empty text is none")
    }

    @Test func `a block has defaults by its path`() {
        var worker = NamedBlock(name: "cpu1", path: "worker_defs.worker")
        #expect(worker.text("type") == "slave" && worker.integer("cpu_id") == nil)
        #expect(!worker.isOn("icmp_redirect_core") && worker.words("type").isEmpty)
        worker.items["type"] = .text("master")
        #expect(worker.text("type") == "master" && worker.integers("rx_queue_ids").isEmpty)
    }

    @Test(
        arguments: [
            (.integer(-5), "-5"), (.flag(true), "on"), (.flag(false), "off"), (.text("a b"), "a b"),
            (.text(""), "(none)"), (.words(["ip", "tcp"]), "ip|tcp"), (.integers([0, 2]), "0 2"),
            (.duration(.seconds(90)), "90s"), (.duration(.milliseconds(1500)), "1500ms"),
            (.duration(.zero), "0s"),
        ] as [(ItemValue, String)]
    )
    func `a value is printed as it stands in the file`(value: ItemValue, text: String) {
        #expect(value.description == text)
    }

    @Test func `settings survive being coded`() throws {
        var settings = Settings()
        settings.items = [
            "a": .integer(1), "b": .flag(true), "c": .text("x"), "d": .words(["y"]),
            "e": .integers([1, 2]), "f": .duration(.milliseconds(1500)),
        ]
        var worker = NamedBlock(name: "cpu1", path: "worker_defs.worker")
        worker.blocks = [NamedBlock(name: "a", path: "worker_defs.worker.port")]
        settings.workers = [worker]
        let coded = try JSONEncoder().encode(settings)
        #expect(try JSONDecoder().decode(Settings.self, from: coded) == settings)
    }
}

@Suite struct ItemCatalogueTests {
    @Test func `paths are unique and in words`() {
        let paths = ItemCatalogue.items.map(\.path)
        #expect(Set(paths).count == paths.count)
        #expect(ItemCatalogue.items.allSatisfy { ItemCatalogue.item($0.path)?.path == $0.path })
        #expect(Set(paths).isDisjoint(with: ItemCatalogue.blocks), "an item is not a block too")
    }

    @Test(arguments: ItemCatalogue.items.map(\.path))
    func `a default is a value that the item takes`(path: String) throws {
        let item = try #require(ItemCatalogue.item(path))
        guard let value = item.defaultValue else { return }
        switch (item.kind, value) {
        case (.integer(let range, let rounding), .integer(let number)):
            #expect(range.contains(number))
            switch rounding {
            case .none: break
            case .powerOfTwo: #expect(number.nonzeroBitCount == 1)
            case .powerOfTwoLessOne: #expect((number + 1).nonzeroBitCount == 1)
            }
        case (.integerOr(let range, _), .integer(let number)): #expect(range.contains(number))
        case (.flag, .flag), (.onOff, .flag), (.duration, .duration): break
        case (.choice(let words), .text(let word)): #expect(words.contains(word))
        case (.text(let longest), .text(let text)): #expect(text.count <= longest)
        case (.words(let words), .words(let chosen)): #expect(Set(chosen).isSubset(of: words))
        case (.integers(let range), .integers(let numbers)):
            #expect(numbers.allSatisfy(range.contains))
        default: Issue.record("\(value) is of another kind than \(item.kind)")
        }
    }

    @Test
    func
        `what stands in a named block is read at the start, except LLDP and what bonds can change`()
    {
        // Blocks are compared as a whole: see Settings.restartRequired.
        let inside = ItemCatalogue.items.filter { item in
            ItemCatalogue.namedBlocks.contains { item.path.hasPrefix($0 + ".") }
        }
        #expect(
            inside.filter { $0.moment != .start }.map(\.path) == [
                "netif_defs.device.lldp", "netif_defs.bonding.primary",
                "netif_defs.bonding.xmit_policy", "netif_defs.bonding.monitor_interval",
                "netif_defs.bonding.lldp",
            ]
        )
    }

    @Test func `the keywords of a block are what its paths go on with`() {
        #expect(ItemCatalogue.keywords(in: "worker_defs") == ["worker", "workers"])
        #expect(ItemCatalogue.keywords(in: "").contains("netif_defs"))
        #expect(ItemCatalogue.keywords(in: "neigh_defs").contains("timeout"))
        #expect(ItemCatalogue.keywords(in: "neigh").isEmpty)
        #expect(ItemCatalogue.item("neigh_defs.timeout")?.keyword == "timeout")
    }

    @Test(
        arguments: [
            (.integer(1...9), "1...9"), (.integer(4...(.max)), "4 or more"),
            (.integer(1...9, .powerOfTwo), "1...9, rounded down to 2^n"),
            (.integer(1...9, .powerOfTwoLessOne), "1...9, rounded down to 2^n-1"),
            (.flag, "nothing, on or off"), (.onOff, "on or off"),
            (.choice(["a", "b"]), "one of a, b"),
            (.text(longest: 9), "a text of at most 9 characters"),
            (.words(["a", "b"]), "some of a, b"),
            (.integers(0...3), "numbers in 0...3"),
            (.duration, "a duration such as 500ms, 30s or 2m"),
        ] as [(ConfigurationItem.Kind, String)]
    )
    func `what an item takes can be said`(kind: ConfigurationItem.Kind, text: String) {
        let item = ConfigurationItem(
            path: "a.b",
            kind: kind,
            defaultValue: nil,
            moment: .live,
            isInEffect: true,
            summary: ""
        )
        #expect(item.accepted == text)
    }
}
