// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// How packets to one backend are put into a tunnel: made once per backend, applied per packet.
///
///     ipip        outer IP │ inner IP …                       RFC 2003, RFC 2473, RFC 4213
///     gre         outer IP │ GRE (4) │ inner IP …             RFC 2784, RFC 7676
///     gue         outer IP │ UDP (8) │ GUE (4) │ inner IP …   draft-ietf-intarea-gue, variant 0
///     gueDirect   outer IP │ UDP (8) │ inner IP …             the same, variant 1; Linux: fou
///
/// Either family may be in either. Receivers spread packets over their queues by the outer header,
/// which without more is the same for all packets: so GUE has a source port that depends on the
/// flow, IPv6 a flow label that does (RFC 6438), and every kind may take its outer source from a
/// whole prefix instead of a single address.
public struct Encapsulation: Equatable, BitwiseCopyable, Sendable {
    public enum Kind: UInt8, CaseIterable, BitwiseCopyable, Sendable {
        case ipip, gre, gue, gueDirect
    }

    /// The port that IANA gave to GUE.
    public static let guePort: UInt16 = 6080

    /// What a tunnel may have besides.
    public struct Options: Equatable, BitwiseCopyable, Sendable {
        /// The optional words of GRE (RFC 2784, RFC 2890).
        public var key: UInt32?
        /// Whether the checksum of GRE is there, or that of UDP is not 0.
        public var hasChecksum = false
        public var hasSequence = false
        /// TOS or traffic class, but its two bits of ECN; nil: the inner packet's.
        public var service: UInt8?

        public init() {}

        /// Octets of the optional words of GRE.
        public var length: UInt16 {
            (key == nil ? 0 : 4) + (hasChecksum ? 4 : 0) + (hasSequence ? 4 : 0)
        }
    }

    public let kind: Kind
    let options: Options
    /// Whether the outer header is IPv6.
    public let isIPv6: Bool
    /// Octets of all outer headers.
    public let overhead: UInt16
    /// 0: the inner packet's.
    let timeToLive: UInt8
    let destinationPort: UInt16
    /// Which bits of the outer source, in its last four octets, the flow chooses.
    let sourceMask: UInt32
    // IPv4 addresses are in the low 32 bits of the low words; all in host order.
    let sourceHigh: UInt64
    let sourceLow: UInt64
    let destinationHigh: UInt64
    let destinationLow: UInt64

    /// A tunnel to `destination` from the addresses of `source`, which are ours: a prefix of full
    /// width is one address, a shorter one is as many as it has, at most 2^16.
    ///
    /// Nil when the families differ. RFC 2003 section 3.1: the outer time to live is "set to a
    /// value appropriate for delivery of the encapsulated datagram to the tunnel exit point", not
    /// the one of the inner packet, for which the tunnel is one hop.
    public init?(
        _ kind: Kind,
        source: IPPrefix,
        destination: IPAddress,
        destinationPort: UInt16 = Encapsulation.guePort,
        timeToLive: UInt8 = 64,
        options: Options = Options()
    ) {
        guard source.address.family == destination.family else { return nil }
        self.kind = kind
        self.options = options
        self.timeToLive = timeToLive
        self.destinationPort = destinationPort
        isIPv6 = destination.family == .ipv6
        overhead =
            Self.overhead(kind, isIPv6: destination.family == .ipv6)
            + (kind == .gre ? options.length : 0)
        let freeBits = min(16, source.address.family.width - source.length)
        sourceMask = UInt32(1) << UInt32(freeBits) - 1
        (sourceHigh, sourceLow) = Self.words(source.address)
        (destinationHigh, destinationLow) = Self.words(destination)
    }

    private static func words(_ address: IPAddress) -> (UInt64, UInt64) {
        switch address {
        case .v4(let address): (0, UInt64(address.rawValue))
        case .v6(let address): (address.high, address.low)
        }
    }

    /// Octets that `kind` adds to a packet, without options.
    public static func overhead(_ kind: Kind, isIPv6: Bool) -> UInt16 {
        let network: UInt16 = isIPv6 ? 40 : 20
        return switch kind {
        case .ipip: network
        case .gre: network + 4
        case .gue: network + 12
        case .gueDirect: network + 8
        }
    }

    // MARK: - Size

    /// Whether a packet can go through the tunnel.
    public enum Fit: Equatable, BitwiseCopyable, Sendable {
        case fits
        /// Its sender is to be told `mtu`.
        case tooBig(mtu: UInt16)
        /// It is to be cut into fragments of at most `limit` octets, each of which goes through.
        case fragmentFirst(limit: UInt16)
        /// It goes through, and the outer packet is to be fragmented.
        case fragmentAfter
    }

    /// What the tunnel leaves of a link that takes `linkMTU` octets.
    public func innerMTU(_ linkMTU: UInt16) -> UInt16 {
        linkMTU > overhead ? linkMTU &- overhead : 0
    }

    /// Whether a packet of `length` octets fits when the way to the backend takes `linkMTU`.
    ///
    /// IPv4 without DF is fragmented before, so that its receiver reassembles and not the backend's
    /// tunnel. An IPv6 packet of up to 1280 octets cannot be refused; its outer packet is
    /// fragmented (RFC 4213 section 3.2, RFC 2473 section 7.1).
    public func fit(
        length: UInt16,
        innerIsIPv6: Bool,
        innerDontFragment: Bool,
        linkMTU: UInt16
    ) -> Fit {
        let limit = innerMTU(linkMTU)
        guard length > limit else { return .fits }
        if innerIsIPv6 {
            return length > 1280 ? .tooBig(mtu: max(1280, limit)) : .fragmentAfter
        }
        return innerDontFragment ? .tooBig(mtu: limit) : .fragmentFirst(limit: limit)
    }
}
