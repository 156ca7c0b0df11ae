// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// An echo request or reply in place, of ICMP (RFC 792) or ICMPv6 (RFC 4443 section 4).
///
///      0      1      2          4            6          8
///     +------+------+----------+------------+----------+----
///     | type | code | checksum | identifier | sequence | data
///     +------+------+----------+------------+----------+----
///
/// The identifier takes the place of both ports: "the identifier might be used like a port in TCP or
/// UDP to identify a session" (RFC 792), and RFC 5508 section 3.1 has NATs translate it so. So a
/// reply's tuple is its request's, reversed. Timestamps and address masks (RFC 792, RFC 950) are
/// nobody's to balance.
@safe
public struct ICMPQuery: BitwiseCopyable {
    private enum Offset {
        static let checksum = 2, identifier = 4, sequence = 6, data = 8
    }

    /// Which of the two a packet is.
    public enum Kind: Sendable, BitwiseCopyable {
        case request, reply
    }

    private let base: UnsafeMutableRawPointer
    public let kind: Kind
    private let isIPv6: Bool

    /// How long a query may stay without another; RFC 5508 section 3.2 asks for 60 s at least.
    public static let timeout = Duration.seconds(300)

    /// The message of `length` octets at `base`, or nil when it is not an echo; the octets outlive
    /// this value.
    @unsafe
    public init?(
        at base: UnsafeMutableRawPointer,
        length: Int,
        _ number: IPProtocol
    ) {
        guard length >= Offset.data else { return nil }
        let type = unsafe base.load(as: UInt8.self)
        let code = unsafe base.load(fromByteOffset: 1, as: UInt8.self)
        guard code == 0 else { return nil }
        switch (number, type) {
        case (.icmp, 8), (.icmpv6, 128): kind = .request
        case (.icmp, 0), (.icmpv6, 129): kind = .reply
        default: return nil
        }
        isIPv6 = number == .icmpv6
        unsafe self.base = unsafe base
    }

    public var identifier: UInt16 {
        unsafe UInt16(
            bigEndian: base.loadUnaligned(fromByteOffset: Offset.identifier, as: UInt16.self)
        )
    }

    public var sequence: UInt16 {
        unsafe UInt16(
            bigEndian: base.loadUnaligned(fromByteOffset: Offset.sequence, as: UInt16.self)
        )
    }

    /// The identifier as both ports of a tuple, as they would lie in a packet.
    public var ports: UInt32 {
        let identifier = UInt32(
            unsafe base.loadUnaligned(fromByteOffset: Offset.identifier, as: UInt16.self)
        )
        return identifier | identifier << 16
    }

    /// Gives the message another identifier, and its checksum what that adds.
    ///
    /// ICMPv6's checksum counts the addresses (RFC 8200 section 8.1), ICMP's does not:
    /// `addressDelta` is what new addresses add, in wire order (RFC 1624, equation 3), and counts
    /// for ICMPv6 only.
    public func rewrite(identifier new: UInt16, addressDelta: UInt16 = 0) {
        let field = unsafe base + Offset.identifier
        let old = unsafe field.loadUnaligned(as: UInt16.self)
        let stored = new.bigEndian
        var delta = UInt32(~old) &+ UInt32(stored)
        if isIPv6 { delta &+= UInt32(addressDelta) }
        delta = (delta & 0xFFFF) &+ delta >> 16
        delta = (delta & 0xFFFF) &+ delta >> 16
        unsafe field.storeBytes(of: stored, as: UInt16.self)
        unsafe addToChecksum(UInt16(truncatingIfNeeded: delta), at: base + Offset.checksum)
    }
}
