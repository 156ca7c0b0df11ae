// SPDX-License-Identifier: Apache-2.0
import CPacket
import Packet

/// The frame of a packet buffer, whose beginning and end can be moved.
///
/// Translation and encapsulation move headers, never payload: the frame begins earlier or later in
/// the buffer than it did. The buffer has one segment and outlives this value.
@safe
struct EditableFrame: BitwiseCopyable {
    /// Octets of an untagged Ethernet header, kept free before every IP header that we write.
    static let linkHeaderLength = 14

    private let buffer: UnsafeMutablePointer<CPacket_buffer>

    @unsafe
    init(_ buffer: UnsafeMutablePointer<CPacket_buffer>) {
        unsafe self.buffer = unsafe buffer
    }

    /// The octets, as far as the frame reaches now.
    var bytes: FrameBytes {
        unsafe FrameBytes(
            buffer.pointee.buf_addr + Int(buffer.pointee.data_off),
            count: Int(buffer.pointee.data_len)
        )
    }

    /// Makes the frame the octets `start..<end` of what it is now; `start` may be negative.
    ///
    /// The octets of the new frame, or nil when the buffer has no such room; then nothing changed.
    func move(start: Int, end: Int) -> FrameBytes? {
        let offset = unsafe Int(buffer.pointee.data_off) &+ start
        let count = end &- start
        guard offset >= 0, offset <= Int(UInt16.max), count >= 0,
            count <= Int(UInt16.max), unsafe end <= Int(buffer.pointee.data_len)
        else { return nil }
        unsafe buffer.pointee.data_off = UInt16(offset)
        unsafe buffer.pointee.data_len = UInt16(count)
        unsafe buffer.pointee.pkt_len = UInt32(count)
        return bytes
    }

    /// Makes room for `length` octets of headers directly before the octet `payload`, with the
    /// link-layer header before them, and ends the frame at `end`.
    ///
    /// In the result the new headers begin at `linkHeaderLength`.
    func replaceHeaders(
        before payload: Int,
        by length: Int,
        end: Int,
        _ type: EtherType
    )
        -> FrameBytes?
    {
        let bytes = move(start: payload &- length &- Self.linkHeaderLength, end: end)
        bytes?.set(type.rawValue, at: 12)
        return bytes
    }
}
