// SPDX-License-Identifier: Apache-2.0
import CPacket
public import Networking
public import Packet
import Synchronization

/// The kernel's side of an interface; the slow path alone uses it.
public struct Companion: Sendable {
    /// What passes between the slow path and the kernel.
    public enum Carriage: Sendable {
        /// Untagged frames of Ethernet: TAP.
        case frames
        /// IP packets without a link layer: TUN.
        case packets
    }

    /// What is received comes from the kernel, what is transmitted goes there.
    public var port: any PacketPort
    public var carriage: Carriage

    public init(_ port: any PacketPort, carriage: Carriage = .frames) {
        self.port = port
        self.carriage = carriage
    }
}

extension Companion.Carriage {
    /// Makes what the kernel takes of a frame; false when there is nothing in it for the kernel.
    func wrap(_ packet: borrowing Packet) -> Bool {
        guard let header = LinkHeader(packet) else { return false }
        header.removeTags(from: packet)
        guard self == .packets else { return true }
        guard header.type == .ipv4 || header.type == .ipv6 else { return false }
        let buffer = unsafe packet.buffer
        unsafe buffer.pointee.data_off += 14
        unsafe buffer.pointee.data_len -= 14
        unsafe buffer.pointee.pkt_len -= 14
        return true
    }

    /// Makes an untagged frame of what the kernel has sent, without addresses where it has none;
    /// false when it cannot be one.
    func unwrap(_ packet: borrowing Packet) -> Bool {
        guard self == .packets else { return true }
        let version = unsafe FrameBytes(packet.frame, count: packet.count).octet(0).map { $0 >> 4 }
        let buffer = unsafe packet.buffer
        guard version == 4 || version == 6, unsafe buffer.pointee.data_off >= 14 else {
            return false
        }
        unsafe buffer.pointee.data_off -= 14
        unsafe buffer.pointee.data_len += 14
        unsafe buffer.pointee.pkt_len += 14
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        bytes.setAddress(0, at: 0)
        bytes.setAddress(0, at: 6)
        bytes.set((version == 4 ? EtherType.ipv4 : .ipv6).rawValue, at: 12)
        return true
    }
}

extension SlowPath {
    /// Gives an interface its companion, or takes it away with nil.
    ///
    /// From the return on the one before is not used any more.
    public func setCompanion(_ companion: Companion?, of interface: InterfaceID) {
        state.withLock { $0.companions[interface] = companion }
    }
}
