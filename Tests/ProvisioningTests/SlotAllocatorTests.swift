// SPDX-License-Identifier: Apache-2.0
import PacketTesting
import Testing

@testable import Provisioning

@Suite struct SlotAllocatorTests {
    @Test func `keys get numbers from zero, and keep them`() {
        var slots = SlotAllocator<String>(capacity: 4)
        #expect(slots.bound == 0)
        #expect(slots.slot(for: "a") == 0 && slots.slot(for: "b") == 1)
        #expect(slots.slot(for: "a") == 0 && slots.bound == 2)
    }

    @Test func `when all are taken a new key gets none, an old one its own`() {
        var slots = SlotAllocator<String>(capacity: 2)
        _ = slots.slot(for: "a")
        _ = slots.slot(for: "b")
        #expect(slots.slot(for: "c") == nil)
        #expect(slots.slot(for: "b") == 1)
        #expect(slots.slots == ["a": 0, "b": 1] && slots.bound == 2)
        var none = SlotAllocator<String>(capacity: 0)
        #expect(none.slot(for: "a") == nil)
    }

    @Test func `a retired key keeps its number until it is released`() {
        var slots = SlotAllocator<String>(capacity: 2)
        _ = slots.slot(for: "a")
        _ = slots.slot(for: "b")
        slots.retire(allBut: ["b"])
        #expect(slots.retired == ["a"] && slots.slots["a"] == 0)
        #expect(slots.slot(for: "c") == nil)
        slots.release("a")
        #expect(slots.retired.isEmpty && slots.slots["a"] == nil)
        #expect(slots.slot(for: "c") == 0 && slots.bound == 2)
    }

    @Test func `a retired key that is wanted again has its old number`() {
        var slots = SlotAllocator<String>(capacity: 2)
        _ = slots.slot(for: "a")
        slots.retire(allBut: [])
        #expect(slots.slot(for: "a") == 0 && slots.retired.isEmpty)
        slots.release("a")
        #expect(slots.slots["a"] == 0, "a key in use is not released")
    }

    @Test func `releasing what is unknown changes nothing`() {
        var slots = SlotAllocator<String>(capacity: 2)
        slots.release("a")
        _ = slots.slot(for: "b")
        slots.release("b")
        #expect(slots.slots == ["b": 0] && slots.bound == 1)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no two keys ever share a number, and numbers are reused`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var slots = SlotAllocator<Int>(capacity: 16)
        var expected: [Int: Int] = [:]
        for _ in 0..<5_000 {
            let key = Int.random(in: 0..<24, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0...1:
                let slot = slots.slot(for: key)
                if let known = expected[key] {
                    #expect(slot == known, "seed \(seed)")
                } else {
                    #expect((slot == nil) == (expected.count == 16), "seed \(seed)")
                    expected[key] = slot
                }
            case 2: slots.retire(allBut: Set(expected.keys).subtracting([key]))
            default:
                if slots.retired.contains(key) { expected[key] = nil }
                slots.release(key)
            }
            #expect(slots.slots == expected, "seed \(seed)")
            #expect(Set(expected.values).count == expected.count, "seed \(seed)")
            #expect(slots.bound <= 16 && expected.values.allSatisfy { $0 < slots.bound })
        }
    }
}
