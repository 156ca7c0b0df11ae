// SPDX-License-Identifier: Apache-2.0
public import CPacket
public import Packet

/// A frame in a buffer of its own, with other octets directly before and after it: what reads
/// beyond the frame gets to see them.
@safe
public struct LooseBuffer: ~Copyable {
    private static let margin = 128

    public let buffer: UnsafeMutablePointer<CPacket_buffer>
    private let memory: UnsafeMutableRawPointer

    /// Holds `frame` among octets of the value `surroundings`.
    public init(
        _ frame: [UInt8],
        surroundings: UInt8 = 0,
        flags: UInt64 = 0,
        tag: UInt16 = 0
    ) {
        precondition(frame.count <= UInt16.max)
        let room = frame.count + 2 * Self.margin
        unsafe memory = .allocate(byteCount: room, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: surroundings, count: room)
        unsafe buffer = .allocate(capacity: 1)
        unsafe buffer.initialize(to: CPacket_buffer())
        unsafe buffer.pointee.buf_addr = memory
        unsafe buffer.pointee.data_off = UInt16(Self.margin)
        unsafe buffer.pointee.data_len = UInt16(frame.count)
        unsafe buffer.pointee.pkt_len = UInt32(frame.count)
        unsafe buffer.pointee.ol_flags = flags
        unsafe buffer.pointee.vlan_tci = tag
        unsafe frame.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            unsafe (memory + Self.margin).copyMemory(from: source, byteCount: bytes.count)
        }
    }

    deinit {
        unsafe buffer.deallocate()
        unsafe memory.deallocate()
    }

    /// The frame as it is now.
    public var octets: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: frame, count: Int(buffer.pointee.data_len)))
    }

    /// Whether nothing was written outside the frame.
    public func isIntact(surroundings: UInt8) -> Bool {
        let count = unsafe Int(buffer.pointee.data_len)
        return (0..<Self.margin)
            .allSatisfy { offset in
                let before = unsafe memory.load(fromByteOffset: offset, as: UInt8.self)
                let after = unsafe frame.load(fromByteOffset: count + offset, as: UInt8.self)
                return before == surroundings && after == surroundings
            }
    }

    public var frame: UnsafeMutableRawPointer { unsafe memory + Self.margin }

    /// The frame for reading and writing; valid as long as the buffer.
    public var bytes: FrameBytes {
        unsafe FrameBytes(frame, count: Int(buffer.pointee.data_len))
    }

    /// What the careful parser says.
    public func parse() -> ParsedFrame.Outcome {
        let packet = unsafe Packet(owning: buffer)
        let outcome = ParsedFrame.parse(packet)
        _ = unsafe packet.release()
        return outcome
    }
}

extension ParsedFrame {
    /// What the careful parser says of `frame`.
    public static func outcome(
        of frame: [UInt8],
        surroundings: UInt8 = 0,
        flags: UInt64 = 0,
        tag: UInt16 = 0
    ) -> Outcome {
        LooseBuffer(frame, surroundings: surroundings, flags: flags, tag: tag).parse()
    }

    /// The outline of `frame`, or nil when it is malformed.
    public init?(
        _ frame: [UInt8],
        flags: UInt64 = 0,
        tag: UInt16 = 0
    ) {
        guard case .parsed(let outline) = Self.outcome(of: frame, flags: flags, tag: tag) else {
            return nil
        }
        self = outline
    }
}
