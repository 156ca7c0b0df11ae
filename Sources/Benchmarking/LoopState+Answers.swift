// SPDX-License-Identifier: Apache-2.0
import CPacket

/// What the peer does with frames that reach it.
extension LoopState {
    mutating func answer(_ buffer: Buffer) {
        switch traffic {
        case .datagrams, .newFlows, .services, .silence: unsafe recycle(buffer)
        case .echo: unsafe turn(buffer)
        case .tcpServer: unsafe answerAsServer(buffer)
        case .acceptor: unsafe accept(buffer)
        case .tcpClient: unsafe answerAsClient(buffer)
        case .segments: unsafe acknowledge(buffer)
        case .resettingClient: unsafe acknowledgeAndReset(buffer)
        }
    }

    // MARK: - Servers

    private mutating func answerAsServer(_ buffer: Buffer) {
        switch unsafe flags(of: buffer) {
        case Segment.syn: unsafe turn(buffer, into: Segment.synAck)
        case Segment.data: unsafe turn(buffer, into: Segment.data)
        case Segment.finAck: unsafe turn(buffer, into: Segment.finAck)
        default:
            finished &+= 1
            unsafe recycle(buffer)
        }
    }

    private mutating func accept(_ buffer: Buffer) {
        switch unsafe flags(of: buffer) {
        case Segment.syn: unsafe turn(buffer, into: Segment.synAck)
        case Segment.rst:
            finished &+= 1
            unsafe recycle(buffer)
        default: unsafe recycle(buffer)
        }
    }

    // MARK: - Clients

    private mutating func answerAsClient(_ buffer: Buffer) {
        switch unsafe flags(of: buffer) {
        case Segment.synAck: unsafe turn(buffer, into: Segment.data)
        case Segment.data: unsafe turn(buffer, into: Segment.finAck)
        default: unsafe turn(buffer, into: Segment.ack)
        }
    }

    private mutating func acknowledge(_ buffer: Buffer) {
        guard unsafe flags(of: buffer) == Segment.synAck else {
            unsafe recycle(buffer)
            return
        }
        unsafe turn(buffer, into: Segment.ack)
    }

    private mutating func acknowledgeAndReset(_ buffer: Buffer) {
        guard unsafe flags(of: buffer) == Segment.synAck else {
            unsafe recycle(buffer)
            return
        }
        unsafe turn(buffer, into: Segment.ack)
        guard let second = unsafe takeBuffer() else { return }
        let offset = unsafe buffer.pointee.data_off
        unsafe second.pointee.data_off = offset
        unsafe second.pointee.data_len = unsafe buffer.pointee.data_len
        unsafe second.pointee.pkt_len = unsafe buffer.pointee.pkt_len
        unsafe second.pointee.ol_flags = 0
        let copy = unsafe second.pointee.buf_addr + Int(offset)
        unsafe copy.copyMemory(from: buffer.pointee.buf_addr + Int(offset), byteCount: 64)
        unsafe copy.storeBytes(of: Segment.rst, toByteOffset: 47, as: UInt8.self)
        unsafe pending.append(second)
    }

    // MARK: - Frames

    private func flags(of buffer: Buffer) -> UInt8 {
        unsafe (buffer.pointee.buf_addr + Int(buffer.pointee.data_off) + 47).load(as: UInt8.self)
    }

    /// Sends the segment back with other flags, and acknowledges it.
    private mutating func turn(_ buffer: Buffer, into flags: UInt8) {
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        let length = unsafe frame.loadUnaligned(fromByteOffset: 16, as: UInt16.self).bigEndian
        // SYN and FIN count as an octet each.
        let counted = unsafe self.flags(of: buffer) & (Segment.syn | Segment.fin) != 0 ? 1 : 0
        let sequence = unsafe frame.loadUnaligned(fromByteOffset: 38, as: UInt32.self).bigEndian
        let acknowledgment = unsafe frame.loadUnaligned(fromByteOffset: 42, as: UInt32.self)
        unsafe frame.storeBytes(of: acknowledgment, toByteOffset: 38, as: UInt32.self)
        unsafe frame.storeBytes(
            of: (sequence &+ UInt32(length) &- 40 &+ UInt32(counted)).bigEndian,
            toByteOffset: 42,
            as: UInt32.self
        )
        unsafe frame.storeBytes(of: flags, toByteOffset: 47, as: UInt8.self)
        unsafe turn(buffer)
    }

    /// Sends the frame back: MAC addresses, addresses and ports change places.
    private mutating func turn(_ buffer: Buffer) {
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        unsafe swapMACAddresses(in: frame)
        let addresses = unsafe frame.loadUnaligned(fromByteOffset: 26, as: UInt64.self)
        let ports = unsafe frame.loadUnaligned(fromByteOffset: 34, as: UInt32.self)
        unsafe frame.storeBytes(
            of: addresses >> 32 | addresses << 32,
            toByteOffset: 26,
            as: UInt64.self
        )
        unsafe frame.storeBytes(of: ports >> 16 | ports << 16, toByteOffset: 34, as: UInt32.self)
        unsafe pending.append(buffer)
    }
}
