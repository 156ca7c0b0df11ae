// SPDX-License-Identifier: Apache-2.0

/// How one list of keyed elements becomes another; keys are unique in each.
///
/// What is equal at both ends is looked at once and not again, so that one element that changed in
/// a long list costs little more than comparing the lists.
package struct ListDifference<Element: Equatable, Key: Hashable> {
    package var removed: [Element] = []
    /// Whether those that stay come in another order.
    package var isReordered = false
    /// In new order.
    package var added: [Element] = []
    package var changed: [(from: Element, to: Element)] = []

    package init(from old: [Element], to new: [Element], by key: (Element) -> Key) {
        var start = 0
        while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
        var (oldEnd, newEnd) = (old.count, new.count)
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        guard start < max(oldEnd, newEnd) else { return }
        compare(old[start..<oldEnd], new[start..<newEnd], key)
    }

    private mutating func compare(
        _ old: ArraySlice<Element>,
        _ new: ArraySlice<Element>,
        _ key: (Element) -> Key
    ) {
        if old.count == 1, new.count == 1, let from = old.first, let to = new.first,
            key(from) == key(to)
        {
            changed = [(from, to)]
            return
        }
        let before = Dictionary(old.map { (key($0), $0) }) { first, _ in first }
        let after = Set(new.map(key))
        removed = old.filter { !after.contains(key($0)) }
        let stay = new.map(key).filter { before[$0] != nil }
        isReordered = stay != old.map(key).filter(after.contains)
        for element in new {
            if let was = before[key(element)] {
                if was != element { changed.append((was, element)) }
            } else {
                added.append(element)
            }
        }
    }
}
