// SPDX-License-Identifier: Apache-2.0

/// How the backends of a service learn the client's address.
package enum ClientAddressMode: String, Codable, Sendable, CaseIterable {
    /// Not at all: they see the local address.
    case none
    /// TCP option 254.
    case toa
    /// A header of IP protocol 248 in front of UDP.
    case uoa
    /// IPv4 option 31 in front of UDP.
    case uoaOption = "uoa-ipo"
    /// The PROXY protocol; a header that a client sends is replaced.
    case proxyV1 = "proxy-v1"
    case proxyV2 = "proxy-v2"
    /// The PROXY protocol; a header that a client sends is believed.
    case proxyV1Insecure = "proxy-v1-insecure"
    case proxyV2Insecure = "proxy-v2-insecure"

    /// The protocols over which it exists.
    package var protocols: [TransportProtocol] {
        switch self {
        case .none: TransportProtocol.allCases
        case .proxyV2, .proxyV2Insecure: [.tcp, .udp]
        case .toa, .proxyV1, .proxyV1Insecure: [.tcp]
        case .uoa, .uoaOption: [.udp]
        }
    }

    /// The modes of a protocol.
    package static func modes(of protocol: TransportProtocol) -> [ClientAddressMode] {
        allCases.filter { $0.protocols.contains(`protocol`) }
    }
}

extension Service {
    /// How backends learn the client's address.
    ///
    /// Without `clientAddress` it is `toa` over TCP, as DPVS does: a backend without the module
    /// skips an option that it does not know. Over UDP it is `none`: a backend that does not know
    /// IP protocol 248 would answer none of those packets.
    package var effectiveClientAddress: ClientAddressMode {
        clientAddress ?? (key.protocol == .tcp ? .toa : .none)
    }
}
