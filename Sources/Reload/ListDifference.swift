// SPDX-License-Identifier: Apache-2.0

/// How one list of keyed elements becomes another; keys are unique in each.
struct ListDifference<Element: Equatable, Key: Hashable> {
    var removed: [Element] = []
    /// In new order, those that stay; nil when they are in this order already.
    var reordered: [Key]?
    /// In new order, each with the element that comes before it.
    var added: [(element: Element, after: Key?)] = []
    var changed: [(from: Element, to: Element)] = []

    init(from old: [Element], to new: [Element], by key: (Element) -> Key) {
        let before = Dictionary(old.map { (key($0), $0) }) { first, _ in first }
        let after = Set(new.map(key))
        removed = old.filter { !after.contains(key($0)) }
        let stay = new.map(key).filter { before[$0] != nil }
        if stay != old.map(key).filter(after.contains) { reordered = stay }
        var previous: Key?
        for element in new {
            let key = key(element)
            if let was = before[key] {
                if was != element { changed.append((was, element)) }
            } else {
                added.append((element, previous))
            }
            previous = key
        }
    }
}

extension Array {
    /// Puts `element` behind the one with key `previous`, or in front of all.
    mutating func insert<Key: Hashable>(
        _ element: Element,
        after previous: Key?,
        by key: (Element) -> Key
    ) {
        let place = previous.flatMap { previous in firstIndex { key($0) == previous } }
        insert(element, at: place.map { $0 + 1 } ?? 0)
    }

    mutating func replace<Key: Hashable>(with element: Element, by key: (Element) -> Key) {
        let wanted = key(element)
        if let place = firstIndex(where: { key($0) == wanted }) { self[place] = element }
    }

    /// Brings the elements into the order of `keys`; those that it does not name follow.
    mutating func order<Key: Hashable>(as keys: [Key], by key: (Element) -> Key) {
        let named = Set(keys)
        let byKey = Dictionary(map { (key($0), $0) }) { first, _ in first }
        self = keys.compactMap { byKey[$0] } + filter { !named.contains(key($0)) }
    }
}
