// SPDX-License-Identifier: Apache-2.0
import CPacket
import Networking
import Packet
import PacketTesting
import Testing
import Timing

@testable import Balancing

/// Packets without octets, told apart by their length.
@safe
private struct NumberedPackets: ~Copyable {
    private let buffers: UnsafeMutablePointer<CPacket_buffer>

    init(_ count: Int) {
        unsafe buffers = .allocate(capacity: count)
        for number in 0..<count {
            unsafe (buffers + number).initialize(to: CPacket_buffer())
            unsafe buffers[number].pkt_len = UInt32(number)
        }
    }

    deinit { unsafe buffers.deallocate() }

    subscript(number: Int) -> Packet { unsafe Packet(owning: buffers + number) }

    /// Ends the packet and says which it was.
    static func number(_ packet: consuming Packet?) -> Int? {
        switch consume packet {
        case .some(let packet): unsafe Int(packet.release().pointee.pkt_len)
        case .none: nil
        }
    }
}

@Suite struct FragmentTableTests {
    private let now = Tick(rawValue: .max - 3)
    private let secret = HashKey(seed: 7)
    private let decision = FragmentDecision(reference: 11, check: 12)

    @Test(arguments: [0, 5, 63])
    func `a decision means one thing`(number: Int) {
        let worker = FragmentDecision.worker(number)
        #expect(worker.worker == number && worker.companion == nil)
        let interface = InterfaceID(port: number)
        let companion = FragmentDecision.companion(interface)
        #expect(companion.companion == interface && companion.worker == nil)
        // The last place of the largest table, and nothing.
        for decision in [FragmentDecision(reference: 1 << 31 - 1, check: 0), .drop] {
            #expect(decision.worker == nil && decision.companion == nil)
        }
    }

    private func limits(
        _ change: (inout FragmentTable.Limits) -> Void = { _ in }
    )
        -> FragmentTable.Limits
    {
        var limits = FragmentTable.Limits()
        limits.decisions = 64
        limits.waiting = 16
        limits.held = 32
        change(&limits)
        return limits
    }

    private func key(_ number: Int) -> FragmentKey {
        FragmentKey(
            source: 0x0A00_0001,
            destination: 0x0A00_0064,
            identification: UInt16(truncatingIfNeeded: number),
            protocolNumber: UInt8(number >> 16)
        )
    }

    private func release(_ held: consuming HeldFragments) -> [Int] {
        var held = held
        var numbers: [Int] = []
        while let number = NumberedPackets.number(held.next()) { numbers.append(number) }
        return numbers
    }

    private func dropped(_ table: inout FragmentTable, now: Tick) -> [Int] {
        var numbers: [Int] = []
        while let number = NumberedPackets.number(table.nextDropped(now: now)) {
            numbers.append(number)
        }
        return numbers
    }

    @Test func `later fragments follow the first one, and only those of its datagram`() throws {
        var table = try required(FragmentTable(limits(), key: secret))
        #expect(release(table.decide(decision, for: key(1), now: now)) == [])
        let found = table.decision(for: key(1), now: now)
        let other = table.decision(for: key(2), now: now)
        #expect(found == decision)
        #expect(other == nil)
    }

    @Test func `fragments that came before the first are given back in order`() throws {
        let packets = NumberedPackets(3)
        var table = try required(FragmentTable(limits(), key: secret))
        for number in 0..<3 {
            let refused = NumberedPackets.number(table.hold(packets[number], for: key(1), now: now))
            #expect(refused == nil)
        }
        let held = table.heldCount
        #expect(held == 3)
        #expect(release(table.decide(decision, for: key(1), now: now)) == [0, 1, 2])
        let left = table.heldCount
        #expect(left == 0)
        let found = table.decision(for: key(1), now: now)
        #expect(found == decision)
    }

    @Test func `a new first fragment under an old identification is right`() throws {
        var table = try required(FragmentTable(limits(), key: secret))
        let newer = FragmentDecision(reference: 21, check: 22)
        #expect(release(table.decide(decision, for: key(1), now: now)) == [])
        #expect(release(table.decide(newer, for: key(1), now: now)) == [])
        let found = table.decision(for: key(1), now: now)
        #expect(found == newer)
    }

