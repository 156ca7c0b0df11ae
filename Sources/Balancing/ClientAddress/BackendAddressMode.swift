// SPDX-License-Identifier: Apache-2.0

/// How the backends of a service learn the client's address.
public enum BackendAddressMode: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case none
    /// TCP: an option (TOA).
    case tcpOption
    /// UDP: a header between IP and UDP (UOA, `opp`).
    case udpHeader
    /// UDP: an IPv4 option (UOA, `ipo`).
    case udpOption
    /// The PROXY protocol; what a client sends in its place is replaced.
    case proxyV1, proxyV2
    /// The PROXY protocol; what a client sends is believed.
    case proxyV1Insecure, proxyV2Insecure

    var proxyVersion: ProxyHeader.Version? {
        switch self {
        case .proxyV1, .proxyV1Insecure: .v1
        case .proxyV2, .proxyV2Insecure: .v2
        case .none, .tcpOption, .udpHeader, .udpOption: nil
        }
    }

    var believesClient: Bool { self == .proxyV1Insecure || self == .proxyV2Insecure }

    var udpForm: UDPAddressForm? {
        switch self {
        case .udpHeader: .header
        case .udpOption: .option
        default: nil
        }
    }
}

/// How a service tells its backends the clients' addresses.
public struct ClientAddressRule: Equatable, Sendable, BitwiseCopyable {
    public var mode: BackendAddressMode
    /// How many UDP packets of a connection carry an address (UOA).
    public var repeats: UInt8

    public init(_ mode: BackendAddressMode, repeats: UInt8 = 3) {
        self.mode = mode
        self.repeats = repeats
    }

    public static let none = ClientAddressRule(.none)
}

/// Where a UDP packet carries the client's address.
public enum UDPAddressForm: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// Between the IP and the UDP header, as IP protocol 248.
    case header
    /// In the IPv4 header, as option 31.
    case option
}
