// SPDX-License-Identifier: Apache-2.0
import CPacket
import Packet

/// What the peer behind a `LoopPort` sends and how it answers.
enum Traffic {
    /// Datagrams of `flows` flows in scrambled order; nothing is answered.
    case datagrams(flows: UInt64)
    /// Takes everything, sends nothing.
    case silence
    /// Opens connections, asks once and closes: seven segments with the server's.
    case tcpClient
    /// The other side of `tcpClient`.
    case tcpServer
    /// Opens connections and never answers: a flood.
    case synFlood
}

/// The buffers and the peer of one `LoopPort`.
@safe
struct LoopState: ~Copyable {
    typealias Buffer = BufferQueue.Buffer

    /// Octets before the frame, as DPDK keeps them.
    private static let headroom = 128
    private static let stride = 2048

    let traffic: Traffic
    private let memory: UnsafeMutableRawPointer
    private let template: UnsafeMutableRawPointer
    private let frameLength: Int
    private var pool: BufferQueue
    /// The peer's next segments.
    private var pending: BufferQueue
    private var number: UInt64 = 0
    private let flowMask: UInt64
    /// Whose pool the buffers come from and return to; nil: this one's.
    private let home: UnsafeMutablePointer<LoopState>?
    var transmitted = 0
    var freed = 0
    /// Connections whose last segment has arrived.
    var finished = 0

    /// A peer that sends copies of the frame `template`, at most 64 octets, out of `buffers`.
    init(
        _ traffic: Traffic,
        template bytes: [UInt8] = [],
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
        pool = BufferQueue(capacity: buffers * 2)
        pending = BufferQueue(capacity: buffers * 2)
        flowMask = if case .datagrams(let flows) = traffic { flows - 1 } else { (1 << 32) - 1 }
        precondition((flowMask + 1).nonzeroBitCount == 1, "flows come in powers of two")
        unsafe memory = .allocate(byteCount: buffers * Self.stride, alignment: 64)
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
    }

    // MARK: - Toward the balancer

    mutating func fill(_ burst: inout Burst) {
        while !burst.isFull {
            if let answer = unsafe pending.removeFirst() {
                unsafe burst.append(Packet(owning: answer))
                continue
            }
            switch traffic {
            case .silence, .tcpServer: return
            case .datagrams, .tcpClient, .synFlood:
                guard let buffer = unsafe pool.removeFirst() else { return }
                unsafe write(buffer)
                unsafe burst.append(Packet(owning: buffer))
            }
        }
    }

    /// The next flow's first frame: the template with another source.
    ///
    /// The source's low half and the identification change in opposite ways, so that the header
    /// checksum of the template stays right.
    private mutating func write(_ buffer: Buffer) {
        unsafe buffer.pointee.data_off = UInt16(Self.headroom)
        unsafe buffer.pointee.data_len = UInt16(frameLength)
        unsafe buffer.pointee.pkt_len = UInt32(frameLength)
        unsafe buffer.pointee.ol_flags = 0
        let frame = unsafe buffer.pointee.buf_addr + Self.headroom
        unsafe frame.copyMemory(from: template, byteCount: 64)
        // Each round over all flows has an order of its own, so that neither a prefetcher nor the
        // order in which connections were made helps.
        let round = number / (flowMask &+ 1)
        var flow = (number &* 0x9E37_79B1 &+ round &* 0x85EB_CA6B) & flowMask
        flow = (flow ^ flow >> 7) &* (round << 1 | 1) & flowMask
        number &+= 1
        let low = UInt16(truncatingIfNeeded: flow >> 15)
        unsafe frame.storeBytes(of: low, toByteOffset: 28, as: UInt16.self)
        unsafe frame.storeBytes(of: ~low, toByteOffset: 18, as: UInt16.self)
        let port = UInt16(truncatingIfNeeded: flow & 0x7FFF) &+ 1024
        unsafe frame.storeBytes(of: port.bigEndian, toByteOffset: 34, as: UInt16.self)
    }

    // MARK: - From the balancer

    mutating func recycle(_ buffer: Buffer) {
        if let home = unsafe home {
            unsafe home.pointee.pool.append(buffer)
        } else {
            unsafe pool.append(buffer)
        }
    }

    mutating func answer(_ buffer: Buffer) {
        switch traffic {
        case .datagrams, .silence, .synFlood: unsafe recycle(buffer)
        case .tcpServer: unsafe answerAsServer(buffer)
        case .tcpClient: unsafe answerAsClient(buffer)
        }
    }

    private enum Segment {
        static let syn: UInt8 = 0x02, synAck: UInt8 = 0x12, data: UInt8 = 0x18
        static let finAck: UInt8 = 0x11, ack: UInt8 = 0x10
    }

    private mutating func answerAsServer(_ buffer: Buffer) {
        switch unsafe flags(of: buffer) {
        case Segment.syn: unsafe turn(buffer, into: Segment.synAck)
        case Segment.data: unsafe turn(buffer, into: Segment.data)
        case Segment.finAck: unsafe turn(buffer, into: Segment.finAck)
        default:
            finished &+= 1
            unsafe recycle(buffer)
        }
    }

    private mutating func answerAsClient(_ buffer: Buffer) {
        switch unsafe flags(of: buffer) {
        case Segment.synAck: unsafe turn(buffer, into: Segment.data)
        case Segment.data: unsafe turn(buffer, into: Segment.finAck)
        default: unsafe turn(buffer, into: Segment.ack)
        }
    }

    private func flags(of buffer: Buffer) -> UInt8 {
        unsafe (buffer.pointee.buf_addr + Int(buffer.pointee.data_off) + 47).load(as: UInt8.self)
    }

    /// Sends the segment back with other flags.
    private mutating func turn(_ buffer: Buffer, into flags: UInt8) {
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        let destination = unsafe frame.loadUnaligned(as: UInt64.self)
        let source = unsafe frame.loadUnaligned(fromByteOffset: 6, as: UInt64.self)
        let addresses = unsafe frame.loadUnaligned(fromByteOffset: 26, as: UInt64.self)
        let ports = unsafe frame.loadUnaligned(fromByteOffset: 34, as: UInt32.self)
        let type = source & ~0xFFFF_FFFF_FFFF
        unsafe frame.storeBytes(of: source, as: UInt64.self)
        unsafe frame.storeBytes(
            of: destination & 0xFFFF_FFFF_FFFF | type,
            toByteOffset: 6,
            as: UInt64.self
        )
        unsafe frame.storeBytes(
            of: addresses >> 32 | addresses << 32,
            toByteOffset: 26,
            as: UInt64.self
        )
        unsafe frame.storeBytes(of: ports >> 16 | ports << 16, toByteOffset: 34, as: UInt32.self)
        unsafe frame.storeBytes(of: flags, toByteOffset: 47, as: UInt8.self)
        unsafe pending.append(buffer)
    }
}
