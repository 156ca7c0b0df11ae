// SPDX-License-Identifier: Apache-2.0
import Containers
import Timing

extension FragmentTable {
    /// Decisions that expire in one call, so that no call takes long.
    private static var expiryBudget: Int { 8 }

    /// The living entry of `fragment`.
    func find(_ fragment: FragmentKey, _ hash: UInt64) -> Int? {
        var search = TagIndex.Search(hash, in: index)
        while true {
            let reference = index.next(of: hash, in: &search)
            if reference == TagIndex.none { return nil }
            if unsafe entries[Int(reference)].key == fragment { return Int(reference) }
        }
    }

    /// Ends a living entry; returns the packets that it held.
    mutating func retire(_ slot: Int, _ hash: UInt64) -> PacketChain {
        index.remove(UInt32(truncatingIfNeeded: slot), under: hash)
        let held = unsafe entries[slot].held
        unsafe entries[slot].held = PacketChain()
        unsafe entries[slot].isAlive = false
        heldCount &-= held.count
        return held
    }

    /// A new entry without packets; nil when the index finds no place for it.
    mutating func startWaiting(_ fragment: FragmentKey, _ hash: UInt64, deadline: Tick) -> Int? {
        if waiting.isFull { retireOldestWaiting() }
        let slot = waiting.append()
        let isAlive = index.insert(UInt32(truncatingIfNeeded: slot), under: hash)
        let entry = Entry(
            key: fragment,
            decision: .drop,
            deadline: deadline,
            isAlive: isAlive,
            held: PacketChain()
        )
        unsafe (entries + slot).initialize(to: entry)
        return isAlive ? slot : nil
    }

    /// Gives up the datagram that has waited longest, and what is dead before it.
    mutating func retireOldestWaiting() {
        while let slot = waiting.oldest {
            waiting.removeOldest()
            let entry = unsafe entries[slot]
            guard entry.isAlive else { continue }
            dropped.append(contentsOf: retire(slot, entry.key.hash(key)))
            return
        }
    }

    mutating func retireOldestDecision() {
        guard let slot = decisions.oldest else { return }
        decisions.removeOldest()
        let entry = unsafe entries[slot]
        if entry.isAlive { _ = retire(slot, entry.key.hash(key)) }
    }

    mutating func retireExpiredDecisions(now: Tick) {
        for _ in 0..<Self.expiryBudget {
            guard let slot = decisions.oldest else { return }
            let entry = unsafe entries[slot]
            guard !entry.isAlive || now.distance(from: entry.deadline) >= 0 else { return }
            retireOldestDecision()
        }
    }
}

/// Which of consecutive slots are in use, oldest first: a ring without memory of its own.
struct EntryRing: BitwiseCopyable {
    private let start: Int
    let capacity: Int
    private var first = 0
    private(set) var count = 0

    init(start: Int, capacity: Int) {
        self.start = start
        self.capacity = capacity
    }

    var isFull: Bool { count == capacity }

    var oldest: Int? { count == 0 ? nil : start &+ first }

    func contains(_ slot: Int) -> Bool { slot >= start && slot < start &+ capacity }

    /// The next slot; there is room.
    mutating func append() -> Int {
        var place = first &+ count
        if place >= capacity { place &-= capacity }
        count &+= 1
        return start &+ place
    }

    mutating func removeOldest() {
        first = first &+ 1 == capacity ? 0 : first &+ 1
        count &-= 1
    }
}
