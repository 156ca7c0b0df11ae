// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// What differs from `other` in items that are read at the start only: one sentence each.
    package func restartRequired(toBecome other: Settings) -> [String] {
        var differences: [String] = []
        for item in ItemCatalogue.items where item.moment == .start {
            guard !ItemCatalogue.namedBlocks.contains(where: { item.path.hasPrefix($0 + ".") })
            else { continue }
            let (old, new) = (value(item.path), other.value(item.path))
            if old != new { differences.append(Self.sentence(item.path, old, new)) }
        }
        differences += Self.differences(devices, other.devices)
        differences += Self.differences(bonds, other.bonds)
        differences += Self.differences(workers, other.workers)
        return differences
    }

    /// `other` with this one's values where those are read at the start only.
    package func takingLive(from other: Settings) -> Settings {
        var result = other
        for item in ItemCatalogue.items where item.moment == .start {
            result.items[item.path] = items[item.path]
        }
        result.devices = devices.map { $0.takingLive(from: other.devices) }
        result.bonds = bonds.map { $0.takingLive(from: other.bonds) }
        result.workers = workers
        return result
    }

    private static func differences(_ old: [NamedBlock], _ new: [NamedBlock]) -> [String] {
        var sentences: [String] = []
        let before = Dictionary(old.map { ($0.name, $0) }) { first, _ in first }
        let after = Dictionary(new.map { ($0.name, $0) }) { first, _ in first }
        for name in Set(before.keys).union(after.keys).sorted() {
            switch (before[name], after[name]) {
            case (let left?, let right?):
                for item in Set(left.items.keys).union(right.items.keys).sorted() {
                    let (old, new) = (left.value(item), right.value(item))
                    if old != new, !left.isLive(item) {
                        sentences.append(sentence("\(left.path) \(name) \(item)", old, new))
                    }
                }
                if left.blocks != right.blocks {
                    sentences.append("\(left.path) \(name): its ports differ")
                }
            case (let left?, nil): sentences.append("\(left.path) \(name): removed")
            case (nil, let right?): sentences.append("\(right.path) \(name): added")
            case (nil, nil): break
            }
        }
        return sentences
    }

    private static func sentence(_ path: String, _ old: ItemValue?, _ new: ItemValue?) -> String {
        "\(path): \(old?.description ?? "(none)") → \(new?.description ?? "(none)")"
    }
}

extension NamedBlock {
    /// Whether a change of `item` takes effect at once.
    fileprivate func isLive(_ item: String) -> Bool {
        ItemCatalogue.item(path + "." + item)?.moment == .live
    }

    /// The block with what is live as the one of its name in `others` has it.
    fileprivate func takingLive(from others: [NamedBlock]) -> NamedBlock {
        guard let other = others.first(where: { $0.name == name }) else { return self }
        var result = self
        result.items = items.filter { !isLive($0.key) }
            .merging(other.items.filter { isLive($0.key) }) { _, new in new }
        return result
    }
}
