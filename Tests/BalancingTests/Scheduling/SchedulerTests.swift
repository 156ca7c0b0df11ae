// SPDX-License-Identifier: Apache-2.0
import Addressing
import Containers
import PacketTesting
import Testing

@testable import Balancing

@Suite struct SchedulerTests {
    @Test func `a scheduler is 16 octets, and a service record fits two cache lines`() {
        #expect(MemoryLayout<Scheduler>.size == 16)
        #expect(MemoryLayout<Scheduler.Member>.stride == 8)
        #expect(MemoryLayout<ServiceRecord>.stride <= 128)
    }

    @Test(arguments: [Scheduler.Kind.circle, .preference, .table, .leastLoaded])
    func `without entries nobody is chosen`(kind: Scheduler.Kind) throws {
        let bench = try Bench(Scheduler(kind, members: Bench.members([0, 0]), entries: []))
        #expect(bench.choose() == nil)
    }

    // MARK: - Circle

    @Test(
        arguments: [
            ([0, 1, 2], [0, 1, 2, 0, 1, 2, 0]), ([0, 2], [0, 2, 0, 2, 0, 2, 0]),
            ([0, 1, 0], [0, 1, 0, 0, 1, 0, 0]),
        ] as [([UInt16], [UInt32])]
    )
    func `turns go round`(entries: [UInt16], expected: [UInt32]) throws {
        let bench = try Bench(
            Scheduler(.circle, members: Bench.members([1, 1, 1]), entries: entries)
        )
        #expect((0..<7).compactMap { _ in bench.choose() } == expected)
    }

    @Test func `an unusable backend is passed over, and taken again later`() throws {
        let bench = try Bench(
            Scheduler(.circle, members: Bench.members([1, 1, 1]), entries: [0, 1, 2])
        )
        bench.disable(1)
        #expect((0..<4).map { _ in bench.choose() } == [0, 2, 0, 2])
        bench.conditions.remove(.full, slot: 101)
        #expect((0..<3).map { _ in bench.choose() } == [0, 1, 2])
        bench.disable(0, 1, 2)
        #expect(bench.choose() == nil)
    }

    @Test func `a light backend is found behind any number of turns of a heavy one`() throws {
        let entries = Array(repeating: UInt16(0), count: 5000) + [1]
        let bench = try Bench(
            Scheduler(.circle, members: Bench.members([5000, 1, 0]), entries: entries)
        )
        bench.disable(0)
        #expect((0..<3).map { _ in bench.choose() } == [1, 1, 1])
    }

    @Test func `workers begin evenly spread`() throws {
        let scheduler = {
            Scheduler(.circle, members: Bench.members([1, 1, 1, 1]), entries: [0, 1, 2, 3])
        }
        let first = try (0..<4).map { try Bench(scheduler()).choose(worker: $0, of: 4) }
        #expect(first == [0, 1, 2, 3])
        let ofTwo = try (0..<2).map { try Bench(scheduler()).choose(worker: $0, of: 2) }
        #expect(ofTwo == [0, 2])
    }

    @Test func `a cursor of a longer circle begins anew`() throws {
        let bench = try Bench(Scheduler(.circle, members: Bench.members([1, 1]), entries: [0, 1]))
        for cursor in [3, 1000, UInt64(UInt32.max), UInt64.max] {
            bench.cursor = cursor
            #expect(bench.choose() == 0)
            #expect(bench.choose() == 1)
        }
    }

    // MARK: - Preference

    @Test func `the best usable backend takes all`() throws {
        let bench = try Bench(
            Scheduler(.preference, members: Bench.members([1, 9, 5]), entries: [1, 2, 0])
        )
        #expect((0..<3).map { _ in bench.choose() } == [1, 1, 1])
        bench.disable(1)
        #expect(bench.choose() == 2)
        bench.disable(2)
        #expect(bench.choose() == 0)
        bench.conditions.remove(.full, slot: 101)
        #expect(bench.choose() == 1)
    }

    // MARK: - Table

    private func table(_ options: Scheduler.Options, size: Int = 251) throws -> Bench {
        let entries = (0..<size).map { UInt16($0 % 3) }
        return try Bench(
            Scheduler(
                .table,
                members: Bench.members([1, 1, 1]),
                entries: entries,
                options: options
            )
        )
    }

