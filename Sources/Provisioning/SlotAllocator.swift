// SPDX-License-Identifier: Apache-2.0

/// Gives keys small numbers that stay theirs until they are given back.
///
/// A number is what connections and counters know an object by, so it outlives the object: a key
/// that is no longer wanted retires and keeps its number until `release`.
struct SlotAllocator<Key: Hashable & Sendable>: Sendable {
    private(set) var slots: [Key: Int] = [:]
    private(set) var retired: Set<Key> = []
    private var free: [Int] = []
    private var next = 0
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Numbers in use are below this.
    var bound: Int { next }

    /// The number of `key`, new or its own; nil when all are taken.
    mutating func slot(for key: Key) -> Int? {
        if !retired.isEmpty { retired.remove(key) }
        if let slot = slots[key] { return slot }
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            guard next < capacity else { return nil }
            slot = next
            next += 1
        }
        slots[key] = slot
        return slot
    }

    /// Marks a key as retired.
    mutating func retire(_ key: Key) { if slots[key] != nil { retired.insert(key) } }

    /// Marks every key outside `wanted` as retired.
    mutating func retire(allBut wanted: Set<Key>) {
        for key in slots.keys where !wanted.contains(key) { retired.insert(key) }
    }

    /// Takes the number of a retired key back.
    mutating func release(_ key: Key) {
        guard retired.remove(key) != nil, let slot = slots.removeValue(forKey: key) else { return }
        free.append(slot)
    }
}
