// SPDX-License-Identifier: Apache-2.0

/// How the translation of a packet ended.
///
/// Except after the first two, the packet is as it was.
public enum TranslationOutcome: Equatable, BitwiseCopyable, Sendable {
    case translated
    /// Translated to IPv6 and longer than `limit`, which the next link takes: it has a fragment header
    /// and is to be cut: see `FragmentCut`.
    case fragmentAfter(limit: UInt16)
    /// Too long for the next link, and the sender does not want fragments: it is to be told
    /// `mtu`, in terms of its own family.
    case tooBig(mtu: UInt16)
    case refused(TranslationRefusal)
}

/// Why a packet cannot be translated.
public enum TranslationRefusal: Equatable, BitwiseCopyable, Sendable {
    /// Not of the family that the caller says, or shorter than its headers say.
    case malformed
    /// The buffer has no room before the frame for longer headers.
    case noRoom
    /// Neither TCP, UDP, SCTP nor an echo: its checksum or its addresses are not known to us.
    case unsupportedProtocol
    /// An extension header other than those that RFC 7915 section 5.1 lets us pass over.
    case unsupportedExtension
    /// A routing header that is not used up. RFC 7915 section 5.1: the sender is told, with an
    /// ICMPv6 parameter problem whose pointer is the field "segments left".
    case routingHeader(pointer: UInt16)
    /// An unexpired IPv4 source route. RFC 7915 section 4.1: the sender is told, with an ICMP
    /// destination unreachable, source route failed.
    case sourceRoute
    /// A fragment of ICMP: the checksums differ by a pseudo-header with the length of the whole.
    case fragmentedICMP
    /// The first fragment of an SCTP packet: what new ports do to its checksum hangs on the length of
    /// the whole.
    case fragmentedSCTP
    /// The first fragment of a UDP datagram without a checksum, which IPv6 demands.
    case fragmentWithoutChecksum
    /// An ICMP message that is no error about a packet.
    case notAnError
    /// An ICMP error with a checksum that is wrong, in it or in the header that it quotes.
    case badChecksum
    /// An ICMP error about a packet that does not have ports: a later fragment.
    case laterFragment
    /// An ICMP error about an ICMP message that is no query, which nobody may send (RFC 1122
    /// section 3.2.2).
    case errorAboutError
    /// An ICMP error that the other family does not have.
    case untranslatableError
}

/// Addresses and ports that a packet gets; for ICMP echo, `sourcePort` is the identifier.
public struct FlowAddresses<Address: BitwiseCopyable & Hashable & Sendable>: Hashable,
    BitwiseCopyable, Sendable
{
    public var source: Address
    public var destination: Address
    public var sourcePort: UInt16
    public var destinationPort: UInt16

    public init(source: Address, sourcePort: UInt16, destination: Address, destinationPort: UInt16)
    {
        self.source = source
        self.destination = destination
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
    }

    /// Those of a packet that goes the other way.
    public var reversed: Self {
        Self(
            source: destination,
            sourcePort: destinationPort,
            destination: source,
            destinationPort: sourcePort
        )
    }
}