    @Test func `a client keeps its backend, and clients spread`() throws {
        let bench = try table([])
        var counts: [UInt32: Int] = [:]
        for client in 0..<3000 as Range<UInt64> {
            let chosen = try #require(bench.choose(client, port: 1))
            #expect(bench.choose(client, port: 2) == chosen, "the port does not count")
            counts[chosen, default: 0] += 1
        }
        #expect(counts.values.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }

    @Test func `with usesPort the connections of one client spread`() throws {
        let bench = try table(.usesPort)
        #expect(Set((0..<50).map { bench.choose(7, port: $0) }).count == 3)
        #expect(bench.choose(7, port: 5) == bench.choose(7, port: 5))
    }

    @Test func `with usesDestination sources do not count`() throws {
        let bench = try table(.usesDestination)
        #expect(Set((0..<50).map { bench.choose($0) }).count == 1)
        let byDestination = (0..<50 as Range<UInt64>)
            .map {
                bench.choose(FlowKey(source: (0, 1), sourcePort: 1, destination: (0, $0)))
            }
        #expect(Set(byDestination).count == 3)
    }

    @Test func `flows of an unusable backend are refused, or spread over the others`() throws {
        let strict = try table([])
        let lenient = try table(.fallsBack)
        let before = (0..<3000 as Range<UInt64>).map { strict.choose($0) }
        strict.disable(1)
        lenient.disable(1)
        var moved: [UInt32: Int] = [:]
        for (client, backend) in before.enumerated() {
            let chosen = lenient.choose(UInt64(client))
            if backend == 1 {
                #expect(strict.choose(UInt64(client)) == nil)
                moved[try #require(chosen), default: 0] += 1
            } else {
                #expect(strict.choose(UInt64(client)) == backend && chosen == backend)
            }
        }
        #expect(moved.keys.sorted() == [0, 2])
        #expect(moved.values.allSatisfy { $0 > 400 }, "\(moved)")
        lenient.disable(0, 2)
        #expect(lenient.choose(1) == nil)
    }

    // MARK: - Ring

    private func ring(
        _ points: [(UInt32, UInt16)],
        _ options: Scheduler.Options = []
    ) throws
        -> Bench
    {
        try Bench(
            Scheduler(
                ring: points.map { Scheduler.Point(position: $0, backend: $1) },
                members: Bench.members([1, 1, 1]),
                options: options
            )
        )
    }

    @Test(arguments: [1, 2, 3, 4, 5, 64, 100, 2560] as [Int])
    func `the next point of a ring is found wherever a flow falls`(count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        let points = (0..<count).map { _ in UInt32.random(in: 0...UInt32.max, using: &random) }
            .sorted()
        let bench = try ring(points.map { ($0, 0) })
        var targets: [UInt32] = [0, .max]
        for point in points { targets += [point, point &+ 1, point &- 1] }
        for _ in 0..<1000 { targets.append(.random(in: 0...UInt32.max, using: &random)) }
        for target in targets {
            let expected = points.firstIndex { $0 >= target } ?? 0
            #expect(bench.scheduler.firstPoint(from: target) == expected, "\(target)")
        }
    }

    @Test func `a flow goes to the next usable point`() throws {
        let bench = try ring([(0x5555_5555, 0), (0xAAAA_AAAA, 1), (0xFFFF_FFFF, 2)])
        let before = (0..<300 as Range<UInt64>).map { bench.choose($0) }
        #expect(Set(before) == [0, 1, 2])
        bench.disable(1)
        #expect(
            (0..<300 as Range<UInt64>).map { bench.choose($0) } == before.map { $0 == 1 ? 2 : $0 }
        )
        bench.disable(2)
        #expect(Set((0..<300 as Range<UInt64>).map { bench.choose($0) }) == [0])
        bench.disable(0)
        #expect(bench.choose(1) == nil)
    }

    @Test func `a connection id counts instead of the source, where there is one`() throws {
        let bench = try ring(
            [(0x5555_5555, 0), (0xAAAA_AAAA, 1), (0xFFFF_FFFF, 2)],
            .usesConnectionID
        )
        var key = FlowKey(source: (0, 1), sourcePort: 1, destination: (0, 1))
        let plain = bench.choose(key)
        var chosen: Set<UInt32?> = []
        for id in 0..<50 as Range<UInt64> {
            key.connectionID = id
            key.hasConnectionID = false
            #expect(bench.choose(key) == plain)
            key.hasConnectionID = true
            let first = bench.choose(key)
            key.sourceLow &+= 1
            #expect(bench.choose(key) == first, "the client may have moved")
            key.sourceLow = 1
            chosen.insert(first)
        }
        #expect(chosen == [0, 1, 2])
    }

    // MARK: - Least loaded

    private func loaded(
        _ weights: [UInt32],
        _ options: Scheduler.Options = [],
        entries: [UInt16]? = nil
    ) throws -> Bench {
        try Bench(
            Scheduler(
                .leastLoaded,
                members: Bench.members(weights),
                entries: entries ?? weights.indices.filter { weights[$0] > 0 }.map { UInt16($0) },
                options: options
            )
        )
    }

    @Test(
        arguments: [
            ([1, 1, 1], [5, 3, 4], [0, 0, 0], 1), ([1, 1, 1], [3, 3, 3], [2, 1, 2], 1),
            // 6 / 3 < 3 / 1; a weight of 0 has no turn.
            ([3, 1, 0], [6, 3, 0], [0, 0, 0], 0),
            ([65535, 1, 1], [1 << 20, 17, 17], [0, 0, 0], 0),
            // 256 inactive weigh as much as one active.
            ([1, 1, 1], [1, 0, 2], [0, 257, 0], 0), ([1, 1, 1], [1, 0, 2], [0, 255, 0], 1),
        ] as [([UInt32], [UInt64], [UInt64], UInt32)]
    )
    func `the least load for its weight is taken`(
        weights: [UInt32],
        active: [UInt64],
        inactive: [UInt64],
        expected: UInt32
    ) throws {
        let bench = try loaded(weights)
        for index in weights.indices {
            bench.load(index, active: active[index], inactive: inactive[index])
        }
        for _ in 0..<4 { #expect(bench.choose() == expected) }
        bench.disable(Int(expected))
        #expect(bench.choose() != expected)
    }

    @Test func `equals are told apart by turns, so that the shares are those of the weights`()
        throws
    {
        let bench = try loaded([2, 1, 0], entries: [0, 1, 0])
        #expect((0..<6).map { _ in bench.choose() } == [0, 1, 0, 0, 1, 0])
        let first = try (0..<3).map { try loaded([1, 1, 1]).choose(worker: $0, of: 3) }
        #expect(first == [0, 1, 2], "workers that start together do not all take one backend")
    }

    @Test func `sed counts the connection to come, so a strong backend goes first`() throws {
        let bench = try loaded([10, 1], .countsNext)
        // 5 / 10 < 1 / 1 although the second is idle.
        bench.load(0, active: 4)
        #expect((0..<3).map { _ in bench.choose() } == [0, 0, 0])
        bench.load(0, active: 10)
        #expect(bench.choose() == 1)
    }

    @Test func `nq takes an idle backend, and without one goes by expected delay`() throws {
        let bench = try loaded([10, 1], [.countsNext, .prefersIdle])
        bench.load(0, active: 4)
        #expect((0..<3).map { _ in bench.choose() } == [1, 1, 1])
        bench.load(1, active: 1)
        #expect((0..<3).map { _ in bench.choose() } == [0, 0, 0])
    }

    // MARK: - Whatever happens

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `nobody unusable and nobody without weight is ever chosen`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let weights = (0..<Int.random(in: 1...20, using: &random))
                .map { _ in UInt32([0, 1, 7].randomElement(using: &random) ?? 0) }
            let eligible = weights.indices.filter { weights[$0] > 0 }.map { UInt16($0) }
            let entries = eligible.isEmpty ? [] : eligible + eligible.shuffled(using: &random)
            let members = Bench.members(weights)
            let points = entries.map { backend in
                Scheduler.Point(
                    position: .random(in: 0...UInt32.max, using: &random),
                    backend: backend
                )
            }
            let schedulers = [
                Scheduler(.circle, members: members, entries: entries),
                Scheduler(.preference, members: members, entries: entries),
                Scheduler(.table, members: members, entries: entries, options: .fallsBack),
                Scheduler(.leastLoaded, members: members, entries: entries),
                Scheduler(.leastLoaded, members: members, entries: entries, options: .prefersIdle),
                Scheduler(ring: points.sorted(), members: members),
            ]
            let down = Set(weights.indices.filter { _ in Bool.random(using: &random) })
            for scheduler in schedulers {
                let bench = try Bench(scheduler)
                for index in down { bench.disable(index) }
                let usable = Set(eligible.map { UInt32($0) }).subtracting(down.map { UInt32($0) })
                for client in 0..<20 as Range<UInt64> {
                    let chosen = bench.choose(client)
                    #expect(
                        chosen.map(usable.contains) ?? usable.isEmpty,
                        "seed \(seed): \(scheduler.kind) of \(weights) without \(down)"
                    )
                }
            }
        }
    }
}

