// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Packet

/// The checksum of TCP, UDP or SCTP in a frame that was read carefully, and what is to be done about it.
enum TransportChecksum: BitwiseCopyable {
    /// Nobody has said anything of it: it goes on as it is, and stays wrong if it is.
    case untold
    /// It was unfinished, and now is right.
    case finished
    /// The port has found it wrong, and it is.
    case wrong
    /// The port has found it wrong, and it is right: some devices misjudge padding, or datagrams
    /// without a checksum.
    case misjudged
    /// An unfinished one of several datagrams in one, which their sender's device would have taken
    /// apart: longer than any that the link takes.
    case manyDatagrams

    /// Looks at the checksum of `packet`, and finishes one that is known to be unfinished.
    ///
    /// `mayBeUnfinished` says whether its port delivers unfinished checksums without a word; `mtu` is
    /// what the port's link takes. Fragments have the checksum of a datagram that is not here.
    init(
        of packet: borrowing Packet,
        _ frame: ParsedFrame,
        mayBeUnfinished: Bool,
        mtu: UInt16
    ) {
        self = .untold
        guard !frame.isFragment else { return }
        switch frame.content {
        case .ipv4: self.init(of: packet, frame, mayBeUnfinished, mtu, IPv4Tuple.self)
        case .ipv6: self.init(of: packet, frame, mayBeUnfinished, mtu, IPv6Tuple.self)
        case .arp: break
        }
        if self != .untold { packet.forgetTransportVerdict() }
    }

    private init<Tuple: FlowTuple>(
        of packet: borrowing Packet,
        _ frame: ParsedFrame,
        _ mayBeUnfinished: Bool,
        _ mtu: UInt16,
        _ family: Tuple.Type
    ) {
        self = .untold
        let verdict = packet.transportVerdict
        let transport = unsafe packet.frame + Int(frame.transportOffset)
        let network = unsafe packet.frame + Int(frame.networkOffset)
        if frame.protocol == .sctp {
            let length = unsafe frame.totalLength &- UInt16(transport - network)
            guard let sctp = unsafe SCTPPacket(at: transport, length: length) else { return }
            // Linux leaves 0 there, which one finished checksum in 4 294 967 296 is, too.
            if verdict == .unfinished || mayBeUnfinished && sctp.checksum == 0 {
                sctp.recomputeChecksum()
                self = .finished
            } else if verdict == .bad {
                self = sctp.computedChecksum() == sctp.checksum ? .misjudged : .wrong
            }
            return
        }
        guard frame.protocol == .tcp || frame.protocol == .udp else { return }
        let whole = unsafe TransportPacket<Tuple>(
            network: network,
            transport: transport,
            protocol: frame.protocol == .tcp ? .tcp : .udp,
            totalLength: frame.totalLength
        )
        if verdict == .unfinished || mayBeUnfinished && whole.hasUnfinishedChecksum {
            self = whole.isManyDatagrams(mtu) ? .manyDatagrams : .finished
            if self == .finished { whole.recomputeChecksum() }
        } else if verdict == .bad {
            self = whole.hasRightChecksum ? .misjudged : .wrong
        }
    }
}

extension TransportPacket {
    /// Whether this unfinished packet is what segmentation offload of UDP (`UDP_SEGMENT` of Linux) leaves
    /// to the device: nothing in it tells where a datagram ends.
    ///
    /// A single datagram that is longer than the MTU its sender's kernel would have fragmented, with the
    /// checksum computed before.
    func isManyDatagrams(_ mtu: UInt16) -> Bool { `protocol` == .udp && totalLength > mtu }
}
