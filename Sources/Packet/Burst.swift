// SPDX-License-Identifier: Apache-2.0
public import CPacket

/// Up to `capacity` owned packets in order: what crosses the boundary to a port.
///
/// The storage belongs to whoever made the burst, usually a worker at start.
@safe
public struct Burst: ~Copyable {
    public typealias Buffer = UnsafeMutablePointer<CPacket_buffer>

    /// Slots `0..<count` hold owned buffers; ports write at `storage + count` and add to `count`.
    public let storage: UnsafeMutablePointer<Buffer?>
    public let capacity: Int
    public var count = 0

    public init(capacity: Int) {
        self.capacity = capacity
        unsafe storage = .allocateLines(capacity: capacity)
        unsafe storage.initialize(repeating: nil, count: capacity)
    }

    deinit {
        assert(count == 0, "packets were forgotten in a burst")
        unsafe storage.deallocate()
    }

    public var isEmpty: Bool { count == 0 }
    public var isFull: Bool { count == capacity }

    /// Adds `packet`; the burst must not be full.
    public mutating func append(_ packet: consuming Packet) {
        assert(count < capacity)
        unsafe storage[count] = unsafe packet.release()
        count &+= 1
    }

    /// The packet in slot `index`, owned by the caller: the slot counts as empty from now on.
    ///
    /// A loop takes every slot once and then sets `count` to 0.
    public func take(_ index: Int) -> Packet {
        assert(index < count)
        return unsafe Packet(owning: storage[index].unsafelyUnwrapped)
    }

    /// Forgets the first `sent` packets, which a port has taken, and closes the gap.
    public mutating func removeFirst(_ sent: Int) {
        assert(sent <= count)
        count &-= sent
        if sent > 0, count > 0 {
            unsafe storage.update(from: storage + sent, count: count)
        }
    }
}
