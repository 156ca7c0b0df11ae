// SPDX-License-Identifier: Apache-2.0
import Addressing
import PacketTesting
import Testing
import Timing

@testable import Balancing

@Suite struct ConnectionTableTests {
    private let now = Tick(rawValue: 1_000)

    private func connection(_ number: UInt32, port: UInt16 = 80) -> Connection {
        let client = IPv4Tuple(
            source: IPv4Address(rawValue: 0x0B00_0000 + number),
            sourcePort: UInt16(truncatingIfNeeded: number &* 7 &+ 1),
            destination: IPv4Address(10, 0, 0, 100),
            destinationPort: port
        )
        let backend = IPv4Tuple(
            source: IPv4Address(10, 0, 1, 2),
            sourcePort: 8080,
            destination: IPv4Address(rawValue: 0x0A00_01C8 + number / 60_000),
            destinationPort: UInt16(1025 + number % 60_000)
        )
        return Connection(
            client: client,
            backend: backend,
            protocolNumber: 6,
            state: .none,
            serviceSlot: 1,
            backendSlot: 2,
            localSlot: 3,
            now: now
        )
    }

    private func find(_ tuple: IPv4Tuple, in table: inout ConnectionTable) -> UInt32 {
        let hash = table.hash(tuple, 6)
        let candidate = table.candidate(hash)
        return table.find(tuple, 6, hash: hash, candidate: candidate)
    }

    @Test func `the layout is what the budget says`() {
        #expect(MemoryLayout<Connection>.size <= 64)
        #expect(MemoryLayout<Connection>.stride == 64)
        #expect(MemoryLayout<Connection>.offset(of: \.timer) == timerOffset)
    }

    @Test func `an IPv4 connection costs at most 128 bytes with its index`() throws {
        let table = try required(ConnectionTable(capacity: 65_535, seed: 1, now: now))
        let holds1 = table.bytesPerConnection <= 128
        #expect(holds1)
    }

    @Test func `both directions find one connection and tell which they are`() throws {
        var table = try required(ConnectionTable(capacity: 64, seed: 42, now: now))
        let wanted = connection(5)
        let inserted = table.insert(
            wanted,
            clientHash: table.hash(wanted.clientTuple, 6),
            deadline: now + 10
        )
        let reference = try #require(inserted)
        let holds2 = find(wanted.clientTuple, in: &table) == reference
        #expect(holds2)
        let holds3 = find(wanted.backendTuple, in: &table) == reference | 1
        #expect(holds3)
        let holds4 = find(wanted.clientTuple.reversed, in: &table) == ConnectionTable.none
        #expect(holds4)
        let hash = table.hash(wanted.clientTuple, 17)
        #expect(
            table.find(wanted.clientTuple, 17, hash: hash, candidate: table.candidate(hash))
                == ConnectionTable.none
        )
    }

    @Test func `it fills to its capacity, refuses, and takes new ones when others end`() throws {
        var table = try required(ConnectionTable(capacity: 5_000, seed: 7, now: now))
        for number in UInt32(0)..<5_000 {
            let next = connection(number)
            let hash = table.hash(next.clientTuple, 6)
            let holds5 = table.insert(next, clientHash: hash, deadline: now + 1) != nil
            #expect(holds5)
        }
        let surplus = connection(5_000)
        let surplusHash = table.hash(surplus.clientTuple, 6)
        let holds6 = table.insert(surplus, clientHash: surplusHash, deadline: now + 1) == nil
        #expect(holds6)
        let holds7 = table.count == 5_000
        #expect(holds7)
        let nextFired = table.nextFired(now: now + 1)
        let fired = try #require(nextFired)
        table.removeFired(fired)
        let holds8 = table.insert(surplus, clientHash: surplusHash, deadline: now + 1) != nil
        #expect(holds8)
        let holds9 = find(surplus.backendTuple, in: &table) != ConnectionTable.none
        #expect(holds9)
    }

    @Test func `a removed connection is found under neither key`() throws {
        var table = try required(ConnectionTable(capacity: 64, seed: 42, now: now))
        let wanted = connection(5)
        _ = table.insert(wanted, clientHash: table.hash(wanted.clientTuple, 6), deadline: now + 10)
        let holds10 = table.nextFired(now: now + 9) == nil
        #expect(holds10)
        let nextFired = table.nextFired(now: now + 10)
        let fired = try #require(nextFired)
        table.removeFired(fired)
        let holds11 = find(wanted.clientTuple, in: &table) == ConnectionTable.none
        #expect(holds11)
        let holds12 = find(wanted.backendTuple, in: &table) == ConnectionTable.none
        #expect(holds12)
        let holds13 = table.count == 0
        #expect(holds13)
    }

    @Test func `the checksum deltas of a rewrite undo each other`() {
        let subject = connection(77)
        let sum = UInt32(subject.addressDelta) + UInt32(~subject.addressDelta)
        #expect(sum == 0xFFFF)
        #expect(UInt32(subject.transportDelta) + UInt32(~subject.transportDelta) == 0xFFFF)
    }
}
