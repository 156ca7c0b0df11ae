// SPDX-License-Identifier: Apache-2.0
import Balancing
import PacketTesting
import Testing

@Suite struct LocalPortPoolTests {
    @Test func `every port of a sub-pool is given out once, then none`() throws {
        let pool = try #require(LocalPortPool(worker: 0, of: 1, subPools: 1))
        defer { pool.destroy() }
        var seen: Set<UInt16> = []
        while let port = pool.allocate(hash: 0) {
            #expect(seen.insert(port).inserted)
        }
        #expect(seen.count == 64511)
        #expect(seen.min() == 1025 && seen.max() == 65535)
        #expect(pool.used == 64511 && pool.capacity == 64511 && pool.exhausted == 1)
    }

    @Test func `a port that came back waits longest`() throws {
        let pool = try #require(LocalPortPool(worker: 0, of: 1, subPools: 1))
        defer { pool.destroy() }
        let first = try #require(pool.allocate(hash: 0))
        pool.release(first, hash: 0)
        let second = try #require(pool.allocate(hash: 0))
        #expect(second == first + 1)
    }

    @Test func `the last free port is found wherever it is`() throws {
        let pool = try #require(LocalPortPool(worker: 0, of: 1, subPools: 1))
        defer { pool.destroy() }
        while pool.allocate(hash: 0) != nil {}
        for port in [UInt16(1025), 1088, 1089, 40_000, 65_535] {
            pool.release(port, hash: 0)
            #expect(pool.allocate(hash: 0) == port)
        }
    }

    @Test func `sub-pools give out the same port to different backends`() throws {
        let pool = try #require(LocalPortPool(worker: 0, of: 1, subPools: 4))
        defer { pool.destroy() }
        #expect(pool.capacity == 4 * 64511)
        let first = pool.allocate(hash: 0)
        #expect(first == pool.allocate(hash: 1))
        #expect(first != pool.allocate(hash: 4))
    }

    @Test(arguments: [1, 2, 3, 6, 7, 16, 64])
    func `the workers share all ports without overlap, and the owner is known`(workers: Int) throws
    {
        var owners: [Int: Int] = [:]
        for worker in 0..<workers {
            let pool = try #require(LocalPortPool(worker: worker, of: workers, subPools: 1))
            defer { pool.destroy() }
            while let port = pool.allocate(hash: 0) {
                #expect(owners.updateValue(worker, forKey: Int(port)) == nil)
                #expect(LocalPortPool.owner(of: port, among: workers) == worker)
            }
        }
        #expect(owners.count == LocalPortPool.ports.count)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no port is in use twice, whatever comes and goes`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pool = try #require(LocalPortPool(worker: 3, of: 64, subPools: 2))
        defer { pool.destroy() }
        var used: [Set<UInt16>] = [[], []]
        for _ in 0..<20_000 {
            let half = Int.random(in: 0...1, using: &random)
            if Int.random(in: 0..<5, using: &random) < 3 {
                if let port = pool.allocate(hash: UInt64(half)) {
                    #expect(used[half].insert(port).inserted, "seed \(seed)")
                } else {
                    #expect(used[half].count == Int(pool.capacity) / 2, "seed \(seed)")
                }
            } else if let port = used[half].randomElement(using: &random) {
                used[half].remove(port)
                pool.release(port, hash: UInt64(half))
            }
        }
        #expect(pool.used == UInt64(used[0].count + used[1].count))
    }
}
