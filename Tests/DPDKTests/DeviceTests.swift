// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import DPDK
import Packet
import Testing

/// EAL starts once in a process, so these run one after another on one start.
@Suite(.serialized) struct DeviceTests {
    private static let started: Result<Void, DPDKError> = Result {
        () throws(DPDKError) in
        try Environment.start(
            EALOptions(
                instance: "tests",
                mainLcore: (0, 0),
                workerLcores: [],
                memory: .init(size: 128),
                virtualDevices: ["net_ring0", "net_null0", "net_null1", "net_null2", "net_null3"]
            )
        )
    }

    private func makePool(_ name: String) throws -> PacketPool {
        try Self.started.get()
        return try PacketPool(name: name, size: 1023, cache: 32, frameSize: 2048, socket: -1)
    }

    @Test func `devices are found by their names and tell what they are`() throws {
        try Self.started.get()
        let ring = try Device.named("net_ring0")
        #expect(ring.facts.isVirtual)
        #expect(ring.facts.driver.contains("ring"))
        #expect(try Device.all().count == 5)
        #expect(Environment.version.hasPrefix("DPDK"))
        #expect(Environment.cycleFrequency > 100_000_000)
    }

    @Test func `a device that is not there is named in the error`() throws {
        try Self.started.get()
        let error = #expect(throws: DPDKError.self) { try Device.named("net_none7") }
        #expect(error?.description.contains("net_none7") == true)
    }

    @Test func `frames go through a ring device unchanged, and no buffer is lost`() throws {
        let pool = try makePool("ring")
        defer { pool.destroy() }
        let device = try Device.named("net_ring0")
        let (applied, _) = try device.start(Device.Setup(), pool: pool)
        defer { device.close() }
        let port = device.handle(
            index: 0,
            receiveQueue: 0,
            transmitQueue: 0,
            mtu: applied.mtu,
            pool: pool
        )
        var burst = Burst(capacity: 32)
        for number in 0..<32 {
            guard let packet = port.allocate() else {
                Issue.record("the pool is empty")
                break
            }
            unsafe packet.buffer.pointee.data_len = 60
            unsafe packet.buffer.pointee.pkt_len = 60
            unsafe packet.frame.storeBytes(of: UInt8(number), as: UInt8.self)
            burst.append(packet)
        }
        #expect(pool.inUse == 32)
        port.transmit(&burst)
        let isEmpty = burst.isEmpty
        #expect(isEmpty)
        port.receive(into: &burst)
        let count = burst.count
        #expect(count == 32)
        for position in 0..<count {
            let packet = burst.take(position)
            let first = unsafe packet.frame.load(as: UInt8.self)
            let length = packet.count
            _ = unsafe packet.release()
            #expect(first == UInt8(position) && length == 60)
        }
        port.free(&burst)
        #expect(pool.inUse == 0 && pool.available == 1023)
        #expect(device.statistics.receivedPackets == 32)
        #expect(device.link.isUp)
    }

    @Test func `what a device cannot do is lowered and said`() throws {
        let pool = try makePool("null")
        defer { pool.destroy() }
        let device = try Device.named("net_null0")
        var setup = Device.Setup()
        setup.receiveQueues = 5000
        setup.transmitQueues = 5000
        let (applied, notes) = try device.start(setup, pool: pool)
        defer { device.close() }
        #expect(applied.receiveQueues == min(device.facts.receiveQueues, applied.receiveQueues))
        #expect(applied.transmitQueues == device.facts.transmitQueues)
        #expect(!notes.isEmpty)
    }

    @Test func `a burst from a device fills as far as there is room`() throws {
        let pool = try makePool("null1")
        defer { pool.destroy() }
        let device = try Device.named("net_null1")
        _ = try device.start(Device.Setup(), pool: pool)
        defer { device.close() }
        let port = device.handle(
            index: 1,
            receiveQueue: 0,
            transmitQueue: 0,
            mtu: 1500,
            pool: pool
        )
        var burst = Burst(capacity: 32)
        port.receive(into: &burst)
        let isFull = burst.isFull
        #expect(isFull)
        port.receive(into: &burst)
        port.free(&burst)
        #expect(pool.inUse == 0)
    }

    @Test func `key and redirection table are set and read back`() throws {
        let pool = try makePool("null2")
        defer { pool.destroy() }
        let device = try Device.named("net_null2")
        #expect(device.facts.redirectionPlaces == 128 && device.facts.keySize == 40)
        var setup = Device.Setup()
        setup.rss = [.ip, .tcp, .udp]
        setup.receiveQueues = 3
        setup.rssKey = (0..<40).map { UInt8($0 * 5 + 1) }
        _ = try device.start(setup, pool: pool)
        defer { device.close() }
        try device.setRedirectionTable((0..<128).map { $0 % 3 })
        let spread = try device.spread()
        #expect(spread.table == (0..<128).map { $0 % 3 })
        #expect(spread.key.count == 40)
    }

    @Test func `a device without flow rules refuses them in words`() throws {
        let pool = try makePool("null3")
        defer { pool.destroy() }
        let device = try Device.named("net_null3")
        _ = try device.start(Device.Setup(), pool: pool)
        defer { device.close() }
        let flow = SteeredFlow(
            address: .v4(IPv4Address(192, 0, 2, 1)),
            port: 1,
            portMask: 3,
            protocol: .tcp,
            queue: 0
        )
        let refusal = #expect(throws: FlowRefusal.self) { try device.validate(flow) }
        #expect(refusal?.description.isEmpty == false)
        #expect(throws: FlowRefusal.self) { try device.add(flow) }
    }

    @Test func `the Toeplitz hash is that of DPDK's rte_softrss`() throws {
        let key = (0..<40).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 19) }
        let toeplitz = try #require(Toeplitz(key: key))
        var word: UInt32 = 0x9E37_79B9
        for _ in 0..<200 {
            let words = (0..<3)
                .map { _ -> UInt32 in
                    word = word &* 1_664_525 &+ 1_013_904_223
                    return word
                }
            let octets = words.flatMap { word in
                (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) }
            }
            #expect(toeplitz.hash(octets, at: 0) == toeplitz.hashByDPDK(words))
        }
    }

    @Test func `offloads have the same bits in C and in Swift`() {
        #expect(Device.offloadBitsAgree)
    }
}
