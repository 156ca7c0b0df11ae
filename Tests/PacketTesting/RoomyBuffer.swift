// SPDX-License-Identifier: Apache-2.0
public import CPacket
public import Packet

/// A frame in a buffer with room before and after it, as drivers deliver frames, between guard
/// octets that belong to nobody.
///
/// A class, so that the macros of Swift Testing take it as an argument.
@safe
public final class RoomyBuffer {
    private static let guards = 64
    private static let guardOctet: UInt8 = 0xA5

    public let buffer: UnsafeMutablePointer<CPacket_buffer>
    private let memory: UnsafeMutableRawPointer
    private let size: Int

    /// Holds `frame`, `headroom` octets after the beginning of the buffer.
    public init(_ frame: [UInt8] = [], headroom: Int = 128, tailroom: Int = 128) {
        size = headroom + frame.count + tailroom
        precondition(size <= Int(UInt16.max))
        let all = size + 2 * Self.guards
        unsafe memory = .allocate(byteCount: all, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: Self.guardOctet, count: all)
        unsafe buffer = .allocate(capacity: 1)
        unsafe buffer.initialize(to: CPacket_buffer())
        unsafe buffer.pointee.buf_addr = memory + Self.guards
        unsafe buffer.pointee.buf_len = UInt16(size)
        unsafe buffer.pointee.data_off = UInt16(headroom)
        unsafe buffer.pointee.data_len = UInt16(frame.count)
        unsafe buffer.pointee.pkt_len = UInt32(frame.count)
        unsafe buffer.pointee.nb_segs = 1
        unsafe frame.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            unsafe (memory + Self.guards + headroom)
                .copyMemory(from: source, byteCount: bytes.count)
        }
    }

    deinit {
        unsafe buffer.deallocate()
        unsafe memory.deallocate()
    }

    public var headroom: Int { unsafe Int(buffer.pointee.data_off) }

    /// The frame as it is now, wherever it begins.
    public var octets: [UInt8] {
        (0..<bytes.count).map { bytes.octet($0) ?? 0 }
    }

    /// The frame for reading and writing, as it is now; valid as long as the buffer.
    public var bytes: FrameBytes {
        unsafe FrameBytes(
            buffer.pointee.buf_addr + Int(buffer.pointee.data_off),
            count: Int(buffer.pointee.data_len)
        )
    }

    /// Whether the frame is inside the buffer, its lengths agree, and nothing was written outside.
    public var isIntact: Bool {
        let (offset, count) = unsafe (
            Int(buffer.pointee.data_off), Int(buffer.pointee.data_len)
        )
        guard offset + count <= size, unsafe Int(buffer.pointee.pkt_len) == count else {
            return false
        }
        return (0..<Self.guards)
            .allSatisfy { index in
                let before = unsafe memory.load(fromByteOffset: index, as: UInt8.self)
                let after = unsafe memory.load(
                    fromByteOffset: Self.guards + size + index,
                    as: UInt8.self
                )
                return before == Self.guardOctet && after == Self.guardOctet
            }
    }

    /// What the careful parser says.
    public func parse() -> ParsedFrame.Outcome {
        let packet = unsafe Packet(owning: buffer)
        let outcome = ParsedFrame.parse(packet)
        _ = unsafe packet.release()
        return outcome
    }

    /// The outline of the frame, or nil when it is malformed.
    public var outline: ParsedFrame? {
        guard case .parsed(let outline) = parse() else { return nil }
        return outline
    }
}
