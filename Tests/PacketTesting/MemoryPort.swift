// SPDX-License-Identifier: Apache-2.0
import CPacket
public import Packet

/// A pool of packet buffers in memory; one thread.
@safe
public final class MemoryPool {
    public static let headroom = 128
    static let room = 2048

    private var free: [UnsafeMutablePointer<CPacket_buffer>] = unsafe []
    private let memory: UnsafeMutableRawPointer
    public let capacity: Int

    public init(buffers: Int = 4096) {
        capacity = buffers
        let stride = unsafe MemoryLayout<CPacket_buffer>.stride + Self.headroom + Self.room
        unsafe memory = .allocate(byteCount: buffers * stride, alignment: 64)
        for index in 0..<buffers {
            let base = unsafe memory + index * stride
            let buffer = unsafe base.bindMemory(to: CPacket_buffer.self, capacity: 1)
            unsafe buffer.initialize(to: CPacket_buffer())
            unsafe buffer.pointee.buf_addr = base + MemoryLayout<CPacket_buffer>.stride
            unsafe buffer.pointee.buf_len = UInt16(Self.headroom + Self.room)
            unsafe free.append(buffer)
        }
    }

    deinit { unsafe memory.deallocate() }

    /// Buffers that are somewhere else now.
    public var inUse: Int { unsafe capacity - free.count }

    func take() -> Packet? {
        guard let buffer = unsafe free.popLast() else { return nil }
        unsafe buffer.pointee.data_off = UInt16(Self.headroom)
        unsafe buffer.pointee.data_len = 0
        unsafe buffer.pointee.pkt_len = 0
        unsafe buffer.pointee.ol_flags = 0
        unsafe buffer.pointee.vlan_tci = 0
        return unsafe Packet(owning: buffer)
    }

    func giveBack(_ packet: consuming Packet) {
        let buffer = unsafe packet.release()
        unsafe free.append(buffer)
    }
}

/// The outside of a memory port: what arrives there and what left.
public final class MemoryLink {
    public let pool: MemoryPool
    public let traits: PortTraits
    /// A frame on its way in, and what the port will say of it.
    private struct Arrival {
        var frame: [UInt8]
        var flags: UInt64
    }

    /// By receive queue.
    private var arriving: [[Arrival]]
    /// Frames that left, oldest first.
    public private(set) var departed: [[UInt8]] = []
    public private(set) var received = 0
    /// How frames are spread over the queues by `deliverBySpreading`.
    public var scaling: ReceiveSideScaling?
    /// How many more frames the port accepts; nil: any number.
    public var transmitAllowance: Int?

    public init(_ traits: PortTraits, queues: Int = 1, pool: MemoryPool) {
        self.traits = traits
        self.pool = pool
        arriving = Array(repeating: [], count: queues)
    }

    /// Lets `frame` arrive at `queue`, with `flags` in `ol_flags`: see `ReceiveFlag`.
    public func deliver(_ frame: [UInt8], queue: Int = 0, flags: UInt64 = 0) {
        arriving[queue].append(Arrival(frame: frame, flags: flags))
    }

    public func deliver(_ frames: [[UInt8]], queue: Int = 0) {
        for frame in frames { deliver(frame, queue: queue) }
    }

    /// Lets `frame` arrive where the hash of its tuple says, as at a network card.
    public func deliverBySpreading(_ frame: [UInt8]) {
        deliver(frame, queue: scaling?.queue(of: frame) ?? 0)
    }

    /// Takes the frames that left.
    public func takeDeparted() -> [[UInt8]] {
        defer { departed = [] }
        return departed
    }

    /// The handle that a worker uses for `queue`.
    public func port(queue: Int = 0) -> MemoryPort { MemoryPort(self, queue: queue) }

    func receive(_ queue: Int, into burst: inout Burst) {
        while !burst.isFull, !arriving[queue].isEmpty {
            guard let packet = pool.take() else { return }
            let arrival = arriving[queue].removeFirst()
            packet.write(arrival.frame)
            unsafe packet.buffer.pointee.ol_flags = arrival.flags
            received += 1
            burst.append(packet)
        }
    }

    func transmit(_ burst: inout Burst) {
        var sent = 0
        while sent < burst.count, transmitAllowance != 0 {
            transmitAllowance = transmitAllowance.map { $0 - 1 }
            let packet = burst.take(sent)
            departed.append(packet.octets)
            pool.giveBack(packet)
            sent += 1
        }
        burst.removeFirst(sent)
    }
}

/// A handle to one queue pair of a `MemoryLink`, which outlives it.
@safe
public struct MemoryPort: PacketPort, @unchecked Sendable {
    private let link: Unmanaged<MemoryLink>
    private let queue: Int
    public let traits: PortTraits

    init(_ link: MemoryLink, queue: Int) {
        unsafe self.link = Unmanaged.passUnretained(link)
        self.queue = queue
        traits = link.traits
    }

    public func receive(into burst: inout Burst) {
        unsafe link.takeUnretainedValue().receive(queue, into: &burst)
    }

    public func transmit(_ burst: inout Burst) {
        unsafe link.takeUnretainedValue().transmit(&burst)
    }

    public func free(_ burst: inout Burst) {
        let pool = unsafe link.takeUnretainedValue().pool
        for position in 0..<burst.count { pool.giveBack(burst.take(position)) }
        burst.count = 0
    }

    public func allocate() -> Packet? { unsafe link.takeUnretainedValue().pool.take() }
}

extension Packet {
    /// A copy of the frame.
    public var octets: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: frame, count: count))
    }

    /// Makes `bytes` the frame, as far as the buffer has room.
    public func write(_ bytes: [UInt8]) {
        let count = min(bytes.count, MemoryPool.room)
        for index in 0..<count {
            unsafe frame.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self)
        }
        unsafe buffer.pointee.data_len = UInt16(count)
        unsafe buffer.pointee.pkt_len = UInt32(count)
    }
}
