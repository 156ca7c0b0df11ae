// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Packet

/// Outcomes: a packet goes on as if nothing had been, or is dropped as `screened`.
extension Worker {
    /// Drops packets of arrivals whose sender is denied everything, and closes the gaps.
    ///
    /// The source of the outermost IP header counts; ARP and what else has none goes on.
    @inline(never)
    mutating func screenArrivals(_ sets: AddressSets) {
        var kept = 0
        for position in 0..<arrivals.count {
            let packet = arrivals.take(position)
            if let sender = Self.sender(of: packet), balancer.isScreened(sender, sets) {
                drop(packet, .screened)
            } else {
                unsafe arrivals.storage[kept] = unsafe packet.release()
                kept &+= 1
            }
        }
        arrivals.count = kept
    }

    private static func sender(of packet: borrowing Packet) -> WireAddress? {
        guard let header = LinkHeader(packet) else { return nil }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        switch header.type {
        case .ipv4: return bytes.ipv4Address(header.length + 12).map { WireAddress(.v4($0)) }
        case .ipv6: return bytes.ipv6Address(header.length + 8).map { WireAddress(.v6($0)) }
        default: return nil
        }
    }
}
