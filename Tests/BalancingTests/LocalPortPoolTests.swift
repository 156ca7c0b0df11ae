// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing

@testable import Balancing

@Suite struct LocalPortPoolTests {
    /// A pool with what it stands on.
    private final class Owned {
        let steering: FlowSteering
        let pool: LocalPortPool

        init(worker: Int = 0, of workers: Int = 1, subPools: Int = 1) throws {
            steering = FlowSteering(sharesAmong: workers)
            pool = try #require(
                LocalPortPool(worker: worker, steering: steering, subPools: subPools)
            )
        }

        /// Every port that is left.
        func allocateAll() -> [UInt16] {
            var ports: [UInt16] = []
            while let port = allocate() { ports.append(port) }
            return ports
        }

        func allocate(hash: UInt64 = 0) -> UInt16? { pool.allocate(hash: hash, flowHash: 0) }

        deinit {
            pool.destroy()
            steering.destroy()
        }
    }

    @Test func `every port of a sub-pool is given out once, then none`() throws {
        let owned = try Owned()
        let ports = owned.allocateAll()
        #expect(ports.count == 64511 && Set(ports).count == 64511)
        #expect(ports.min() == 1025 && ports.max() == 65535)
        let pool = owned.pool
        #expect(pool.used == 64511 && pool.capacity == 64511 && pool.exhausted == 1)
    }

    @Test func `nobody can tell from one pool or port which ports another uses or come next`()
        throws
    {
        let runs = try (0..<3)
            .map { _ in
                let owned = try Owned()
                return (0..<100).compactMap { _ in owned.allocate() }
            }
        #expect(Set(runs.map(\.first)).count > 1)
        let neighbours = runs.flatMap { zip($0, $0.dropFirst()) }.count { $0 &+ 1 == $1 }
        #expect(neighbours < 150, "\(runs)")
        #expect(runs.allSatisfy { $0.count { $0 < 2000 } < 50 })
    }

    @Test func `a port that came back waits long`() throws {
        let owned = try Owned()
        let first = try #require(owned.allocate())
        owned.pool.release(first, hash: 0)
        let others = (0..<60_000).map { _ in owned.allocate() }
        #expect(!others.contains(first) && !others.contains(nil))
    }

    @Test func `the last free port is found wherever it is`() throws {
        let owned = try Owned()
        _ = owned.allocateAll()
        for port in [UInt16(1025), 1088, 1089, 40_000, 65_535] {
            owned.pool.release(port, hash: 0)
            #expect(owned.allocate() == port)
        }
    }

    @Test func `sub-pools give out the same port to different backends`() throws {
        let owned = try Owned(subPools: 4)
        #expect(owned.pool.capacity == 4 * 64511)
        let first = owned.allocate(hash: 0)
        #expect(first == owned.allocate(hash: 1))
        #expect(first != owned.allocate(hash: 4))
    }

    @Test(arguments: [1, 2, 3, 6, 7, 16, 64, 200])
    func `the workers share all ports without overlap, and the owner is known`(workers: Int) throws
    {
        var all: Set<UInt16> = []
        let steering = FlowSteering(sharesAmong: workers)
        defer { steering.destroy() }
        for worker in 0..<workers {
            let pool = try #require(LocalPortPool(worker: worker, steering: steering, subPools: 1))
            defer { pool.destroy() }
            let ports = (0..<pool.capacity).compactMap { _ in pool.allocate(hash: 0, flowHash: 0) }
            #expect(UInt64(ports.count) == pool.capacity && all.isDisjoint(with: ports))
            #expect(pool.allocate(hash: 0, flowHash: 0) == nil)
            #expect(ports.allSatisfy { steering.owner(of: $0, flowHash: 0) == worker })
            all.formUnion(ports)
        }
        #expect(all.count == LocalPortPool.ports.count)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no port is in use twice, whatever comes and goes`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let owned = try Owned(worker: 3, of: 64, subPools: 2)
        var used: [Set<UInt16>] = [[], []]
        for _ in 0..<20_000 {
            let half = Int.random(in: 0...1, using: &random)
            if Int.random(in: 0..<5, using: &random) < 3 {
                if let port = owned.allocate(hash: UInt64(half)) {
                    #expect(used[half].insert(port).inserted, "seed \(seed)")
                } else {
                    #expect(used[half].count == Int(owned.pool.capacity) / 2, "seed \(seed)")
                }
            } else if let port = used[half].randomElement(using: &random) {
                used[half].remove(port)
                owned.pool.release(port, hash: UInt64(half))
            }
        }
        #expect(owned.pool.used == UInt64(used[0].count + used[1].count))
    }

    /// What lies side by side in a network must not share one sub-pool.
    @Test func `backends of one network spread over the sub-pools`() {
        var counts = Array(repeating: 0, count: 16)
        for last in 0..<4096 as Range<UInt32> {
            let address = IPAddress.v4(IPv4Address(rawValue: 0x0A02_0000 + last))
            counts[Int(endpointHash(WireAddress(address), 8080) & 15)] += 1
        }
        #expect(counts.allSatisfy { (180...340).contains($0) }, "\(counts)")
    }
}
