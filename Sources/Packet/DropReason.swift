// SPDX-License-Identifier: Apache-2.0

/// Why a packet went no further; every dropped packet counts under exactly one.
public enum DropReason: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    // The frame itself.
    case tooShort, badVersion, badHeaderLength, badTotalLength, badHeaderChecksum
    case badTransportLength, badSourceAddress, badExtensionHeader
    /// Of TCP or UDP: the device has found the checksum wrong, and it is.
    case badTransportChecksum
    /// Longer than the link's MTU: segments or fragments that a kernel has put together.
    case superPacket
    case unsupportedEtherType, unknownVLAN, badARP, badNeighbourDiscovery, badLLDP
    /// IPv6 is switched off.
    case ipv6Disabled

    // Where it wants to go.
    case notForUs, noRoute, ttlExceeded, tooBig
    case unexpectedFragment, fragmentExpired, fragmentTableFull, fragmentOfDropped
    case unsupportedProtocol
    /// Of a tunnel: a header of GRE that is broken or not as agreed, a number that is old, and a way to
    /// the other end that leads into a tunnel itself.
    case badTunnelHeader, tunnelSequence, tunnelLoop
    /// NAT64 cannot say the packet in the other family.
    case untranslatable
    /// A header does not fit before the packet.
    case noHeadroom
    /// Packets of the sender are dropped, whatever they are.
    case screened

    // What the balancer says.
    case noService, noBackend, noLocalAddress, noLocalPort, sourcePortLimit, connectionTableFull
    case tcpNotSYN
    case connectionGone, sctpNotInit, badSCTPChecksum
    /// A limit of the service is reached.
    case serviceConnectionLimit, serviceRateLimit, servicePacketRate, serviceBitRate
    /// The service gets a share of its packets.
    case serviceShare
    /// A list of the service keeps the client out, or does not let it in.
    case denied, notAllowed
    /// New connections are refused while the program ends.
    case stopping
    /// Data that must not reach a backend before the header of the PROXY protocol.
    case proxyHeaderMissing

    // Neighbours and the slow path.
    case neighbourUnresolved, neighbourQueueFull, slowPathRingFull, icmpRateLimited, icmpIgnored
    /// The kernel's share of such packets is used up; its companion takes no more.
    case exceptionPoliced, companionFull

    // The way out.
    case redirectRingFull, transmitRingFull, noBuffer

    /// Where in the packet's way it happened.
    public enum Stage: String, CaseIterable, Sendable {
        case parse, network, balance, slowPath = "slow_path", transmit
    }

    public var stage: Stage {
        switch self {
        case .tooShort, .badVersion, .badHeaderLength, .badTotalLength, .badHeaderChecksum,
            .badTransportLength, .badSourceAddress, .badExtensionHeader, .badTransportChecksum,
            .superPacket, .unsupportedEtherType,
            .unknownVLAN, .badARP, .badNeighbourDiscovery, .badLLDP, .ipv6Disabled:
            .parse
        case .notForUs, .noRoute, .ttlExceeded, .tooBig, .unexpectedFragment, .fragmentExpired,
            .fragmentTableFull, .fragmentOfDropped, .unsupportedProtocol,
            .untranslatable, .noHeadroom, .screened, .badTunnelHeader, .tunnelSequence, .tunnelLoop:
            .network
        case .noService, .noBackend, .noLocalAddress, .noLocalPort, .sourcePortLimit,
            .connectionTableFull, .tcpNotSYN, .connectionGone, .sctpNotInit, .badSCTPChecksum,
            .serviceConnectionLimit,
            .serviceRateLimit, .servicePacketRate, .serviceBitRate, .serviceShare, .stopping,
            .denied, .notAllowed,
            .proxyHeaderMissing:
            .balance
        case .neighbourUnresolved, .neighbourQueueFull, .slowPathRingFull, .icmpRateLimited,
            .icmpIgnored, .exceptionPoliced, .companionFull:
            .slowPath
        case .redirectRingFull, .transmitRingFull, .noBuffer: .transmit
        }
    }

    /// The word that metrics and tools use.
    public var name: String {
        switch self {
        case .tooShort: "too_short"
        case .badVersion: "bad_version"
        case .badHeaderLength: "bad_header_length"
        case .badTotalLength: "bad_total_length"
        case .badHeaderChecksum: "bad_header_checksum"
        case .badTransportLength: "bad_transport_length"
        case .badSourceAddress: "bad_source_address"
        case .badExtensionHeader: "bad_extension_header"
        case .badTransportChecksum: "bad_transport_checksum"
        case .superPacket: "super_packet"
        case .unsupportedEtherType: "unsupported_ethertype"
        case .unknownVLAN: "unknown_vlan"
        case .badARP: "bad_arp"
        case .badNeighbourDiscovery: "bad_neighbour_discovery"
        case .badLLDP: "bad_lldp"
        case .ipv6Disabled: "ipv6_disabled"
        case .notForUs: "not_for_us"
        case .noRoute: "no_route"
        case .ttlExceeded: "ttl_exceeded"
        case .tooBig: "too_big"
        case .unexpectedFragment: "unexpected_fragment"
        case .fragmentExpired: "fragment_expired"
        case .fragmentTableFull: "fragment_table_full"
        case .fragmentOfDropped: "fragment_of_dropped"
        case .unsupportedProtocol: "unsupported_protocol"
        case .badTunnelHeader: "bad_tunnel_header"
        case .tunnelSequence: "tunnel_sequence"
        case .tunnelLoop: "tunnel_loop"
        case .untranslatable: "untranslatable"
        case .noHeadroom: "no_headroom"
        case .screened: "screened"
        case .noService: "no_service"
        case .noBackend: "no_backend"
        case .noLocalAddress: "no_local_address"
        case .noLocalPort: "no_local_port"
        case .sourcePortLimit: "source_port_limit"
        case .connectionTableFull: "connection_table_full"
        case .tcpNotSYN: "tcp_not_syn"
        case .connectionGone: "connection_gone"
        case .sctpNotInit: "sctp_not_init"
        case .badSCTPChecksum: "bad_sctp_checksum"
        case .serviceConnectionLimit: "service_connection_limit"
        case .serviceRateLimit: "service_rate_limit"
        case .servicePacketRate: "service_packet_rate"
        case .serviceBitRate: "service_bit_rate"
        case .serviceShare: "service_share"
        case .denied: "denied"
        case .notAllowed: "not_allowed"
        case .stopping: "stopping"
        case .proxyHeaderMissing: "proxy_header_missing"
        case .neighbourUnresolved: "neighbour_unresolved"
        case .neighbourQueueFull: "neighbour_queue_full"
        case .slowPathRingFull: "slow_path_ring_full"
        case .icmpRateLimited: "icmp_rate_limited"
        case .icmpIgnored: "icmp_ignored"
        case .exceptionPoliced: "exception_policed"
        case .companionFull: "companion_full"
        case .redirectRingFull: "redirect_ring_full"
        case .transmitRingFull: "transmit_ring_full"
        case .noBuffer: "no_buffer"
        }
    }
}
