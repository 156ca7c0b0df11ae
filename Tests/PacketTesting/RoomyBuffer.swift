// SPDX-License-Identifier: Apache-2.0
public import CPacket

/// A frame in a buffer with so much room before and behind it, and octets around the buffer that
/// nobody may touch.
@safe
public struct RoomyBuffer: ~Copyable {
    private static let margin = 64
    private static let guardOctet: UInt8 = 0xA5

    public let buffer: UnsafeMutablePointer<CPacket_buffer>
    private let memory: UnsafeMutableRawPointer
    private let room: Int

    public init(_ frame: [UInt8] = [], headroom: Int = 128, tailroom: Int = 128) {
        room = headroom + frame.count + tailroom
        precondition(room <= UInt16.max)
        let size = room + 2 * Self.margin
        unsafe memory = .allocate(byteCount: size, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: Self.guardOctet, count: size)
        unsafe buffer = .allocate(capacity: 1)
        unsafe buffer.initialize(to: CPacket_buffer())
        unsafe buffer.pointee.buf_addr = memory + Self.margin
        unsafe buffer.pointee.buf_len = UInt16(room)
        unsafe buffer.pointee.data_off = UInt16(headroom)
        unsafe buffer.pointee.data_len = UInt16(frame.count)
        unsafe buffer.pointee.pkt_len = UInt32(frame.count)
        for (index, octet) in frame.enumerated() {
            unsafe (memory + Self.margin + headroom)
                .storeBytes(of: octet, toByteOffset: index, as: UInt8.self)
        }
    }

    deinit {
        unsafe buffer.deallocate()
        unsafe memory.deallocate()
    }

    /// The frame as it is now.
    public var octets: [UInt8] {
        unsafe Array(
            UnsafeRawBufferPointer(
                start: buffer.pointee.buf_addr + Int(buffer.pointee.data_off),
                count: Int(buffer.pointee.data_len)
            )
        )
    }

    /// Whether the frame is inside the buffer, both lengths agree, and nothing around it changed.
    public var isIntact: Bool {
        let start = unsafe Int(buffer.pointee.data_off)
        let count = unsafe Int(buffer.pointee.data_len)
        let length = unsafe Int(buffer.pointee.pkt_len)
        guard start + count <= room, length == count else { return false }
        return (0..<Self.margin)
            .allSatisfy { index in
                let before = unsafe memory.load(fromByteOffset: index, as: UInt8.self)
                let behind = unsafe memory.load(
                    fromByteOffset: Self.margin + room + index,
                    as: UInt8.self
                )
                return before == Self.guardOctet && behind == Self.guardOctet
            }
    }

    public var headroom: Int { unsafe Int(buffer.pointee.data_off) }
}
