// SPDX-License-Identifier: Apache-2.0
import CPacket
public import Packet

/// A port that delivers one made-up frame and keeps what is transmitted.
///
/// A handle; `destroy` frees it and every buffer that came from it.
@safe
public struct RehearsalPort: PacketPort, @unchecked Sendable {
    @safe
    private struct State {
        var traits: PortTraits
        var arriving: PacketBuffer?
        var departed: [[UInt8]] = []
        var buffers: [PacketBuffer]

        init(_ traits: PortTraits) {
            self.traits = traits
            unsafe arriving = nil
            unsafe buffers = []
        }
    }

    private static let headroom = 256
    private static let room = 16384

    private let state: UnsafeMutablePointer<State>

    init(_ traits: PortTraits) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(traits))
    }

    func destroy() {
        for index in 0..<(unsafe state.pointee.buffers.count) {
            let buffer = unsafe state.pointee.buffers[index]
            unsafe buffer.pointee.buf_addr.deallocate()
            unsafe buffer.deallocate()
        }
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    func deliver(_ frame: [UInt8]) {
        guard let packet = allocate() else { return }
        let count = min(frame.count, Self.room - Self.headroom - 64)
        unsafe packet.buffer.pointee.data_len = UInt16(count)
        unsafe packet.buffer.pointee.pkt_len = UInt32(count)
        for index in 0..<count {
            unsafe packet.frame.storeBytes(of: frame[index], toByteOffset: index, as: UInt8.self)
        }
        unsafe state.pointee.arriving = packet.release()
    }

    var departed: [[UInt8]] { unsafe state.pointee.departed }

    // MARK: - As a port

    public var traits: PortTraits { unsafe state.pointee.traits }

    public func receive(into burst: inout Burst) {
        guard let buffer = unsafe state.pointee.arriving else { return }
        unsafe state.pointee.arriving = nil
        unsafe burst.append(Packet(owning: buffer))
    }

    public func transmit(_ burst: inout Burst) {
        for position in 0..<burst.count {
            let packet = burst.take(position)
            unsafe state.pointee.departed.append(Self.octets(of: packet.buffer))
            _ = unsafe packet.release()
        }
        burst.count = 0
    }

    public func free(_ burst: inout Burst) {
        for position in 0..<burst.count { _ = unsafe burst.take(position).release() }
        burst.count = 0
    }

    public func allocate() -> Packet? {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: Self.room, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.room)
        let buffer = PacketBuffer.allocate(capacity: 1)
        unsafe buffer.initialize(to: CPacket_buffer())
        unsafe buffer.pointee.buf_addr = memory
        unsafe buffer.pointee.buf_len = UInt16(Self.room)
        unsafe buffer.pointee.data_off = UInt16(Self.headroom)
        unsafe buffer.pointee.nb_segs = 1
        unsafe state.pointee.buffers.append(buffer)
        return unsafe Packet(owning: buffer)
    }

    static func octets(of buffer: PacketBuffer) -> [UInt8] {
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        return unsafe (0..<Int(buffer.pointee.data_len))
            .map { unsafe frame.load(fromByteOffset: $0, as: UInt8.self) }
    }
}
