// SPDX-License-Identifier: Apache-2.0
import CPacket
import Packet

/// Receive, swap the MAC addresses, transmit: what any packet costs on these ports.
///
/// It has ports of its own, of the same kind and with the same frames, toward a silent peer.
@safe
struct BareLoop: ~Copyable {
    private let client: UnsafeMutablePointer<LoopState>
    private let backend: UnsafeMutablePointer<LoopState>
    private let port: LoopPort
    private let out: LoopPort
    private var burst = Burst(capacity: 32)

    init(_ traffic: Traffic, template: [UInt8], destinations: Destinations? = nil) {
        unsafe client = .allocate(capacity: 1)
        unsafe client.initialize(
            to: LoopState(traffic, template: template, destinations: destinations)
        )
        unsafe backend = .allocate(capacity: 1)
        unsafe backend.initialize(to: LoopState(.silence, home: client))
        unsafe port = LoopPort(client, index: 0, macAddress: Template.clientPort)
        unsafe out = LoopPort(backend, index: 1, macAddress: Template.backendPort)
    }

    deinit {
        unsafe backend.deinitialize(count: 1)
        unsafe client.deinitialize(count: 1)
        unsafe backend.deallocate()
        unsafe client.deallocate()
    }

    @inline(never)
    mutating func turn() -> Int {
        port.receive(into: &burst)
        let count = burst.count
        for position in 0..<count {
            let buffer = unsafe burst.storage[position].unsafelyUnwrapped
            let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
            unsafe swapMACAddresses(in: frame)
        }
        out.transmit(&burst)
        return count
    }
}

/// Sends an Ethernet frame back: source and destination change places.
@inline(__always)
func swapMACAddresses(in frame: UnsafeMutableRawPointer) {
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
