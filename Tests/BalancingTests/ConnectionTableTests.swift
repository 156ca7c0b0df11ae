// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing
import Timing

@testable import Balancing

@Suite struct ConnectionTableTests {
    @Test func `a side state fits its cache line`() {
        #expect(MemoryLayout<SideState>.size <= ConnectionTable.sideStride)
        #expect(ConnectionTable.sideStride % MemoryLayout<SideState>.alignment == 0)
    }

    private let now = Tick(rawValue: 1_000)

    /// What a connection is made of.
    private struct Subject {
        var client: Flow
        var backend: Flow
        var kind = ConnectionKind.fnat

        func connection(_ now: Tick) -> Connection {
            Connection(
                client: client,
                backend: backend,
                kind: kind,
                state: .none,
                backendSlot: 2,
                now: now
            )
        }
    }

    /// Families of the client's and the backend's side.
    enum Families: CaseIterable {
        case ipv4, ipv6, nat64
    }

    private func subject(_ number: UInt32, _ families: Families = .ipv4) -> Subject {
        let client: Flow
        if families == .ipv4 {
            client = Flow(
                from: .v4(IPv4Address(rawValue: 0x0B00_0000 + number)),
                UInt16(truncatingIfNeeded: number &* 7 &+ 1),
                to: .v4(IPv4Address(10, 0, 0, 100)),
                80,
                .tcp
            )
        } else {
            client = Flow(
                from: .v6(IPv6Address(high: 0x2001_0DB8_0000_0001, low: UInt64(number))),
                UInt16(truncatingIfNeeded: number &* 7 &+ 1),
                to: .v6(IPv6Address(high: 0x2001_0DB8_0000_0001, low: 0x100)),
                80,
                .tcp
            )
        }
        let port = UInt16(1025 + number % 60_000)
        let backend: Flow
        if families == .ipv6 {
            let local = IPv6Address(high: 0x2001_0DB8_0000_0002, low: 200 + UInt64(number) / 60_000)
            backend = Flow(
                from: .v6(IPv6Address(high: 0x2001_0DB8_0000_0002, low: 2)),
                8080,
                to: .v6(local),
                port,
                .tcp
            )
        } else {
            backend = Flow(
                from: .v4(IPv4Address(10, 0, 1, 2)),
                8080,
                to: .v4(IPv4Address(rawValue: 0x0A00_01C8 + number / 60_000)),
                port,
                .tcp
            )
        }
        return Subject(client: client, backend: backend)
    }

    private func insert(
        _ subject: Subject,
        in table: inout ConnectionTable,
        deadline: Tick
    ) -> UInt32? {
        table.insert(
            subject.connection(now),
            client: subject.client,
            backend: subject.backend,
            clientHash: table.hash(subject.client),
            deadline: deadline
        )
    }

    @Test func `the layout is what the budget says`() {
        #expect(MemoryLayout<Connection>.size <= 64)
        #expect(MemoryLayout<Connection>.stride == 64)
        #expect(MemoryLayout<Connection>.offset(of: \.timer) == timerOffset)
    }

    @Test func `a connection with its index costs what the budget says`() throws {
        let table = try required(ConnectionTable(capacity: 65_535, seed: 1, now: now))
        let ipv4 = table.bytesPerConnection()
        let ipv6 = table.bytesPerConnection(isIPv6: true)
        #expect(ipv4 <= 128 && ipv6 <= 192)
    }

    @Test(arguments: Families.allCases)
    func `both directions find one connection and tell which they are`(families: Families) throws {
        var table = try required(ConnectionTable(capacity: 64, seed: 42, now: now))
        let wanted = subject(5, families)
        let inserted = insert(wanted, in: &table, deadline: now + 10)
        let reference = try #require(inserted)
        let found = (table.find(wanted.client), table.find(wanted.backend))
        #expect(found.0 == reference && found.1 == reference | 1)
        let others = (table.find(wanted.client.reversed), table.find(wanted.backend.reversed))
        #expect(others.0 == ConnectionTable.none && others.1 == ConnectionTable.none)
        var udp = wanted.client
        udp.protocol = .udp
        let other = table.find(udp)
        #expect(other == ConnectionTable.none)
        let stored = (
            table.flow(.inbound, of: reference), table.flow(.outbound, of: reference)
        )
        #expect(stored.0 == wanted.client && stored.1 == wanted.backend)
        let destinations = (
            table.destination(along: reference), table.destination(along: reference | 1)
        )
        #expect(destinations.0 == wanted.backend.source.address)
        #expect(destinations.1 == wanted.client.source.address)
    }

    @Test(arguments: [ConnectionKind.direct, .tunnel])
    func `a one-way connection is found by the client alone`(kind: ConnectionKind) throws {
        var table = try required(ConnectionTable(capacity: 64, seed: 42, now: now))
        var wanted = subject(5)
        wanted.kind = kind
        let inserted = insert(wanted, in: &table, deadline: now + 10)
        let reference = try #require(inserted)
        let found = (table.find(wanted.client), table.find(wanted.backend))
        #expect(found.0 == reference && found.1 == ConnectionTable.none)
        let nextFired = table.nextFired(now: now + 10)
        table.removeFired(try #require(nextFired))
        let gone = table.find(wanted.client)
        #expect(gone == ConnectionTable.none)
    }

    @Test func `it fills to its capacity, refuses, and takes new ones when others end`() throws {
        var table = try required(ConnectionTable(capacity: 5_000, seed: 7, now: now))
        for number in UInt32(0)..<5_000 {
            let families = Families.allCases[Int(number % 3)]
            let isIn = insert(subject(number, families), in: &table, deadline: now + 1) != nil
            #expect(isIn)
        }
        let surplus = subject(5_000)
        let refused = insert(surplus, in: &table, deadline: now + 1) == nil
        #expect(refused)
        let count = table.count
        #expect(count == 5_000)
        let nextFired = table.nextFired(now: now + 1)
        table.removeFired(try #require(nextFired))
        let isIn = insert(surplus, in: &table, deadline: now + 1) != nil
        #expect(isIn)
        let found = table.find(surplus.backend)
        #expect(found != ConnectionTable.none)
    }

    @Test(arguments: Families.allCases)
    func `a removed connection is found under neither key`(families: Families) throws {
        var table = try required(ConnectionTable(capacity: 64, seed: 42, now: now))
        let wanted = subject(5, families)
        _ = insert(wanted, in: &table, deadline: now + 10)
        let early = table.nextFired(now: now + 9)
        #expect(early == nil)
        let nextFired = table.nextFired(now: now + 10)
        table.removeFired(try #require(nextFired))
        let found = (table.find(wanted.client), table.find(wanted.backend))
        #expect(found.0 == ConnectionTable.none && found.1 == ConnectionTable.none)
        let count = table.count
        #expect(count == 0)
    }
}
