// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing
import Timing

@testable import Balancing

@Suite struct PersistenceTableTests {
    private let start = Tick(rawValue: 1000)

    private func table(_ capacity: Int = 1024) throws -> PersistenceTable {
        try #require(PersistenceTable(capacity: capacity, seed: 7))
    }

    private func client(_ number: Int) -> Flow {
        Flow(
            from: .v4(IPv4Address(rawValue: 0x0A00_0000 + UInt32(number))),
            0,
            to: .v4(.any),
            0,
            .tcp
        )
    }

    @Test func `a client has what it was given until the time is over, and not before`() throws {
        let table = try table()
        defer { table.destroy() }
        let hash = table.hash(client(1))
        #expect(table.backend(of: hash, now: start) == nil)
        let end = start + 100
        #expect(table.assign(5, to: hash, replacing: nil, until: end, now: start) == 5)
        #expect(table.backend(of: hash, now: start + 100) == 5)
        #expect(table.backend(of: hash, now: start + 117) == nil, "a second or two later")
        #expect(table.backend(of: table.hash(client(2)), now: start) == nil)
    }

    @Test func `who comes second takes what is there, but replaces what will not do`() throws {
        let table = try table()
        defer { table.destroy() }
        let hash = table.hash(client(1))
        let end = start + 100
        #expect(table.assign(5, to: hash, replacing: nil, until: end, now: start) == 5)
        #expect(table.assign(6, to: hash, replacing: nil, until: end, now: start) == 5)
        #expect(table.assign(6, to: hash, replacing: 9, until: end, now: start) == 5)
        #expect(table.assign(6, to: hash, replacing: 5, until: end, now: start) == 6)
        #expect(table.backend(of: hash, now: start) == 6)
        #expect(table.clients(now: start) == [6: 1])
    }

    @Test func `an extension never takes time away`() throws {
        let table = try table()
        defer { table.destroy() }
        let hash = table.hash(client(1))
        _ = table.assign(5, to: hash, replacing: nil, until: start + 100, now: start)
        table.extend(hash, until: start + 500, now: start)
        table.extend(hash, until: start + 200, now: start)
        #expect(table.backend(of: hash, now: start + 499) == 5)
        #expect(table.clients(now: start + 600) == [:])
    }

    @Test func `a full set keeps whom it has, and expired ones make room`() throws {
        let table = try table(8)
        defer { table.destroy() }
        for number in 0..<8 {
            let hash = table.hash(client(number))
            _ = table.assign(3, to: hash, replacing: nil, until: start + 100, now: start)
        }
        let late = table.hash(client(99))
        #expect(table.assign(4, to: late, replacing: nil, until: start + 900, now: start) == 4)
        #expect(table.backend(of: late, now: start) == nil, "scheduled, but not remembered")
        #expect(table.clients(now: start) == [3: 8])
        let later = start + 200
        #expect(table.assign(4, to: late, replacing: nil, until: later + 100, now: later) == 4)
        #expect(table.backend(of: late, now: later) == 4)
        #expect(table.clients(now: later) == [4: 1])
    }

    @Test func `the wrap of the clock changes nothing`() throws {
        let table = try table()
        defer { table.destroy() }
        let now = Tick(rawValue: .max - 10)
        let hash = table.hash(client(1))
        _ = table.assign(5, to: hash, replacing: nil, until: now + 100, now: now)
        #expect(table.backend(of: hash, now: now + 90) == 5)
        #expect(table.backend(of: hash, now: now + 120) == nil)
    }

    @Test func `a month is no longer than what can be told`() throws {
        let table = try table()
        defer { table.destroy() }
        let month = Tick.count(covering: .seconds(31 * 86_400))
        let hash = table.hash(client(1))
        _ = table.assign(5, to: hash, replacing: nil, until: start + month, now: start)
        #expect(table.backend(of: hash, now: start + (month - 10)) == 5)
        #expect(table.backend(of: hash, now: start + (month + 20)) == nil)
    }

    @Test func `workers that ask at once agree on one backend for each client`() async throws {
        let table = try table(1 << 14)
        let hashes = (0..<2_000).map { table.hash(client($0)) }
        let now = start
        let answers = await withTaskGroup(of: [UInt32].self) { group in
            for worker in UInt32(1)...4 {
                group.addTask {
                    hashes.map { hash in
                        table.backend(of: hash, now: now)
                            ?? table.assign(
                                worker,
                                to: hash,
                                replacing: nil,
                                until: now + 100,
                                now: now
                            )
                    }
                }
            }
            return await group.reduce(into: [[UInt32]]()) { $0.append($1) }
        }
        #expect(answers.count == 4)
        #expect(answers.allSatisfy { $0 == answers[0] })
        table.destroy()
    }

    @Test func `networks, identities and virtual addresses tell clients apart, ports do not`()
        throws
    {
        var rule = PersistenceRule(
            identity: 1,
            timeout: 100,
            ipv4Length: 24,
            ipv6Length: 64,
            usesDestination: true
        )
        func flow(_ from: String, _ to: String, _ port: UInt16) throws -> Flow {
            let (from, to) = (try required(IPAddress(from)), try required(IPAddress(to)))
            return Flow(from: from, port, to: to, port, .tcp)
        }
        let first = rule.client(of: try flow("10.1.2.3", "10.0.0.100", 80))
        #expect(rule.client(of: try flow("10.1.2.200", "10.0.0.100", 81)) == first)
        #expect(rule.client(of: try flow("10.1.3.3", "10.0.0.100", 80)) != first)
        #expect(rule.client(of: try flow("10.1.2.3", "10.0.0.101", 80)) != first)
        let wide = rule.client(of: try flow("2001:db8::1:2:3:4", "2001:db8::1", 80))
        #expect(rule.client(of: try flow("2001:db8::9:9:9:9", "2001:db8::1", 80)) == wide)
        #expect(rule.client(of: try flow("2001:db8:0:1::1", "2001:db8::1", 80)) != wide)
        rule.identity = 2
        #expect(rule.client(of: try flow("10.1.2.3", "10.0.0.100", 80)) != first)
    }
}

@Suite struct SourceCountsTests {
    @Test(arguments: 0..<5)
    func `a source never counts less than it holds, and nothing is left when all are gone`(
        seed: UInt64
    ) throws {
        let counts = try required(SourceCounts(seed: seed))
        var generator = SeededGenerator(seed: seed)
        var held: [WireAddress: UInt32] = [:]
        for _ in 0..<5_000 {
            let source = WireAddress(ipv4: UInt32.random(in: 0..<500, using: &generator))
            if Bool.random(using: &generator) || held[source, default: 0] == 0 {
                counts.add(source)
                held[source, default: 0] += 1
            } else {
                counts.remove(source)
                held[source, default: 0] -= 1
            }
        }
        let exact = held.filter { counts.count(of: $0.key) == $0.value }
        #expect(held.allSatisfy { counts.count(of: $0.key) >= $0.value })
        #expect(exact.count == held.count, "so few sources do not meet in four rows")
        for (source, number) in held { for _ in 0..<number { counts.remove(source) } }
        #expect(held.keys.allSatisfy { counts.count(of: $0) == 0 })
    }

    @Test func `the addresses of one IPv6 network are one source`() throws {
        let counts = try required(SourceCounts(seed: 1))
        for text in ["2001:db8::1", "2001:db8::2"] {
            counts.add(WireAddress(try required(IPAddress(text))))
        }
        #expect(counts.count(of: WireAddress(try required(IPAddress("2001:db8::3")))) == 2)
        #expect(counts.count(of: WireAddress(try required(IPAddress("2001:db8:0:1::3")))) == 0)
    }
}
