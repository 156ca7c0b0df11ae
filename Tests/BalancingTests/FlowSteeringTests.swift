// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Packet
import PacketTesting
import Testing

@Suite struct FlowSteeringTests {
    /// A table of `size` places over `workers`, as drivers fill it.
    private static func table(_ size: Int, _ workers: Int) -> [Int] {
        (0..<size).map { $0 % workers }
    }

    @Test(arguments: [(64, 2), (128, 1), (128, 2), (128, 3), (128, 7), (256, 5), (512, 16)])
    func `a reply to a port that the pool chose is hashed to the pool's worker`(
        size: Int,
        workers: Int
    ) throws {
        let table = Self.table(size, workers)
        let toeplitz = try #require(Toeplitz(key: ReceiveSideScaling.key))
        let steering = try #require(FlowSteering(toeplitz, table: table, workers: workers))
        defer { steering.destroy() }
        let card = ReceiveSideScaling(table: table)
        var random = SeededGenerator(seed: UInt64(size * workers))
        for worker in 0..<workers {
            let pool = try #require(LocalPortPool(worker: worker, steering: steering, subPools: 1))
            defer { pool.destroy() }
            for _ in 0..<500 {
                let backend = IPv4Address(
                    rawValue: UInt32.random(in: 1 << 24..<1 << 31, using: &random)
                )
                let local = IPv4Address(
                    rawValue: UInt32.random(in: 1 << 24..<1 << 31, using: &random)
                )
                let backendPort = UInt16.random(in: 1...65535, using: &random)
                let flowHash =
                    steering.flowHash(
                        ofBackend: WireAddress(.v4(backend)),
                        port: backendPort.bigEndian
                    ) ^ steering.flowHash(ofLocalAddress: WireAddress(.v4(local)))
                let port = try #require(pool.allocate(hash: 0, flowHash: flowHash))
                #expect(port >= 1025)
                let reply = Frame.udp(from: "\(backend):\(backendPort)", to: "\(local):\(port)")
                #expect(card.queue(of: reply) == worker)
                let tuple = IPv4Tuple(
                    source: backend,
                    sourcePort: backendPort,
                    destination: local,
                    destinationPort: port
                )
                #expect(steering.owner(ofReply: Flow(tuple, .udp)) == worker)
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4])
    func `the workers share the ports of a flow without overlap or loss`(workers: Int) throws {
        let toeplitz = try #require(Toeplitz(key: ReceiveSideScaling.key))
        let table = Self.table(128, workers)
        let steering = try #require(FlowSteering(toeplitz, table: table, workers: workers))
        defer { steering.destroy() }
        var all: [UInt16] = []
        for worker in 0..<workers {
            let pool = try #require(LocalPortPool(worker: worker, steering: steering, subPools: 1))
            defer { pool.destroy() }
            while let port = pool.allocate(hash: 0, flowHash: 0xDEAD_BEEF) {
                all.append(port)
            }
        }
        #expect(all.count == LocalPortPool.ports.count && Set(all).count == all.count)
    }

    @Test func `ports that come back are free for other flows, whatever their classes`() throws {
        let toeplitz = try #require(Toeplitz(key: ReceiveSideScaling.key))
        let steering = try #require(
            FlowSteering(toeplitz, table: Self.table(128, 2), workers: 2)
        )
        defer { steering.destroy() }
        let pool = try #require(LocalPortPool(worker: 1, steering: steering, subPools: 1))
        defer { pool.destroy() }
        var random = SeededGenerator(seed: 11)
        var inUse: [UInt16] = []
        for _ in 0..<50_000 {
            let flow = UInt32.random(in: 0...UInt32.max, using: &random)
            if inUse.count < 20_000, let port = pool.allocate(hash: 0, flowHash: flow) {
                #expect(steering.owner(of: port, flowHash: flow) == 1)
                inUse.append(port)
            } else {
                inUse.shuffle(using: &random)
                for port in inUse.suffix(10_000) { pool.release(port, hash: 0) }
                inUse.removeLast(10_000)
            }
        }
        #expect(Set(inUse).count == inUse.count && pool.used == UInt64(inUse.count))
    }

    @Test func `what cannot align is refused: a worker without a place, a key without ports`()
        throws
    {
        let toeplitz = try #require(Toeplitz(key: ReceiveSideScaling.key))
        #expect(FlowSteering(toeplitz, table: Self.table(128, 2), workers: 3) == nil)
        #expect(FlowSteering(toeplitz, table: Self.table(96, 2), workers: 2) == nil)
        #expect(FlowSteering(toeplitz, table: Self.table(2048, 2), workers: 2) == nil)
        var key = ReceiveSideScaling.key
        for index in 10..<20 { key[index] = 0 }
        let blind = try #require(Toeplitz(key: key))
        #expect(FlowSteering(blind, table: Self.table(128, 2), workers: 2) == nil)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8])
    func `with just enough classes the owner is a function of the port's low bits`(workers: Int) {
        let steering = FlowSteering(sharesAmong: workers, classes: 2)
        defer { steering.destroy() }
        for port in stride(from: UInt16(1025), to: 65_000, by: 37) {
            let low = port & UInt16(steering.classCount - 1)
            #expect(steering.owner(of: port, flowHash: 0) == Int(low) % workers)
        }
    }
}
