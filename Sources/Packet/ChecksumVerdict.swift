// SPDX-License-Identifier: Apache-2.0
import CPacket

/// What a port says of a checksum in a frame that it has received (`RTE_MBUF_F_RX_L4_CKSUM_*` and
/// `RTE_MBUF_F_RX_IP_CKSUM_*` of DPDK).
public enum ChecksumVerdict: Sendable, BitwiseCopyable {
    /// It cannot tell, or was not asked.
    case unknown
    /// It is wrong.
    case bad
    case good
    /// The data are whole, but the checksum is not that of the data: the sender has left it to its
    /// device ("none" in DPDK's words).
    case unfinished

    /// Reads the two flags of a verdict: "bad" and "good", which together mean neither.
    private init(_ flags: UInt64, bad: UInt64, good: UInt64) {
        switch (flags & bad != 0, flags & good != 0) {
        case (false, false): self = .unknown
        case (true, false): self = .bad
        case (false, true): self = .good
        case (true, true): self = .unfinished
        }
    }

    private static let headerBad = UInt64(1) << UInt64(CPacket_rx_ip_checksum_bad_bit)
    private static let headerGood = UInt64(1) << UInt64(CPacket_rx_ip_checksum_good_bit)
    private static let transportBad = UInt64(1) << UInt64(CPacket_rx_l4_checksum_bad_bit)
    private static let transportGood = UInt64(1) << UInt64(CPacket_rx_l4_checksum_good_bit)

    /// Of the IPv4 header checksum, from `ol_flags`.
    public static func ofHeader(_ flags: UInt64) -> ChecksumVerdict {
        ChecksumVerdict(flags, bad: headerBad, good: headerGood)
    }

    /// Of the TCP, UDP or SCTP checksum, from `ol_flags`.
    public static func ofTransport(_ flags: UInt64) -> ChecksumVerdict {
        ChecksumVerdict(flags, bad: transportBad, good: transportGood)
    }

    /// The flag that is set in a frame whose transport checksum is to be looked at: that of both "bad"
    /// and "unfinished".
    public static let transportNeedsCare = transportBad

    /// Flags in which nothing is said of a header checksum any more.
    static func forgettingHeader(_ flags: UInt64) -> UInt64 { flags & ~(headerBad | headerGood) }

    /// Flags in which nothing is said of a transport checksum any more.
    static func forgettingTransport(_ flags: UInt64) -> UInt64 {
        flags & ~(transportBad | transportGood)
    }
}

extension Packet {
    /// What the port says of the IPv4 header checksum.
    public var headerVerdict: ChecksumVerdict { unsafe .ofHeader(buffer.pointee.ol_flags) }

    /// What the port says of the TCP, UDP or SCTP checksum.
    public var transportVerdict: ChecksumVerdict { unsafe .ofTransport(buffer.pointee.ol_flags) }

    /// Takes the verdict on the IPv4 header checksum off: it has been dealt with.
    public func forgetHeaderVerdict() {
        unsafe buffer.pointee.ol_flags = ChecksumVerdict.forgettingHeader(buffer.pointee.ol_flags)
    }

    /// Takes the verdict on the transport checksum off: it has been dealt with.
    public func forgetTransportVerdict() {
        let flags = unsafe buffer.pointee.ol_flags
        unsafe buffer.pointee.ol_flags = ChecksumVerdict.forgettingTransport(flags)
    }
}