    @Test func `decisions last as long as they should and not longer`() throws {
        var table = try required(FragmentTable(limits(), key: secret))
        let lifetime = Tick.count(covering: FragmentTable.Limits().decisionLifetime)
        #expect(release(table.decide(decision, for: key(1), now: now)) == [])
        #expect(dropped(&table, now: now + (lifetime - 1)) == [])
        let before = table.decision(for: key(1), now: now + (lifetime - 1))
        let after = table.decision(for: key(1), now: now + lifetime)
        #expect(before == decision)
        #expect(after == nil)
    }

    @Test func `what waits is dropped when its time is over, not earlier`() throws {
        let packets = NumberedPackets(3)
        var table = try required(FragmentTable(limits(), key: secret))
        let lifetime = Tick.count(covering: FragmentTable.Limits().waitingLifetime)
        for number in 0..<2 {
            let refused = NumberedPackets.number(table.hold(packets[number], for: key(1), now: now))
            #expect(refused == nil)
        }
        let later = NumberedPackets.number(table.hold(packets[2], for: key(2), now: now + 1))
        #expect(later == nil)
        #expect(dropped(&table, now: now + (lifetime - 1)) == [])
        #expect(dropped(&table, now: now + lifetime) == [0, 1])
        #expect(release(table.decide(decision, for: key(2), now: now + lifetime)) == [2])
    }

    @Test func `a fragment that comes when the others have expired waits anew`() throws {
        let packets = NumberedPackets(2)
        var table = try required(FragmentTable(limits(), key: secret))
        let lifetime = Tick.count(covering: FragmentTable.Limits().waitingLifetime)
        let first = NumberedPackets.number(table.hold(packets[0], for: key(1), now: now))
        let second = NumberedPackets.number(
            table.hold(packets[1], for: key(1), now: now + lifetime)
        )
        #expect(first == nil && second == nil)
        #expect(release(table.decide(decision, for: key(1), now: now + lifetime)) == [1])
        #expect(dropped(&table, now: now + lifetime) == [0])
    }

    @Test func `one datagram holds no more than its share`() throws {
        let packets = NumberedPackets(4)
        var table = try required(FragmentTable(limits { $0.heldPerDatagram = 3 }, key: secret))
        for number in 0..<3 {
            let refused = NumberedPackets.number(table.hold(packets[number], for: key(1), now: now))
            #expect(refused == nil)
        }
        let refused = NumberedPackets.number(table.hold(packets[3], for: key(1), now: now))
        #expect(refused == 3)
        table.stopWaiting()
        #expect(dropped(&table, now: now) == [0, 1, 2])
    }

    @Test func `the datagram that has waited longest makes room for packets`() throws {
        let packets = NumberedPackets(5)
        var table = try required(FragmentTable(limits { $0.held = 4 }, key: secret))
        for (number, datagram) in [1, 1, 2, 2, 3].enumerated() {
            let refused = NumberedPackets.number(
                table.hold(packets[number], for: key(datagram), now: now)
            )
            #expect(refused == nil)
        }
        #expect(dropped(&table, now: now) == [0, 1])
        #expect(release(table.decide(decision, for: key(2), now: now)) == [2, 3])
        #expect(release(table.decide(decision, for: key(3), now: now)) == [4])
    }

    @Test func `a datagram may have to make room for itself`() throws {
        let packets = NumberedPackets(3)
        var table = try required(FragmentTable(limits { $0.held = 2 }, key: secret))
        for number in 0..<3 {
            let refused = NumberedPackets.number(table.hold(packets[number], for: key(1), now: now))
            #expect(refused == nil)
        }
        #expect(dropped(&table, now: now) == [0, 1])
        #expect(release(table.decide(decision, for: key(1), now: now)) == [2])
    }

    @Test func `a flood without first fragments takes bounded memory and no decision`() throws {
        let count = 20_000
        let packets = NumberedPackets(count)
        var table = try required(FragmentTable(limits(), key: secret))
        #expect(release(table.decide(decision, for: key(count), now: now)) == [])
        var ended: Set<Int> = []
        for number in 0..<count {
            if let refused = NumberedPackets.number(
                table.hold(packets[number], for: key(number / 3), now: now)
            ) {
                ended.insert(refused)
            }
            let isBounded = table.heldCount <= 32 && table.dropped.count <= 32 + 8
            #expect(isBounded)
            if number % 64 == 0 { ended.formUnion(dropped(&table, now: now)) }
        }
        let found = table.decision(for: key(count), now: now)
        #expect(found == decision)
        table.stopWaiting()
        ended.formUnion(dropped(&table, now: now))
        #expect(ended.count == count)
    }

