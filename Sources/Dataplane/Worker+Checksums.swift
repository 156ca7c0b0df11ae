// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Packet

/// What is to be known of checksums before anything is done with a packet.
///
/// From here on every checksum is either that of the data or wrong for good: whatever rewrites a packet
/// adds what it changes, and nothing computes a checksum anew over data that may be damaged. So this is
/// the only place where an unfinished checksum is finished, whatever becomes of the packet then.
extension Worker {
    /// Finishes the checksums of plain packets in the burst at hand, whose port has senders on this host.
    @inline(never)
    mutating func finishChecksums(_ count: Int, _ port: Int) {
        var finished = 0
        for position in 0..<count {
            let isFinished =
                switch unsafe lookahead[position].kind {
                case .plainIPv4: finishChecksum(position, port, IPv4Tuple.self)
                case .plainIPv6: finishChecksum(position, port, IPv6Tuple.self)
                // See `reasonToDrop`.
                case .unusual: false
                }
            if isFinished { finished &+= 1 }
        }
        if finished > 0 { receiveCounters.count(.finishedChecksum, port, packets: finished) }
    }

    @inline(__always)
    private mutating func finishChecksum<Tuple: FlowTuple>(
        _ position: Int,
        _ port: Int,
        _ family: Tuple.Type
    ) -> Bool {
        let buffer = unsafe arrivals.storage[position].unsafelyUnwrapped
        let packet = unsafe Self.transportPacket(in: buffer, lookahead[position], family)
        guard packet.hasUnfinishedChecksum else { return false }
        guard unsafe !packet.isManyDatagrams(slots[port].traits.mtu) else {
            unsafe lookahead[position].kind = .unusual
            return false
        }
        packet.recomputeChecksum()
        return true
    }

    /// Finishes the checksum of an IPv4 header, where the port says that it is unfinished.
    func finishHeaderChecksum(of packet: borrowing Packet) {
        guard packet.headerVerdict == .unfinished, let link = LinkHeader(packet),
            link.type == .ipv4
        else { return }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let length = Int((bytes.octet(link.length) ?? 0) & 0xF) * 4
        bytes.set(UInt16(0), at: link.length + 10)
        bytes.set(bytes.checksum(link.length, length), at: link.length + 10)
        packet.forgetHeaderVerdict()
    }

    /// Why a frame that was read carefully goes no further, as far as its checksum is concerned; finishes
    /// one that is unfinished.
    mutating func reasonToDrop(_ packet: borrowing Packet, _ frame: ParsedFrame) -> DropReason? {
        let port = unsafe Int(packet.buffer.pointee.port)
        let traits = unsafe slots[port].traits
        let checksum = TransportChecksum(
            of: packet,
            frame,
            mayBeUnfinished: traits.offloads.contains(.unfinishedReceiveChecksums),
            mtu: traits.mtu
        )
        switch checksum {
        case .untold: return nil
        case .finished:
            receiveCounters.count(.finishedChecksum, port)
            return nil
        case .misjudged:
            receiveCounters.count(.misjudgedChecksum, port)
            return nil
        case .wrong:
            receiveCounters.count(.badTransportChecksum, port)
            return frame.protocol == .sctp ? .badSCTPChecksum : .badTransportChecksum
        case .manyDatagrams:
            receiveCounters.count(.superPacket, port)
            return .superPacket
        }
    }

    /// Finishes the checksum of a packet within a tunnel, before that of the tunnel is looked at.
    ///
    /// Linux computes a checksum of GRE as it will be when the inner one is finished ("local checksum
    /// offload").
    func finishInnerChecksum(of packet: borrowing Packet, at offset: Int, isIPv6: Bool) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let traits = unsafe slots[Int(packet.buffer.pointee.port)].traits
        guard traits.offloads.contains(.unfinishedReceiveChecksums),
            case .parsed(let frame) = ParsedFrame.parse(bytes, at: offset, isIPv6: isIPv6)
        else { return }
        _ = TransportChecksum(of: packet, frame, mayBeUnfinished: true, mtu: traits.mtu)
    }

    /// Counts a malformed frame at its port where its form tells of the port, and names it.
    mutating func nameMalformed(_ packet: borrowing Packet, _ reason: DropReason) -> DropReason {
        let port = unsafe Int(packet.buffer.pointee.port)
        switch reason {
        case .badHeaderChecksum: receiveCounters.count(.badHeaderChecksum, port)
        case .badTotalLength where isCutOff(packet, port):
            receiveCounters.count(.superPacket, port)
            return .superPacket
        default: break
        }
        return reason
    }

    /// Whether a frame ends before its packet because that is longer than the link's MTU, and than what
    /// the driver has room for.
    private func isCutOff(_ packet: borrowing Packet, _ port: Int) -> Bool {
        let traits = unsafe slots[port].traits
        guard traits.offloads.contains(.unfinishedReceiveChecksums),
            let link = LinkHeader(packet)
        else { return false }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let length =
            switch link.type {
            case .ipv4: Int(bytes.word(link.length + 2) ?? 0)
            case .ipv6: Int(bytes.word(link.length + 4) ?? 0) + 40
            default: 0
            }
        return length > Int(traits.mtu) && packet.count - link.length >= Int(traits.mtu)
    }

    /// Tells the sender of a packet, still as received, that its way takes no more than `mtu`, and drops
    /// it.
    ///
    /// One that is longer than the link it came by takes, too, is of several segments: that has a name of
    /// its own, for its sender cannot do better.
    mutating func puntTooBig(_ packet: consuming Packet, _ networkOffset: Int, mtu: UInt16) {
        let port = unsafe Int(packet.buffer.pointee.port)
        let traits = unsafe slots[port].traits
        let isSuperPacket =
            traits.offloads.contains(.unfinishedReceiveChecksums)
            && packet.count - networkOffset > Int(traits.mtu)
        if isSuperPacket { receiveCounters.count(.superPacket, port) }
        let reason = isSuperPacket ? DropReason.superPacket : .tooBig
        punt(packet, .tooBig, as: reason, offset: networkOffset, mtu: mtu)
    }
}
