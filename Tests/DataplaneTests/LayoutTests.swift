// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Packet
import PacketTesting
import Testing
import Timing

@testable import Containers
@testable import Dataplane

/// What two threads write is never on one cache line.
@Suite struct LayoutTests {
    /// Numbers of the cache lines of `size` octets from `address` on.
    private static func lines(_ address: UInt, _ size: Int) -> Set<UInt> {
        Set(address / 64...(address + UInt(size) - 1) / 64)
    }

    private static func lines<Value: ~Copyable>(
        _ base: UnsafeMutablePointer<Value>,
        _ count: Int
    ) -> Set<UInt> {
        lines(UInt(bitPattern: base), count * MemoryLayout<Value>.stride)
    }

    private static func lines(_ block: CounterBlock) -> Set<UInt> {
        lines(block.address, block.count * 8)
    }

    private static func lines(_ burst: borrowing Burst) -> Set<UInt> {
        unsafe lines(burst.storage, burst.capacity)
    }

    /// The sides of a ring, the slots being the producer's.
    private static func producer<Element>(of ring: Ring<Element>) -> Set<UInt> {
        let slots = lines(ring.address + 128, ring.capacity * MemoryLayout<Element>.stride)
        return lines(ring.address, 64).union(slots)
    }

    private static func consumer<Element>(of ring: Ring<Element>) -> Set<UInt> {
        lines(ring.address + 64, 64)
    }

    /// What a worker writes while it turns.
    private static func written(by worker: borrowing Worker<MemoryPort>) -> [Set<UInt>] {
        var parts = unsafe [
            lines(worker.counters.block), lines(worker.quiescent.address, 8),
            lines(worker.arrivals), lines(worker.discarded),
            lines(worker.lookahead, Worker<MemoryPort>.burstSize),
            lines(worker.slots, worker.slotCount), producer(of: worker.punts),
            consumer(of: worker.injections), producer(of: worker.staleNeighbours),
        ]
        for port in 0..<worker.slotCount { unsafe parts.append(lines(worker.slots[port].egress)) }
        for other in 0..<worker.workerCount where other != worker.index {
            unsafe parts.append(producer(of: worker.outgoing[other]))
            unsafe parts.append(consumer(of: worker.incoming[other]))
        }
        return parts
    }

    /// What a worker reads and nobody writes.
    private static func read(by worker: borrowing Worker<MemoryPort>) -> Set<UInt> {
        unsafe lines(worker.receivers, worker.receiverCount)
            .union(unsafe lines(worker.outgoing, worker.workerCount))
            .union(unsafe lines(worker.incoming, worker.workerCount))
    }

    private final class Box {
        let worker: Worker<MemoryPort>

        init(_ worker: consuming Worker<MemoryPort>) { self.worker = worker }
    }

    @Test func `workers and the slow path never write the same cache line`() throws {
        let pool = MemoryPool(buffers: 64)
        let links = (0..<3)
            .map { index in
                let mac = MACAddress(rawValue: 0x0200_0000_0001 + UInt64(index))
                let traits = PortTraits(index: UInt16(index), macAddress: mac, mtu: 1500)
                return MemoryLink(traits, queues: 3, pool: pool)
            }
        let limits = DataplaneLimits(
            connectionsPerWorker: 64,
            backendSlots: 100,
            serviceSlots: 100,
            neighbours: 64
        )
        let engine = try #require(Engine(workers: 3, limits: limits, seed: 1))
        defer { engine.destroy() }
        let wires = engine.interchange
        // The memory of a worker that is gone would be given to the next.
        var boxes: [Box] = []
        for index in 0..<3 {
            let balancer = try required(engine.makeBalancer(index, now: Instant(nanoseconds: 0)))
            let ports = links.map { $0.port(queue: index) }
            let worker = Worker(
                index: index,
                interchange: wires,
                receivers: ports,
                transmitters: ports,
                balancer: balancer
            )
            boxes.append(Box(worker))
        }
        var owners = boxes.enumerated()
            .map { index, box in
                let backends = Self.lines(engine.backendCounters[index])
                return Self.written(by: box.worker).reduce(backends) { $0.union($1) }
            }
        let slowPath =
            wires.punts.map { Self.consumer(of: $0) }
            + wires.injections.map { Self.producer(of: $0) }
            + wires.stale.map { Self.consumer(of: $0) }
        owners.append(slowPath.reduce([]) { $0.union($1) })
        owners.append(Self.lines(wires.cell.address, 8))
        let all = owners.reduce(Set<UInt>()) { $0.union($1) }
        #expect(all.count == owners.reduce(0) { $0 + $1.count })
        for (index, written) in owners.enumerated() {
            for (other, box) in boxes.enumerated() where other != index {
                #expect(written.isDisjoint(with: Self.read(by: box.worker)))
            }
        }
        for box in boxes {
            let worker = unsafe [
                UInt(bitPattern: box.worker.slots), UInt(bitPattern: box.worker.lookahead),
                UInt(bitPattern: box.worker.arrivals.storage),
                UInt(bitPattern: box.worker.discarded.storage),
                UInt(bitPattern: box.worker.slots[0].egress.storage),
            ]
            #expect(worker.map { $0 % 64 } == [0, 0, 0, 0, 0])
        }
    }
}
