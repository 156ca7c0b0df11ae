// SPDX-License-Identifier: Apache-2.0
import CPacket
public import Packet

/// Packets in order, linked through their own buffers, so that holding one takes no memory.
///
/// Frames lie in one segment, so `next`, which links the segments of a frame, is free meanwhile.
@safe
struct PacketChain: BitwiseCopyable {
    private var first: UnsafeMutablePointer<CPacket_buffer>?
    private var last: UnsafeMutablePointer<CPacket_buffer>?
    private(set) var count = 0

    init() {
        unsafe first = nil
        unsafe last = nil
    }

    mutating func append(_ packet: consuming Packet) {
        let buffer = unsafe packet.release()
        unsafe buffer.pointee.next = nil
        if let last = unsafe last {
            unsafe last.pointee.next = buffer
        } else {
            unsafe first = buffer
        }
        unsafe last = buffer
        count &+= 1
    }

    /// Appends all of `other`, which the caller forgets.
    mutating func append(contentsOf other: PacketChain) {
        guard other.count > 0 else { return }
        if let last = unsafe last {
            unsafe last.pointee.next = other.first
        } else {
            unsafe first = unsafe other.first
        }
        unsafe last = unsafe other.last
        count &+= other.count
    }

    mutating func removeFirst() -> Packet? {
        guard let buffer = unsafe first else { return nil }
        unsafe first = unsafe buffer.pointee.next
        if unsafe first == nil { unsafe last = nil }
        unsafe buffer.pointee.next = nil
        count &-= 1
        return unsafe Packet(owning: buffer)
    }
}

/// The fragments that waited for their first one, in the order of their arrival.
///
/// The caller takes all of them; debug builds trap when one is forgotten.
@safe
public struct HeldFragments: ~Copyable {
    private var chain: PacketChain

    init(_ chain: PacketChain) {
        self.chain = chain
    }

    deinit { assert(chain.count == 0, "held fragments were forgotten") }

    public var count: Int { chain.count }

    public mutating func next() -> Packet? { chain.removeFirst() }
}
