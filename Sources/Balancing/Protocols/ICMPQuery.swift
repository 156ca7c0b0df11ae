// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A query with an identifier, or its reply, in place: of ICMP or ICMPv6.
///
///      0      1      2          4            6          8
///     +------+------+----------+------------+----------+----
///     | type | code | checksum | identifier | sequence | data
///     +------+------+----------+------------+----------+----
///
///     request, reply   of IPv4   of IPv6
///     echo              8,  0    128, 129   RFC 792, RFC 4443 section 4
///     timestamp        13, 14               RFC 792
///     information      15, 16               RFC 792
///     address mask     17, 18               RFC 950
///     extended echo    42, 43    160, 161   RFC 8335 section 2; the sequence has one octet
///
/// The identifier takes the place of both ports: "the identifier might be used like a port in TCP or
/// UDP to identify a session" (RFC 792), and RFC 5508 section 3.1 has NATs translate it so. So a
/// reply's tuple is its request's, reversed.
@safe
public struct ICMPQuery: BitwiseCopyable {
    private enum Offset {
        static let checksum = 2, identifier = 4, sequence = 6, data = 8
    }

    /// Which of the two a message is.
    public enum Kind: Sendable, BitwiseCopyable {
        case request, reply
    }

    private let base: UnsafeMutableRawPointer
    public let kind: Kind
    private let isIPv6: Bool

    /// How long a query may stay without another; RFC 5508 section 3.2 asks for 60 s at least.
    public static let timeout = Duration.seconds(300)

    /// What messages of `type` are; nil when they are no queries.
    static func kind(_ type: UInt8, _ number: IPProtocol) -> Kind? {
        switch (number, type) {
        case (.icmp, 8), (.icmp, 13), (.icmp, 15), (.icmp, 17), (.icmp, 42): .request
        case (.icmp, 0), (.icmp, 14), (.icmp, 16), (.icmp, 18), (.icmp, 43): .reply
        case (.icmpv6, 128), (.icmpv6, 160): .request
        case (.icmpv6, 129), (.icmpv6, 161): .reply
        default: nil
        }
    }

    /// The message of `length` octets at `base`, or nil when it is no query; the octets outlive this
    /// value.
    @unsafe
    public init?(
        at base: UnsafeMutableRawPointer,
        length: Int,
        _ number: IPProtocol
    ) {
        guard length >= Offset.data else { return nil }
        let type = unsafe base.load(as: UInt8.self)
        let code = unsafe base.load(fromByteOffset: 1, as: UInt8.self)
        guard let kind = Self.kind(type, number) else { return nil }
        // The reply to an extended echo says in its code how it went (RFC 8335 section 3).
        guard code == 0 || type == 43 || type == 161 else { return nil }
        self.kind = kind
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
