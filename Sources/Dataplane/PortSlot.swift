// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// What a worker keeps of one port: its transmit queue, frames that wait for it, and the words that
/// every frame leaving there begins with.
struct PortSlot<Port: PacketPort>: ~Copyable {
    let port: Port
    let traits: PortTraits
    /// Frames to transmit at the end of the turn or when full.
    var egress: Burst
    /// Our address as the low 48 bits of a frame's first eight octets.
    let ownAddress: UInt64
    /// Octets 6...13 of a frame we send: source address and EtherType.
    let sourceAndIPv4Type: UInt64
    let sourceAndIPv6Type: UInt64

    init(_ port: Port, burstSize: Int) {
        self.port = port
        traits = port.traits
        egress = Burst(capacity: burstSize)
        ownAddress = (port.traits.macAddress.rawValue << 16).byteSwapped
        sourceAndIPv4Type = ownAddress | UInt64(EtherType.ipv4.rawValue.bigEndian) << 48
        sourceAndIPv6Type = ownAddress | UInt64(EtherType.ipv6.rawValue.bigEndian) << 48
    }
}
