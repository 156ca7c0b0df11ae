// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// Lists of named blocks, and what sentences call them.
    private static let blocks:
        [(noun: String, list: any KeyPath<Settings, [NamedBlock]> & Sendable)] =
            [("devices", \.devices), ("bonds", \.bonds), ("workers", \.workers)]

    /// What leads from here to `new`: items by path, then blocks.
    func changes(to new: Settings) -> [Change] {
        guard self != new else { return [] }
        var result: [Change] = []
        for path in Set(items.keys).union(new.items.keys).sorted()
        where items[path] != new.items[path] {
            result.append(Self.change(path, items[path], new.items[path]))
        }
        for (noun, list) in Self.blocks where self[keyPath: list] != new[keyPath: list] {
            result.append(Self.change(noun, self[keyPath: list], new[keyPath: list]))
        }
        return result
    }

    /// An item shows its default where a file does not mention it.
    private static func change(_ path: String, _ old: ItemValue?, _ new: ItemValue?) -> Change {
        let standard = ItemCatalogue.item(path)?.defaultValue
        func text(_ value: ItemValue?) -> String { (value ?? standard)?.description ?? "(none)" }
        let source = new == nil ? "by default" : "by file"
        return Change(
            .init(kind: "setting", key: path, title: path),
            .set(from: text(old), to: text(new), source)
        )
    }

    private static func change(
        _ noun: String,
        _ old: [NamedBlock],
        _ new: [NamedBlock]
    ) -> Change {
        let difference = ListDifference(from: old, to: new, by: \.name)
        let parts =
            difference.added.map { "\($0.name) added" }
            + difference.changed.map { "\($0.to.name) changed" }
            + difference.removed.map { "\($0.name) removed" }
        return Change(
            .init(kind: "setting", key: noun, title: noun),
            .blocks(parts.isEmpty ? ["reordered"] : parts)
        )
    }
}