@Suite struct FixedHashTests {
    /// Other instances and later versions must agree: these values are for ever.
    @Test func `hashes are the same everywhere`() {
        #expect(FixedHash.of(0, 0) == 0x53D2_355A_FBBB_EF3C)
        #expect(FixedHash.of(1, 2, 3) == 0x7887_FD3F_82C5_BD1F)
    }

    @Test func `the key of an IPv4 flow is that of the mapped IPv6 address`() {
        let tuple = IPv4Tuple(
            source: IPv4Address(10, 0, 0, 10),
            sourcePort: 4000,
            destination: IPv4Address(10, 0, 0, 100),
            destinationPort: 80
        )
        let key = FlowKey(
            source: (0, 0xFFFF_0A00_000A),
            sourcePort: 4000,
            destination: (0, 0xFFFF_0A00_0064)
        )
        #expect(FlowKey(Flow(tuple, .tcp)) == key)
    }
}

@Suite struct BackendConditionsTests {
    @Test func `a backend is usable until a reason is set and after the last one is lifted`() throws
    {
        let conditions = try #require(BackendConditions(slots: 8))
        defer { conditions.destroy() }
        #expect(conditions.areAllUsable)
        conditions.insert(.full, slot: 7)
        conditions.insert(.full, slot: 7)
        conditions.insert(.down, slot: 7)
        #expect(!conditions.areAllUsable && !conditions.isUsable(slot: 7))
        #expect(conditions.isUsable(slot: 6) && conditions.reasons(slot: 7) == [.full, .down])
        conditions.remove(.full, slot: 7)
        #expect(!conditions.isUsable(slot: 7) && !conditions.areAllUsable)
        conditions.remove(.down, slot: 7)
        conditions.remove(.down, slot: 7)
        #expect(conditions.isUsable(slot: 7) && conditions.areAllUsable)
    }
}
