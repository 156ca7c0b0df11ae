// SPDX-License-Identifier: Apache-2.0
public import CPacket

/// One frame, owned by exactly one place.
///
/// A packet must be consumed: handed to a `Burst`, which a port then transmits or frees. Debug
/// builds trap when one is forgotten; release builds pay nothing.
@safe
public struct Packet: ~Copyable {
    /// The buffer; valid as long as the packet is owned.
    public let buffer: UnsafeMutablePointer<CPacket_buffer>

    /// Takes ownership of `buffer`.
    @unsafe
    public init(owning buffer: UnsafeMutablePointer<CPacket_buffer>) {
        unsafe self.buffer = unsafe buffer
    }

    deinit { assertionFailure("a packet was forgotten") }

    /// Gives the buffer to the caller, who owns it from now on.
    public consuming func release() -> UnsafeMutablePointer<CPacket_buffer> {
        let buffer = unsafe self.buffer
        discard self
        return unsafe buffer
    }

    /// The first octet of the frame.
    public var frame: UnsafeMutableRawPointer {
        unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
    }

    /// Octets of the frame in its first segment; ports deliver frames in one segment.
    public var count: Int { unsafe Int(buffer.pointee.data_len) }
}
