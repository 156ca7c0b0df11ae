// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet

/// NAT64: packets of connections between the families (RFC 7915).
extension Worker {
    /// Gives a packet the header of the other family and sends it; false when it went nowhere.
    ///
    /// A fragment carries no client address beside its own, as with the other ways of FNAT.
    mutating func translate(
        _ packet: consuming Packet,
        along reference: UInt32,
        _ networkOffset: Int,
        isFragment: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Bool {
        let isInbound = reference & 1 == Direction.inbound.rawValue
        let flow = balancer.connections.flow(isInbound ? .outbound : .inbound, of: reference)
            .reversed
        guard
            case .parsed(let frame) = ParsedFrame.parse(packet),
            let mtu = unsafe mtu(toward: flow.destination.address, snapshot)
        else {
            drop(packet, .noRoute)
            return false
        }
        let mayBeCut =
            unsafe frame.content == .ipv4
            && (packet.frame + networkOffset + 6).load(as: UInt8.self) & 0x40 == 0
        if !isFragment {
            if let left = unsafe beginTranslation(packet, frame, along: reference, snapshot) {
                puntTooBig(packet, networkOffset, mtu: left)
                return false
            }
            clampSegments(packet, frame, towardMTU: mtu)
        }
        switch unsafe rewrite(packet.buffer, frame, flow, mtu: mtu) {
        // `sendOn` cuts.
        case .translated, .fragmentAfter: break
        case .tooBig(let left):
            puntTooBig(packet, networkOffset, mtu: left)
            return false
        case .refused(.noRoom):
            drop(packet, .noHeadroom)
            return false
        case .refused:
            drop(packet, .untranslatable)
            return false
        }
        if frame.protocol == .sctp, !isFragment {
            unsafe rewritePorts(ofAssociation: packet.buffer, along: reference, isIPv6: flow.isIPv6)
        }
        if !isFragment,
            let reason = unsafe endTranslation(
                packet,
                frame,
                mayBeCut: mayBeCut,
                along: reference,
                snapshot
            )
        {
            drop(packet, reason)
            return false
        }
        let offset = Self.newNetworkOffset
        unsafe sendOn(packet, along: reference, offset, isIPv6: flow.isIPv6, snapshot)
        return true
    }

    private mutating func rewrite(
        _ buffer: PacketBuffer,
        _ frame: ParsedFrame,
        _ flow: Flow,
        mtu: UInt16
    ) -> TranslationOutcome {
        switch (flow.source.address, flow.destination.address) {
        case (.v4(let source), .v4(let destination)):
            unsafe Translator.toIPv4(
                buffer,
                frame,
                FlowAddresses(
                    source: source,
                    sourcePort: flow.sourcePort,
                    destination: destination,
                    destinationPort: flow.destinationPort
                ),
                identification: nextIdentification(),
                mtu: mtu
            )
        case (.v6(let source), .v6(let destination)):
            unsafe Translator.toIPv6(
                buffer,
                frame,
                FlowAddresses(
                    source: source,
                    sourcePort: flow.sourcePort,
                    destination: destination,
                    destinationPort: flow.destinationPort
                ),
                mtu: mtu
            )
        default: .refused(.malformed)
        }
    }

    private mutating func rewritePorts(
        ofAssociation buffer: PacketBuffer,
        along reference: UInt32,
        isIPv6: Bool
    ) {
        let offset = Self.newNetworkOffset &+ (isIPv6 ? 40 : 20)
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        let length = unsafe Int(buffer.pointee.data_len) &- offset
        let packet = unsafe SCTPPacket(at: frame + offset, length: UInt16(clamping: length))
        if let packet { balancer.rewritePorts(of: packet, translatedAlong: reference) }
    }

    /// A SYN asks for no larger segments than the other family's packets have room for: what its
    /// receiver sends, in IPv6 40 and 20 octets longer than the segment, goes the same way back.
    private mutating func clampSegments(
        _ packet: borrowing Packet,
        _ frame: ParsedFrame,
        towardMTU mtu: UInt16
    ) {
        guard frame.protocol == .tcp else { return }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard (bytes.octet(Int(frame.transportOffset) &+ 13) ?? 0) & 0x02 != 0 else { return }
        let received = unsafe slots[Int(packet.buffer.pointee.port)].traits.mtu
        let (here, there) = (frame.content == .ipv6 ? 60 : 40, frame.content == .ipv6 ? 40 : 60)
        let largest = min(Int(mtu) &- there, Int(received) &- here)
        _ = MaximumSegmentSize.lower(
            bytes,
            at: Int(frame.transportOffset),
            to: UInt16(clamping: largest)
        )
    }
}
