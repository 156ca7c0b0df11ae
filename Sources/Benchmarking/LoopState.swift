// SPDX-License-Identifier: Apache-2.0
import CPacket
import Packet

/// The buffers and the peer of one `LoopPort`.
@safe
struct LoopState: ~Copyable {
    typealias Buffer = BufferQueue.Buffer

    /// Octets before the frame, as DPDK keeps them.
    private static let headroom = 128
    private static let stride = 2048
    /// One frame of a new flow among this many, for `Traffic.services`.
    private static let newFlowPeriod: UInt64 = 8

    let traffic: Traffic
    private let memory: UnsafeMutableRawPointer
    private let template: UnsafeMutableRawPointer
    private let frameLength: Int
    private var pool: BufferQueue
    /// The peer's next segments.
    var pending: BufferQueue
    private let isClient: Bool
    private let opensFlows: Bool
    /// Where the flags of the template change from SYN to data.
    private let firstData: UInt64
    private let flowMask: UInt64
    private let flowShift: UInt64
    private let mixShift: UInt64
    /// See `Destinations`; nil: as in the template.
    private let destinations: UnsafeMutablePointer<UInt64>?
    private let destinationMask: UInt64
    /// Whose pool the buffers come from and return to; nil: this one's.
    private let home: UnsafeMutablePointer<LoopState>?
    /// Frames of established flows that the peer has sent, answers not counted.
    private(set) var number: UInt64 = 0
    private var newNumber: UInt64 = 0
    private var sinceNewFlow: UInt64 = 0
    var transmitted = 0
    var freed = 0
    /// Connections whose last segment has arrived.
    var finished = 0