    @Test func `a flood of first fragments leaves the newest decisions`() throws {
        var table = try required(FragmentTable(limits(), key: secret))
        for number in 0..<10_000 {
            let decision = FragmentDecision(reference: UInt32(number), check: 0)
            #expect(release(table.decide(decision, for: key(number), now: now)) == [])
        }
        for number in 9_936..<10_000 {
            let found = table.decision(for: key(number), now: now)
            #expect(found?.reference == UInt32(number))
        }
        let evicted = table.decision(for: key(9_935), now: now)
        #expect(evicted == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `it agrees with a plain model on any history`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let packets = NumberedPackets(4_000)
        var table = try required(FragmentTable(limits(), key: secret))
        var model: [Int: (reference: UInt32, deadline: UInt32)] = [:]
        var waiting: [Int: [Int]] = [:]
        var since: UInt32 = 0
        for number in 0..<4_000 {
            since += UInt32.random(in: 0...1, using: &random)
            let time = now + since
            // Twelve datagrams never fill the rings, so only time ends what is known.
            let datagram = Int.random(in: 0..<12, using: &random)
            let ended = dropped(&table, now: time)
            for (other, held) in waiting { waiting[other] = held.filter { !ended.contains($0) } }
            if Int.random(in: 0..<8, using: &random) == 0 {
                let decision = FragmentDecision(reference: UInt32(number), check: 0)
                let held = release(table.decide(decision, for: key(datagram), now: time))
                #expect(held == waiting[datagram] ?? [], "seed \(seed)")
                waiting[datagram] = []
                let lifetime = Tick.count(covering: FragmentTable.Limits().decisionLifetime)
                model[datagram] = (UInt32(number), since + lifetime)
                continue
            }
            let expected = model[datagram].flatMap { $0.deadline > since ? $0.reference : nil }
            let found = table.decision(for: key(datagram), now: time)
            #expect(found?.reference == expected, "seed \(seed)")
            guard found == nil else { continue }
            let refused = NumberedPackets.number(
                table.hold(packets[number], for: key(datagram), now: time)
            )
            if refused == nil { waiting[datagram, default: []].append(number) }
        }
        table.stopWaiting()
        #expect(Set(dropped(&table, now: now)) == Set(waiting.values.joined()), "seed \(seed)")
    }
}

@Suite struct FragmentKeyTests {
    @Test func `a keeper is one of the workers, and all get a share`() {
        let secret = HashKey(seed: 3)
        for workers in [1, 2, 3, 6, 64] {
            var shares = Array(repeating: 0, count: workers)
            for number in UInt16(0)..<6_400 {
                let key = FragmentKey(
                    source: 1,
                    destination: 2,
                    identification: number,
                    protocolNumber: 17
                )
                shares[FragmentKey.keeper(of: key.hash(secret), workers: workers)] += 1
            }
            let fair = 6_400 / workers
            #expect(shares.allSatisfy { $0 > fair / 2 && $0 < fair * 2 })
        }
    }

    @Test func `every part of a key counts`() {
        let secret = HashKey(seed: 3)
        let keys = [
            FragmentKey(source: 1, destination: 2, identification: 3, protocolNumber: 4),
            FragmentKey(source: 9, destination: 2, identification: 3, protocolNumber: 4),
            FragmentKey(source: 1, destination: 9, identification: 3, protocolNumber: 4),
            FragmentKey(source: 1, destination: 2, identification: 9, protocolNumber: 4),
            FragmentKey(source: 1, destination: 2, identification: 3, protocolNumber: 9),
            FragmentKey(source: (1, 2), destination: (3, 4), identification: 5),
            FragmentKey(source: (9, 2), destination: (3, 4), identification: 5),
            FragmentKey(source: (1, 9), destination: (3, 4), identification: 5),
            FragmentKey(source: (1, 2), destination: (9, 4), identification: 5),
            FragmentKey(source: (1, 2), destination: (3, 9), identification: 5),
            FragmentKey(source: (1, 2), destination: (3, 4), identification: 9),
        ]
        #expect(Set(keys).count == keys.count)
        #expect(Set(keys.map { $0.hash(secret) }).count == keys.count)
    }
}
