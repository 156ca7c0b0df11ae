// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import DPDK
import Glibc
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
                virtualDevices: [
                    "net_ring0", "net_null0", "net_null1", "net_null2", "net_null3", "net_null4",
                    "net_null5",
                ]
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
        #expect(!ring.facts.filtersVLANs)
        #expect(try Device.all().count >= 7)
        #expect(Environment.version.hasPrefix("DPDK"))
        #expect(Environment.cycleFrequency > 100_000_000)
    }

    @Test func `headers and library are of one version of DPDK here`() throws {
        try Self.started.get()
        #expect(Environment.builtVersion == Environment.version)
    }

    @Test func `the I/O address of a buffer in plain memory is its virtual one`() throws {
        let pool = try makePool("plain")
        defer { pool.destroy() }
        let ring = try Device.named("net_ring0")
        let port = ring.handle(
            index: 0,
            receiveQueue: 0,
            transmitQueue: 0,
            mtu: 1500,
            pool: pool
        )
        var burst = Burst(capacity: 64)
        while !burst.isFull, let packet = port.allocate() {
            let buffer = unsafe packet.buffer.pointee
            #expect(unsafe UInt(bitPattern: buffer.buf_addr) == UInt(buffer.buf_iova))
            burst.append(packet)
        }
        let count = burst.count
        #expect(count == 64)
        port.free(&burst)
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

    @Test(arguments: [
        (BondMode.roundRobin, 32, 32), (.activeBackup, 32, 32), (.balance, 32, 32),
        (.broadcast, 32, 64), (.lacp, 0, 0), (.transmitLoad, 32, 32), (.adaptiveLoad, 32, 32),
    ])
    func `a bond of two devices receives and transmits in every mode, and gives them back`(
        mode: BondMode,
        taken: Int,
        transmitted: Int
    ) throws {
        let pool = try makePool("bond\(mode.rawValue)")
        defer { pool.destroy() }
        let slaves = [try Device.named("net_null4"), try Device.named("net_null5")]
        let addresses = slaves.map(\.facts.macAddress)
        var bond = try Device.bond(
            "net_bonding\(mode.rawValue)",
            mode,
            of: slaves,
            primary: slaves[1],
            node: 0
        )
        defer { bond.close() }
        #expect(bond.facts.redirectionPlaces == 128 && bond.facts.isVirtual)
        try bond.tune(BondTuning(transmitPolicy: 2, monitorInterval: 7))
        if mode == .lacp {
            #expect(throws: DPDKError.self) { try bond.useDedicatedQueues(true) }
        }
        var setup = Device.Setup()
        setup.rss = [.ip, .tcp, .udp]
        setup.receiveQueues = 2
        setup.transmitQueues = 2
        setup.rssKey = (0..<40).map { UInt8($0 * 3 + mode.rawValue) }
        _ = try bond.start(setup, pool: pool)
        try bond.openSlaves(setup)
        bond = try bond.knowing(slaves, slaves[1])
        // The primary's; slaves that differ from it have the same one in the modes 0, 2 and 3.
        #expect(bond.facts.macAddress == addresses[1])
        try bond.setRedirectionTable((0..<128).map { $0 % 2 })
        let spread = try bond.spread()
        #expect(spread.key == setup.rssKey)
        #expect(try slaves.allSatisfy { try $0.spread() == spread })
        let isUp = waits {
            bond.link.isUp && slaves.allSatisfy { bond.bondState?[$0]?.isLinkUp == true }
        }
        #expect(isUp)
        #expect(bond.bondState?.transmitPolicy == 2)
        #expect(bond.bondState?.isPrimary(slaves[1]) == true)

        let before = bond.statistics.transmittedPackets
        let port = bond.handle(
            index: 0,
            receiveQueue: 0,
            transmitQueue: 1,
            mtu: 1500,
            pool: pool
        )
        var burst = Burst(capacity: 32)
        for _ in 0..<32 {
            guard let packet = port.allocate() else { break }
            unsafe packet.buffer.pointee.data_len = 60
            unsafe packet.buffer.pointee.pkt_len = 60
            unsafe packet.frame.initializeMemory(as: UInt8.self, repeating: 0, count: 60)
            burst.append(packet)
        }
        port.transmit(&burst)
        #expect(32 - burst.count == taken)
        port.free(&burst)
        #expect(Int(bond.statistics.transmittedPackets - before) == transmitted)
        port.receive(into: &burst)
        // LACP lets nothing in that is not its own before both ends agree.
        #expect(burst.isEmpty == (mode == .lacp))
        port.free(&burst)
        #expect(pool.inUse == 0)

        try bond.setPrimary(slaves[0])
        #expect(bond.bondState?.isPrimary(slaves[0]) == true)
        #expect(bond.facts.macAddress == addresses[1])
    }

    /// Whether `condition` comes true soon; links are looked at by a thread of DPDK.
    private func waits(for condition: () -> Bool) -> Bool {
        for _ in 0..<500 {
            if condition() { return true }
            usleep(10_000)
        }
        return false
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
