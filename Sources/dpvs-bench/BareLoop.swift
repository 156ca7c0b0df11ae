// SPDX-License-Identifier: Apache-2.0
import CPacket
import Packet

/// Receive, swap the MAC addresses, transmit: what any packet costs on these ports.
@safe
struct BareLoop: ~Copyable {
    private let port: LoopPort
    private let out: LoopPort
    private var burst = Burst(capacity: 32)

    init(from port: LoopPort, to out: LoopPort) {
        self.port = port
        self.out = out
    }

    mutating func turn() -> Int {
        port.receive(into: &burst)
        let count = burst.count
        for position in 0..<count {
            let buffer = unsafe burst.storage[position].unsafelyUnwrapped
            let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
            let destination = unsafe frame.loadUnaligned(as: UInt64.self)
            let source = unsafe frame.loadUnaligned(fromByteOffset: 6, as: UInt64.self)
            let type = source & ~0xFFFF_FFFF_FFFF
            unsafe frame.storeBytes(of: source, as: UInt64.self)
            unsafe frame.storeBytes(
                of: destination & 0xFFFF_FFFF_FFFF | type,
                toByteOffset: 6,
                as: UInt64.self
            )
        }
        out.transmit(&burst)
        return count
    }
}
