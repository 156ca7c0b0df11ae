// SPDX-License-Identifier: Apache-2.0
import Containers
import PacketTesting
import Testing

@Suite struct TagIndexTests {
    @Test func `what was inserted is found until it is removed`() throws {
        var index = try required(TagIndex(keys: 16))
        let holds1 = index.insert(7, under: 0x1234_5678_9ABC_DEF0)
        #expect(holds1)
        let holds2 = index.candidate(for: 0x1234_5678_9ABC_DEF0) == 7
        #expect(holds2)
        let holds3 = index.find(0x1234_5678_9ABC_DEF0) { $0 == 7 } == 7
        #expect(holds3)
        let holds4 = index.find(0x1234_5678_9ABC_DEF0) { _ in false } == TagIndex.none
        #expect(holds4)
        index.remove(7, under: 0x1234_5678_9ABC_DEF0)
        let holds5 = index.find(0x1234_5678_9ABC_DEF0) { _ in true } == TagIndex.none
        #expect(holds5)
    }

    @Test func `a full home bucket overflows into its alternates, which end too`() throws {
        var index = try required(TagIndex(keys: 1024))
        var inserted: [UInt32] = []
        for reference in UInt32(0)..<100 {
            guard index.insert(reference, under: 0x0042_0000_0000_0000) else { break }
            inserted.append(reference)
        }
        #expect(inserted.count == 72)
        for reference in inserted {
            let holds6 = index.find(0x0042_0000_0000_0000) { $0 == reference } == reference
            #expect(holds6)
        }
        for reference in inserted { index.remove(reference, under: 0x0042_0000_0000_0000) }
        let holds7 = index.find(0x0042_0000_0000_0000) { _ in true } == TagIndex.none
        #expect(holds7)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `it agrees with a dictionary at full load`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let capacity = 4096
        var index = try required(TagIndex(keys: capacity))
        var model: [UInt32: UInt64] = [:]
        for step in 0..<40_000 {
            let reference = UInt32.random(in: 0..<UInt32(capacity), using: &random)
            if let hash = model.removeValue(forKey: reference) {
                index.remove(reference, under: hash)
            } else {
                let hash = random.next()
                let holds8 = index.insert(reference, under: hash)
                #expect(holds8, "seed \(seed), step \(step)")
                model[reference] = hash
            }
        }
        for (reference, hash) in model {
            let found = index.find(hash) { $0 == reference }
            #expect(found == reference, "seed \(seed)")
        }
    }
}

extension TagIndex {
    /// The reference under `hash` that `confirm` accepts, or `none`.
    fileprivate borrowing func find(_ hash: UInt64, confirm: (UInt32) -> Bool) -> UInt32 {
        var search = Search(hash, in: self)
        while true {
            let reference = next(of: hash, in: &search)
            if reference == Self.none || confirm(reference) { return reference }
        }
    }
}