    /// A peer that sends copies of the frame `template`, at most 64 octets, out of `buffers`.
    init(
        _ traffic: Traffic,
        template bytes: [UInt8] = [],
        destinations list: Destinations? = nil,
        buffers: Int = 4096,
        home: UnsafeMutablePointer<LoopState>? = nil
    ) {
        self.traffic = traffic
        unsafe self.home = unsafe home
        frameLength = bytes.count
        unsafe template = .allocate(byteCount: 64, alignment: 64)
        unsafe template.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
        for (offset, byte) in bytes.enumerated() {
            unsafe template.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
        let words = list?.words ?? []
        destinationMask = UInt64(max(1, words.count) - 1)
        if words.isEmpty {
            unsafe destinations = nil
        } else {
            let table = UnsafeMutablePointer<UInt64>.allocate(capacity: words.count)
            for (index, word) in words.enumerated() { unsafe table[index] = word }
            unsafe destinations = unsafe table
        }
        let buffers = unsafe home == nil ? buffers : 0
        // Room for every buffer of a home as well.
        pool = BufferQueue(capacity: 8192)
        pending = BufferQueue(capacity: 8192)
        isClient = traffic.isClient
        opensFlows = if case .services = traffic { true } else { false }
        firstData = if case .segments(let flows) = traffic { flows } else { .max }
        flowMask = traffic.flows - 1
        flowShift = UInt64(traffic.flows.trailingZeroBitCount)
        mixShift = (flowShift + 1) / 2
        precondition(traffic.flows.nonzeroBitCount == 1, "flows come in powers of two")
        precondition(buffers <= 8192)
        unsafe memory = .allocate(byteCount: max(1, buffers) * Self.stride, alignment: 64)
        for index in 0..<buffers {
            let base = unsafe memory + index * Self.stride
            let buffer = unsafe base.bindMemory(to: CPacket_buffer.self, capacity: 1)
            unsafe buffer.initialize(to: CPacket_buffer())
            unsafe buffer.pointee.buf_addr = base + MemoryLayout<CPacket_buffer>.stride
            unsafe buffer.pointee.buf_len = UInt16(
                Self.stride - MemoryLayout<CPacket_buffer>.stride
            )
            unsafe pool.append(buffer)
        }
    }

    deinit {
        unsafe memory.deallocate()
        unsafe template.deallocate()
        if let destinations = unsafe destinations { unsafe destinations.deallocate() }
    }

    // MARK: - Toward the balancer

    mutating func fill(_ burst: inout Burst) {
        while !burst.isFull {
            if let answer = unsafe pending.removeFirst() {
                unsafe burst.append(Packet(owning: answer))
                continue
            }
            guard isClient, let buffer = unsafe pool.removeFirst() else { return }
            unsafe write(buffer)
            unsafe burst.append(Packet(owning: buffer))
        }
    }

    /// The next flow's frame: the template with another source, and perhaps another destination.
    ///
    /// The source's low half and the identification change in opposite ways, so that the header
    /// checksum of the template stays right.
    @inline(__always)
    private mutating func write(_ buffer: Buffer) {
        unsafe buffer.pointee.data_off = UInt16(Self.headroom)
        unsafe buffer.pointee.data_len = UInt16(frameLength)
        unsafe buffer.pointee.pkt_len = UInt32(frameLength)
        unsafe buffer.pointee.ol_flags = 0
        if number == firstData {
            unsafe template.storeBytes(of: Segment.data, toByteOffset: 47, as: UInt8.self)
        }
        let frame = unsafe buffer.pointee.buf_addr + Self.headroom
        unsafe frame.copyMemory(from: template, byteCount: 64)
        let flow = nextFlow()
        let low = UInt16(truncatingIfNeeded: flow >> 15)
        unsafe frame.storeBytes(of: low, toByteOffset: 28, as: UInt16.self)
        let port = UInt16(truncatingIfNeeded: flow & 0x7FFF) &+ 1024
        unsafe frame.storeBytes(of: port.bigEndian, toByteOffset: 34, as: UInt16.self)
        unsafe frame.storeBytes(of: ~low, toByteOffset: 18, as: UInt16.self)
        if let destinations = unsafe destinations {
            unsafe readdress(frame, low, destinations[Int(flow & destinationMask)])
        }
    }

    /// Another destination than the template's; see `Destinations`.
    @inline(never)
    private func readdress(_ frame: UnsafeMutableRawPointer, _ low: UInt16, _ word: UInt64) {
        let address = UInt32(truncatingIfNeeded: word)
        let port = UInt16(truncatingIfNeeded: word >> 32)
        let sum = Destinations.fold(UInt32(~low) + UInt32(word >> 48))
        unsafe frame.storeBytes(of: address, toByteOffset: 30, as: UInt32.self)
        unsafe frame.storeBytes(of: port, toByteOffset: 36, as: UInt16.self)
        unsafe frame.storeBytes(of: UInt16(sum), toByteOffset: 18, as: UInt16.self)
    }

    /// Each round over all flows has an order of its own, so that neither a prefetcher nor the order
    /// in which connections were made helps.
    @inline(__always)
    private mutating func nextFlow() -> UInt64 {
        if opensFlows {
            sinceNewFlow &+= 1
            if sinceNewFlow == Self.newFlowPeriod {
                sinceNewFlow = 0
                newNumber &+= 1
                // Sources that no established flow has.
                return newNumber &* 0x9E37_79B1 & 0x3FFF_FFFF &+ 1 << 15
            }
        }
        let round = number >> flowShift
        var flow = number &* 0x9E37_79B1 & flowMask
        number &+= 1
        // Each step has an inverse below the mask, so a round meets every flow once.
        flow ^= flow >> mixShift
        flow = (flow ^ round &* 0x85EB_CA6B & flowMask) &* (0xC2B2_AE35 &+ round << 1) & flowMask
        return flow ^ flow >> mixShift
    }

    // MARK: - From the balancer

    mutating func recycle(_ buffer: Buffer) {
        if let home = unsafe home {
            unsafe home.pointee.pool.append(buffer)
        } else {
            unsafe pool.append(buffer)
        }
    }

    /// A buffer for a second answer; nil when the pool is empty.
    mutating func takeBuffer() -> Buffer? { unsafe pool.removeFirst() }
}
