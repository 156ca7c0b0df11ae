// SPDX-License-Identifier: Apache-2.0
import Addressing
public import Packet

/// What the headers of a fragment say of its place in the datagram: checked, in host order.
public struct Fragment: Equatable, Sendable, BitwiseCopyable {
    private enum Extension {
        static let limit = 8
        static let fragmentLength = 8
    }

    public var key: FragmentKey
    /// Octets of the datagram before this part.
    public var offset: UInt16
    /// Octets of this part.
    public var length: UInt16
    /// Whether this is not the last part.
    public var hasMore: Bool

    public var isFirst: Bool { offset == 0 }

    /// Overlaps the end of a TCP header in the first fragment, which filters have seen and this one
    /// would change: RFC 1858 section 3.2.2 has filters drop TCP fragments at offset 1 (times 8).
    public var hidesTCPHeader: Bool { offset == 8 && transport == .tcp }

    private var transport: IPProtocol

    /// Reads the fragment in `bytes` whose outline is `frame`; nil when it is none or impossible.
    ///
    /// RFC 8200 section 4.5 has parts discarded that would end beyond 65,535 octets, and parts
    /// before the last whose length is not a multiple of 8; neither is of use in IPv4.
    public init?(_ bytes: FrameBytes, _ frame: ParsedFrame) {
        guard frame.isFragment else { return nil }
        let network = Int(frame.networkOffset)
        let end = network &+ Int(frame.totalLength)
        let start: Int
        switch frame.content {
        case .ipv4:
            guard
                let field = bytes.word(network + 6),
                let identification = bytes.word(network + 4),
                let source = bytes.long(network + 12),
                let destination = bytes.long(network + 16)
            else { return nil }
            key = FragmentKey(
                source: source,
                destination: destination,
                identification: identification,
                protocolNumber: frame.protocol.rawValue
            )
            offset = field << 3
            hasMore = field & 0x2000 != 0
            transport = frame.protocol
            start = Int(frame.transportOffset)
        case .ipv6:
            guard
                let header = Self.header(in: bytes, at: network, end: end),
                let next = bytes.octet(header),
                let field = bytes.word(header + 2),
                let identification = bytes.long(header + 4),
                let source = Self.address(in: bytes, at: network + 8),
                let destination = Self.address(in: bytes, at: network + 24)
            else { return nil }
            key = FragmentKey(
                source: source,
                destination: destination,
                identification: identification
            )
            offset = field & 0xFFF8
            hasMore = field & 1 != 0
            transport = IPProtocol(rawValue: next)
            start = header + Extension.fragmentLength
        case .arp: return nil
        }
        guard start <= end, end - start <= Int(UInt16.max) - Int(offset) else { return nil }
        length = UInt16(truncatingIfNeeded: end - start)
        guard !hasMore || (length != 0 && length & 7 == 0) else { return nil }
    }

    private static func address(in bytes: FrameBytes, at offset: Int) -> (UInt64, UInt64)? {
        guard
            let first = bytes.long(offset), let second = bytes.long(offset + 4),
            let third = bytes.long(offset + 8), let fourth = bytes.long(offset + 12)
        else { return nil }
        return (UInt64(first) << 32 | UInt64(second), UInt64(third) << 32 | UInt64(fourth))
    }

    /// Where the fragment header of the IPv6 packet at `network` is.
    private static func header(in bytes: FrameBytes, at network: Int, end: Int) -> Int? {
        guard var next = bytes.octet(network + 6) else { return nil }
        var offset = network + 40
        for _ in 0...Extension.limit {
            guard offset + Extension.fragmentLength <= end else { return nil }
            let field = Int(bytes.octet(offset + 1) ?? 0)
            switch IPProtocol(rawValue: next) {
            case .fragment: return offset
            case .hopByHopOptions, .routing, .destinationOptions:
                next = bytes.octet(offset) ?? IPProtocol.noNextHeader.rawValue
                offset += (field + 1) * 8
            case .authentication:
                next = bytes.octet(offset) ?? IPProtocol.noNextHeader.rawValue
                offset += (field + 2) * 4
            default: return nil
            }
        }
        return nil
    }
}

/// RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), with `delta` = ~m + m', all in wire order.
@unsafe
func addToChecksum(_ delta: UInt16, at checksum: UnsafeMutableRawPointer) {
    let old = unsafe checksum.loadUnaligned(as: UInt16.self)
    var sum = UInt32(~old) &+ UInt32(delta)
    sum = (sum & 0xFFFF) &+ sum >> 16
    unsafe checksum.storeBytes(of: ~UInt16(truncatingIfNeeded: sum), as: UInt16.self)
}
