// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Containers
import Networking
import Packet

extension SlowPathState {
    /// Resets both ends of connections that have ended at `worker`; returns how many there were.
    mutating func sendResets(of worker: Int) -> Int {
        var count = 0
        while count < Self.share, let reset = engine.interchange.resets[worker].pop() {
            count += 1
            self.reset(reset.client.reversed, reset.sequenceTowardClient)
            self.reset(reset.backend.reversed, reset.sequenceTowardBackend)
        }
        return count
    }

    /// RFC 9293 section 3.5.2: a reset in a synchronized state needs no acknowledgment, only the
    /// sequence number that the receiver expects.
    private mutating func reset(_ flow: Flow, _ sequence: UInt32) {
        let destination = flow.destination.address
        let forwarding = unsafe engine.interchange.cell.current().pointee.forwarding
        let interface = forwarding.interface(toward: destination) ?? 0
        let headers = Headers(
            source: flow.source.address,
            destination: destination,
            mac: MACAddress(rawValue: 0),
            interface: interface,
            protocol: .tcp,
            hopLimit: limits.timeToLive
        )
        let made = compose(headers, payload: 20, checksum: 16) { bytes, base in
            bytes.set(UInt32(flow.sourcePort) << 16 | UInt32(flow.destinationPort), at: base)
            bytes.set(sequence, at: base + 4)
            // A header of five words, and RST.
            bytes.set(UInt16(0x5004), at: base + 12)
        }
        guard let packet = made else { return }
        let punted = unsafe PuntedPacket(
            buffer: packet.buffer,
            reason: .unresolved,
            dropReason: DropReason.neighbourUnresolved.rawValue,
            interface: interface,
            offset: 14,
            mtu: 0,
            destination: .zero
        )
        resolve(packet, punted)
    }
}
