// SPDX-License-Identifier: Apache-2.0
package import Addressing
import CPacket
import Model
import Packet

/// The packets of `fnat-udp` as a capture file, for other systems and for `net_pcap`.
///
/// The file begins with an ARP reply of a gateway: whoever replays it for ever keeps the gateway
/// resolved, although nobody is there to answer.
package struct Capture {
    /// DPDK's address for the first port of net_pcap: "\x02pcap".
    package static let firstPcapPort = MACAddress(rawValue: 0x0270_6361_7000)

    package let flows: Int
    /// Frames of each flow; every round has an order of its own.
    package let rounds: Int
    /// The port that receives the frames.
    package var destination = Self.firstPcapPort
    package var gateway = IPv4Address(10, 0, 0, 254)
    private static let gatewayMAC: UInt64 = 0x0200_0000_0100
    private static let ownAddress = IPv4Address(10, 0, 0, 1)

    /// One ARP reply in so many frames is no load.
    private static let fewestFrames = 4096

    /// Frames of `flows` flows, a power of two, `rounds` each or more.
    package init(flows: Int, rounds: Int = 1) {
        self.flows = flows
        self.rounds = max(rounds, Self.fewestFrames / flows)
    }

    /// The whole file (pcap 2.4, microseconds, Ethernet), little-endian.
    package var file: [UInt8] {
        var file = Self.little(0xA1B2_C3D4, 4) + Self.little(2, 2) + Self.little(4, 2)
        file += Self.little(0, 8) + Self.little(65535, 4) + Self.little(1, 4)
        file.reserveCapacity(24 + (flows * rounds + 1) * 80)
        var position = 0
        for frame in [arpReply] + frames {
            // One frame a microsecond.
            file += Self.little(UInt64(position / 1_000_000), 4)
            file += Self.little(UInt64(position % 1_000_000), 4)
            file += Self.little(UInt64(frame.count), 4) + Self.little(UInt64(frame.count), 4)
            file += frame
            position += 1
        }
        return file
    }

    /// What a client sends in all rounds, with right UDP checksums.
    package var frames: [[UInt8]] {
        var state = unsafe LoopState(
            .datagrams(flows: UInt64(flows)),
            template: Template.frame(.udp, to: destination)
        )
        var burst = Burst(capacity: 32)
        var frames: [[UInt8]] = []
        frames.reserveCapacity(flows * rounds)
        while frames.count < flows * rounds {
            state.fill(&burst)
            for position in 0..<burst.count {
                let buffer = unsafe burst.storage[position].unsafelyUnwrapped
                let start = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
                let count = unsafe Int(buffer.pointee.data_len)
                let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
                if frames.count < flows * rounds {
                    frames.append(Self.finished(unsafe Array(bytes)))
                }
                unsafe state.recycle(buffer)
            }
            burst.count = 0
        }
        return frames
    }

    /// `frame` with the UDP checksum that RFC 768 asks for.
    private static func finished(_ frame: [UInt8]) -> [UInt8] {
        var frame = frame
        frame[40] = 0
        frame[41] = 0
        let datagram = frame[34...]
        let pseudo = frame[26..<34] + [0, IPProtocol.udp.rawValue] + frame[38..<40]
        let sum = Template.checksum(Array(pseudo) + datagram)
        frame.replaceSubrange(40..<42, with: Template.octets(UInt64(sum == 0 ? 0xFFFF : sum), 2))
        return frame
    }

    /// RFC 826: the gateway tells us where it is.
    package var arpReply: [UInt8] {
        let ours = Template.octets(destination.rawValue, 6)
        let theirs = Template.octets(Self.gatewayMAC, 6)
        var frame = ours + theirs + [0x08, 0x06]
        frame += [0, 1, 0x08, 0x00, 6, 4, 0, 2]
        frame += theirs + Template.octets(UInt64(gateway.rawValue), 4)
        frame += ours + Template.octets(UInt64(Self.ownAddress.rawValue), 4)
        return frame + Array(repeating: 0, count: 60 - frame.count)
    }

    private static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
}
