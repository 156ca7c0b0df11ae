// SPDX-License-Identifier: Apache-2.0

/// The TCP or UDP checksum as a whole.
///
/// Established packets never come by here: their checksums get what new addresses and ports add.
/// Computing one anew makes damaged data look whole, so it is for packets that are known to be whole:
/// those whose sender has left the checksum to its device.
extension TransportPacket {
    /// The field of the header, in wire order.
    private var checksumField: UnsafeMutableRawPointer {
        unsafe transport + (`protocol` == .tcp ? Offset.tcpChecksum : Offset.udpChecksum)
    }

    /// Octets that the checksum covers, from the transport header on.
    ///
    /// A datagram has a length of its own (RFC 768); octets of the packet behind it do not count.
    private var coveredLength: Int {
        guard `protocol` == .udp else { return unsafe Int(totalLength) &- (transport - network) }
        return unsafe Int(
            UInt16(
                bigEndian: (transport + Offset.udpLength).loadUnaligned(as: UInt16.self)
            )
        )
    }

    /// RFC 9293 section 3.1 and RFC 8200 section 8.1, in wire order: addresses, protocol, length.
    private var pseudoHeaderSum: UInt64 {
        UInt64(tuple.addressSum)
            &+ UInt64(UInt16(`protocol`.number(isIPv6: Tuple.isIPv6)).bigEndian)
            &+ UInt64(UInt16(truncatingIfNeeded: coveredLength).bigEndian)
    }

    /// Whether the field holds the sum of the pseudo-header and no more: what a sender leaves there
    /// whose device is to finish the checksum (`CHECKSUM_PARTIAL` of Linux, `NEEDS_CSUM` of virtio).
    ///
    /// Of finished checksums one in 65 535 is the same number; computing that anew changes nothing.
    public var hasUnfinishedChecksum: Bool {
        unsafe UInt32(checksumField.loadUnaligned(as: UInt16.self))
            == foldChecksum(pseudoHeaderSum)
    }

    /// Whether the checksum is right; a UDP checksum of 0 means "none" (RFC 768; RFC 6935 for
    /// tunnels over IPv6).
    public var hasRightChecksum: Bool {
        if `protocol` == .udp, unsafe checksumField.loadUnaligned(as: UInt16.self) == 0 {
            return true
        }
        return foldChecksum(pseudoHeaderSum &+ transportSum) == 0xFFFF
    }

    /// Computes the checksum from the octets; a UDP checksum of 0 stays.
    @inline(never)
    public func recomputeChecksum() {
        let isTCP = `protocol` == .tcp
        let field = unsafe checksumField
        guard unsafe isTCP || field.loadUnaligned(as: UInt16.self) != 0 else { return }
        unsafe field.storeBytes(of: 0, as: UInt16.self)
        let value = ~UInt16(truncatingIfNeeded: foldChecksum(pseudoHeaderSum &+ transportSum))
        unsafe field.storeBytes(of: value == 0 && !isTCP ? 0xFFFF : value, as: UInt16.self)
    }

    /// The ones'-complement sum of header and data, in wire order, not folded: 64 KiB of octets
    /// cannot overflow it.
    private var transportSum: UInt64 {
        let length = coveredLength
        var sum: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= length {
            let word = unsafe transport.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            sum &+= (word & 0xFFFF_FFFF) &+ word >> 32
            offset &+= 8
        }
        while offset &+ 2 <= length {
            sum &+= unsafe UInt64(
                transport.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
            )
            offset &+= 2
        }
        if offset < length {
            let last = unsafe transport.load(fromByteOffset: offset, as: UInt8.self)
            sum &+= UInt64(UInt16(last).littleEndian)
        }
        return sum
    }
}
