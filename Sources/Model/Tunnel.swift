// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// How packets to the backends of a `tunnel` service are wrapped.
package struct Tunnel: Equatable, Codable, Sendable {
    /// The names are those of `ipvsadm --tun-type`.
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// IP in IP: 4 in 4, 6 in 6, 6 in 4 and 4 in 6.
        case ipip
        /// Generic routing encapsulation (RFC 2784).
        case gre
        /// Generic UDP encapsulation, whose source port depends on the flow.
        case gue
        /// The same without a header of its own: what Linux calls `fou`.
        case fou

        /// Whether it has a UDP header.
        var isUDP: Bool { self == .gue || self == .fou }
    }

    package var kind: Kind
    /// UDP port of `gue` and `fou`; nil: 6080, what IANA gave to GUE.
    package var port: UInt16?
    /// Own address in front of the packets, or a prefix of which each flow takes one; nil: that of
    /// the interface toward the backend.
    package var source: IPPrefix?
    /// Whether the UDP headers of `gue` and `fou` have a checksum, over the whole packet.
    package var hasChecksum: Bool

    package init(
        kind: Kind = .ipip,
        port: UInt16? = nil,
        source: IPPrefix? = nil,
        hasChecksum: Bool = false
    ) {
        self.kind = kind
        self.port = port
        self.source = source
        self.hasChecksum = hasChecksum
    }
}
