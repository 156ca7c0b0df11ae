// SPDX-License-Identifier: Apache-2.0
import CRealIP

/// What the programs count; the raw value is the key in `ReceiverStatus.counters`.
package enum Counter: String, CaseIterable, Codable, Sendable, CodingKeyRepresentable {
    case connectionsIPv4, connectionsIPv6, connectionsWithout, connectionsForged
    case datagramsOpp, datagramsIpo, datagramsForged, datagramsMalformed, datagramsNotStripped
    case peersTold, receivesTold, sendsTranslated, connectsTranslated
    case flowsAmbiguous
    case toaAnswered, uoaAnswered, uoaUnknown

    /// Its place in the kernel's array.
    var index: UInt32 {
        let counter =
            switch self {
            case .connectionsIPv4: CRealIP_connection_ipv4
            case .connectionsIPv6: CRealIP_connection_ipv6
            case .connectionsWithout: CRealIP_connection_without
            case .connectionsForged: CRealIP_connection_forged
            case .datagramsOpp: CRealIP_datagram_opp
            case .datagramsIpo: CRealIP_datagram_ipo
            case .datagramsForged: CRealIP_datagram_forged
            case .datagramsMalformed: CRealIP_datagram_malformed
            case .datagramsNotStripped: CRealIP_datagram_not_stripped
            case .peersTold: CRealIP_peer_told
            case .receivesTold: CRealIP_receive_told
            case .sendsTranslated: CRealIP_send_translated
            case .connectsTranslated: CRealIP_connect_translated
            case .flowsAmbiguous: CRealIP_flow_ambiguous
            case .toaAnswered: CRealIP_toa_answered
            case .uoaAnswered: CRealIP_uoa_answered
            case .uoaUnknown: CRealIP_uoa_unknown
            }
        return counter.rawValue
    }

    /// What `status` calls it.
    package var sentence: String {
        switch self {
        case .connectionsIPv4: "connections whose TOA told an IPv4 client"
        case .connectionsIPv6: "connections whose TOA told an IPv6 client"
        case .connectionsWithout: "connections without TOA"
        case .connectionsForged: "connections whose TOA came from elsewhere and was not believed"
        case .datagramsOpp: "datagrams that UOA was taken off (opp, protocol 248)"
        case .datagramsIpo: "datagrams whose UOA was read (ipo, IPv4 option 31)"
        case .datagramsForged: "datagrams whose UOA came from elsewhere and was not believed"
        case .datagramsMalformed: "datagrams with an UOA that cannot be read"
        case .datagramsNotStripped: "datagrams whose UOA could not be taken off"
        case .peersTold: "accept and getpeername that told a client"
        case .receivesTold: "recvfrom and its kin that told a client"
        case .sendsTranslated: "sendto and its kin that went to the balancer"
        case .connectsTranslated: "connect of UDP sockets that went to the balancer"
        case .flowsAmbiguous:
            "UDP calls that were told nothing, because two own addresses share the flow"
        case .toaAnswered: "getsockopt 4096 (toa.ko) that were answered"
        case .uoaAnswered: "getsockopt 2048 (uoa.ko) that were answered"
        case .uoaUnknown: "getsockopt 2048 (uoa.ko) for a flow that is not known"
        }
    }

    /// The metric that it is a part of, and its labels there.
    var metric: (family: ReceiverMetric, labels: [(name: String, value: String)]) {
        switch self {
        case .connectionsIPv4: (.connections, [("result", "ipv4")])
        case .connectionsIPv6: (.connections, [("result", "ipv6")])
        case .connectionsWithout: (.connections, [("result", "none")])
        case .connectionsForged: (.connections, [("result", "forged")])
        case .datagramsOpp: (.datagrams, [("result", "opp")])
        case .datagramsIpo: (.datagrams, [("result", "ipo")])
        case .datagramsForged: (.datagrams, [("result", "forged")])
        case .datagramsMalformed: (.datagrams, [("result", "malformed")])
        case .datagramsNotStripped: (.datagrams, [("result", "not_stripped")])
        case .peersTold: (.calls, [("call", "getpeername")])
        case .receivesTold: (.calls, [("call", "recvmsg")])
        case .sendsTranslated: (.calls, [("call", "sendmsg")])
        case .connectsTranslated: (.calls, [("call", "connect")])
        case .flowsAmbiguous: (.ambiguous, [])
        case .toaAnswered: (.questions, [("option", "toa"), ("result", "answered")])
        case .uoaAnswered: (.questions, [("option", "uoa"), ("result", "answered")])
        case .uoaUnknown: (.questions, [("option", "uoa"), ("result", "unknown")])
        }
    }
}
