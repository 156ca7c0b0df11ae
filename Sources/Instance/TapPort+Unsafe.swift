// SPDX-License-Identifier: Apache-2.0
import CPacket
import DPDK
import Linux
import Packet

/// A TAP interface as a packet port: what the kernel sends there is received, what is transmitted
/// arrives at the kernel.
///
/// Belongs to one thread.
@safe
struct TapPort: PacketPort {
    private let tap: Tap
    /// Where buffers come from: the port whose companion this is.
    private let base: DPDKPort
    var traits: PortTraits { base.traits }

    init(_ tap: Tap, beside base: DPDKPort) {
        self.tap = tap
        self.base = base
    }

    func receive(into burst: inout Burst) {
        while !burst.isFull, let packet = base.allocate() {
            let buffer = unsafe packet.buffer
            let room = unsafe Int(buffer.pointee.buf_len) - Int(buffer.pointee.data_off)
            let count = unsafe tap.read(into: packet.frame, room: room) ?? 0
            // Whatever is shorter is no Ethernet frame.
            guard count >= 14 else {
                var unused = Burst(capacity: 1)
                unused.append(packet)
                base.free(&unused)
                return
            }
            unsafe buffer.pointee.data_len = UInt16(count)
            unsafe buffer.pointee.pkt_len = UInt32(count)
            burst.append(packet)
        }
    }

    func transmit(_ burst: inout Burst) {
        var written = Burst(capacity: burst.capacity)
        while written.count < burst.count {
            let buffer = unsafe burst.storage[written.count].unsafelyUnwrapped
            let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
            guard unsafe tap.write(frame, count: Int(buffer.pointee.data_len)) else { break }
            written.append(burst.take(written.count))
        }
        burst.removeFirst(written.count)
        base.free(&written)
    }

    func free(_ burst: inout Burst) { base.free(&burst) }

    func allocate() -> Packet? { base.allocate() }
}
