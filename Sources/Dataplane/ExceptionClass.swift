// SPDX-License-Identifier: Apache-2.0
import Addressing
import Packet

/// What a packet for the kernel, or from it, is about.
///
/// Each class has a rate and a way up of its own: a flood of one does not touch the others.
public enum ExceptionClass: Int, CaseIterable, Sendable, BitwiseCopyable {
    /// BGP, BFD, OSPF, IS-IS, RIP, PIM, IGMP, VRRP.
    case routing
    /// ARP, and neighbour and multicast listener discovery.
    case neighbour
    /// SSH, TCP that is under way, ICMP errors and echo replies: what answers the kernel.
    case management
    case rest

    /// The word that metrics and tools use.
    public var name: String {
        switch self {
        case .routing: "routing"
        case .neighbour: "neighbour"
        case .management: "management"
        case .rest: "rest"
        }
    }

    /// What the frame `bytes` is about; `frame` is nil when it holds neither IP nor ARP.
    init(_ bytes: FrameBytes, _ frame: ParsedFrame?) {
        guard let frame else {
            // IS-IS: no EtherType but a length, and its service access points of LLC.
            let isISIS = bytes.word(12).map { $0 <= 1500 } == true && bytes.word(14) == 0xFEFE
            self = isISIS ? .routing : .rest
            return
        }
        let base = Int(frame.transportOffset)
        let hasHeader = !frame.isFragment || frame.isFirstFragment
        switch frame.protocol {
        case _ where frame.content == .arp: self = .neighbour
        case .ospf, .vrrp, .igmp, .pim: self = .routing
        case .icmp where hasHeader: self = Self.ofICMP(bytes.octet(base) ?? 0)
        case .icmpv6 where hasHeader: self = Self.ofICMPv6(bytes.octet(base) ?? 0)
        case .tcp where hasHeader: self = Self.ofTCP(bytes, base)
        case .udp where hasHeader: self = Self.ofUDP(bytes.word(base + 2) ?? 0)
        default: self = .rest
        }
    }

    /// Echo replies, and errors (RFC 792).
    private static func ofICMP(_ type: UInt8) -> Self {
        switch type {
        case 0, 3, 4, 5, 11, 12: .management
        default: .rest
        }
    }

    /// RFC 4443, RFC 4861, RFC 2710, RFC 3810.
    private static func ofICMPv6(_ type: UInt8) -> Self {
        switch type {
        case 0..<128, 129: .management
        case 130...137, MulticastListener.report: .neighbour
        default: .rest
        }
    }

    private static func ofTCP(_ bytes: FrameBytes, _ base: Int) -> Self {
        switch (bytes.word(base) ?? 0, bytes.word(base + 2) ?? 0) {
        // BGP (RFC 4271 section 8.2.1).
        case (179, _), (_, 179): .routing
        case (22, _), (_, 22): .management
        // With ACK, it is no opening.
        default: (bytes.octet(base + 13) ?? 0) & 0x10 != 0 ? .management : .rest
        }
    }

    /// BFD (RFC 5881 section 4, RFC 5883 section 5) and RIP (RFC 2453, RFC 2080).
    private static func ofUDP(_ destination: UInt16) -> Self {
        switch destination {
        case 3784, 3785, 4784, 520, 521: .routing
        default: .rest
        }
    }
}
