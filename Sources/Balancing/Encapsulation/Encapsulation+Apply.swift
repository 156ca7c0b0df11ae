// SPDX-License-Identifier: Apache-2.0
import Addressing
public import CPacket
import Packet

extension Encapsulation {
    /// Puts the IP packet of `innerLength` octets at `networkOffset` of the frame in `buffer` into
    /// the tunnel; false, and nothing changed, when the buffer has no room before it or the frame
    /// does not have the packet.
    ///
    /// The outer IP header then is 14 octets behind the beginning of the frame, after the right
    /// EtherType, and Ethernet padding is gone. All bits of `flowHash` should be good ones.
    ///
    /// * TOS or traffic class is copied with ECN, the "normal mode" of RFC 6040 section 4.1: the
    ///   backend's kernel carries a mark on the way back into the packet.
    /// * DF of an IPv4 packet is copied (RFC 2003 section 3.1): path MTU discovery of the client
    ///   reaches through the tunnel, and what may be fragmented still may. Around IPv6 it is set
    ///   from 1281 octets on: who sends less cannot be made to send less still (RFC 4213
    ///   section 3.2.2).
    /// * `sequence` goes into GRE headers that have one.
    /// * `identification` matters without DF only, and should then differ from packet to packet.
    /// * The UDP checksum is 0, unless `hasChecksum` asks for one. Over IPv6, RFC 6935 section 5
    ///   allows that for tunnels: inner packets have checksums of their own, and to compute one we
    ///   have to read all octets. Linux accepts it on fou and gue sockets; a firewall on the way may
    ///   not, and RFC 6936 section 5 wants it to be a choice.
    public func apply(
        to buffer: UnsafeMutablePointer<CPacket_buffer>,
        networkOffset: Int,
        innerIsIPv6: Bool,
        innerLength: UInt16,
        flowHash: UInt64,
        identification: UInt16,
        sequence: UInt32 = 0
    ) -> Bool {
        let length = Int(innerLength) &+ Int(overhead)
        let before = Int(overhead) &+ EditableFrame.linkHeaderLength
        let offset = unsafe Int(buffer.pointee.data_off) &+ networkOffset &- before
        guard offset >= 0, networkOffset >= 0, length <= Int(UInt16.max) &- 14,
            innerLength >= (innerIsIPv6 ? 40 : 20),
            unsafe networkOffset &+ Int(innerLength) <= Int(buffer.pointee.data_len)
        else { return false }
        let outer = unsafe buffer.pointee.buf_addr + (offset &+ EditableFrame.linkHeaderLength)
        let inner = unsafe UnsafeRawPointer(outer + Int(overhead))
        unsafe buffer.pointee.data_off = UInt16(truncatingIfNeeded: offset)
        unsafe buffer.pointee.data_len = UInt16(
            truncatingIfNeeded: length &+ EditableFrame.linkHeaderLength
        )
        unsafe buffer.pointee.pkt_len = UInt32(
            truncatingIfNeeded: length &+ EditableFrame.linkHeaderLength
        )
        let first = unsafe UInt16(bigEndian: inner.loadUnaligned(as: UInt16.self))
        let innerService = UInt8(truncatingIfNeeded: innerIsIPv6 ? first >> 4 : first)
        let service = options.service.map { $0 & 0xFC | innerService & 3 } ?? innerService
        let hops =
            timeToLive != 0
            ? timeToLive
            : unsafe inner.load(fromByteOffset: innerIsIPv6 ? 7 : 8, as: UInt8.self)
        if isIPv6 {
            unsafe writeIPv6(outer, service, length, innerIsIPv6, flowHash, hops)
            unsafe writeShim(outer + 40, length &- 40, innerIsIPv6, flowHash, sequence)
        } else {
            let dontFragment: UInt16
            if innerIsIPv6 {
                dontFragment = innerLength > 1280 ? 0x4000 : 0
            } else {
                let field = unsafe inner.loadUnaligned(fromByteOffset: 6, as: UInt16.self)
                dontFragment = UInt16(bigEndian: field) & 0x4000
            }
            unsafe writeIPv4(
                outer,
                service,
                length,
                innerIsIPv6,
                flowHash,
                UInt32(identification) << 16 | UInt32(dontFragment),
                hops
            )
            unsafe writeShim(outer + 20, length &- 20, innerIsIPv6, flowHash, sequence)
        }
        return true
    }

    private func protocolNumber(_ innerIsIPv6: Bool) -> UInt8 {
        switch kind {
        case .ipip: Self.innerNumber(innerIsIPv6)
        case .gre: IPProtocol.gre.rawValue
        case .gue, .gueDirect: IPProtocol.udp.rawValue
        }
    }

    private static func innerNumber(_ innerIsIPv6: Bool) -> UInt8 {
        innerIsIPv6 ? IPProtocol.ipv6.rawValue : IPProtocol.ipip.rawValue
    }

    /// The last four octets of the outer source.
    private func sourceTail(_ flowHash: UInt64) -> UInt32 {
        let base = UInt32(truncatingIfNeeded: sourceLow)
        return base ^ UInt32(truncatingIfNeeded: flowHash >> 16) & sourceMask
    }

    private func writeIPv4(
        _ outer: UnsafeMutableRawPointer,
        _ service: UInt8,
        _ length: Int,
        _ innerIsIPv6: Bool,
        _ flowHash: UInt64,
        _ fragmentation: UInt32,
        _ hops: UInt8
    ) {
        let words = (
            UInt32(0x4500_0000) | UInt32(service) << 16 | UInt32(truncatingIfNeeded: length),
            UInt32(hops) << 24 | UInt32(protocolNumber(innerIsIPv6)) << 16,
            sourceTail(flowHash), UInt32(truncatingIfNeeded: destinationLow)
        )
        var sum = UInt64(words.0) &+ UInt64(words.1) &+ UInt64(words.2) &+ UInt64(words.3)
        sum &+= UInt64(fragmentation)
        // Five numbers of 32 bits: after two foldings 16 bits and a carry are left.
        sum = (sum & 0xFFFF) &+ (sum >> 16 & 0xFFFF) &+ sum >> 32
        sum = (sum & 0xFFFF) &+ sum >> 16
        sum = (sum & 0xFFFF) &+ sum >> 16
        let checksum = UInt32(~UInt16(truncatingIfNeeded: sum))
        unsafe (outer - 2).storeBytes(of: EtherType.ipv4.rawValue.bigEndian, as: UInt16.self)
        unsafe outer.storeBytes(of: words.0.bigEndian, as: UInt32.self)
        unsafe (outer + 4).storeBytes(of: fragmentation.bigEndian, as: UInt32.self)
        unsafe (outer + 8).storeBytes(of: (words.1 | checksum).bigEndian, as: UInt32.self)
        unsafe (outer + 12).storeBytes(of: words.2.bigEndian, as: UInt32.self)
        unsafe (outer + 16).storeBytes(of: words.3.bigEndian, as: UInt32.self)
    }

    private func writeIPv6(
        _ outer: UnsafeMutableRawPointer,
        _ trafficClass: UInt8,
        _ length: Int,
        _ innerIsIPv6: Bool,
        _ flowHash: UInt64,
        _ hops: UInt8
    ) {
        let label = UInt32(truncatingIfNeeded: flowHash >> 40) & 0xF_FFFF
        let first = UInt32(0x6000_0000) | UInt32(trafficClass) << 20 | label
        let second =
            UInt32(truncatingIfNeeded: length &- 40) << 16
            | UInt32(protocolNumber(innerIsIPv6)) << 8 | UInt32(hops)
        let low = sourceLow & ~0xFFFF_FFFF | UInt64(sourceTail(flowHash))
        unsafe (outer - 2).storeBytes(of: EtherType.ipv6.rawValue.bigEndian, as: UInt16.self)
        unsafe outer.storeBytes(of: first.bigEndian, as: UInt32.self)
        unsafe (outer + 4).storeBytes(of: second.bigEndian, as: UInt32.self)
        unsafe (outer + 8).storeBytes(of: sourceHigh.bigEndian, as: UInt64.self)
        unsafe (outer + 16).storeBytes(of: low.bigEndian, as: UInt64.self)
        unsafe (outer + 24).storeBytes(of: destinationHigh.bigEndian, as: UInt64.self)
        unsafe (outer + 32).storeBytes(of: destinationLow.bigEndian, as: UInt64.self)
    }

    /// What is between the outer IP header and the inner one, `length` octets before the end.
    private func writeShim(
        _ shim: UnsafeMutableRawPointer,
        _ length: Int,
        _ innerIsIPv6: Bool,
        _ flowHash: UInt64,
        _ sequence: UInt32
    ) {
        switch kind {
        case .ipip: return
        case .gre: unsafe GREHeader.write(shim, length, innerIsIPv6, options, sequence)
        case .gue, .gueDirect:
            // The dynamic ports, 14 bits (RFC 6335 section 6).
            let source = UInt32(truncatingIfNeeded: flowHash) & 0x3FFF | 0xC000
            let ports = source << 16 | UInt32(destinationPort)
            let lengthAndNoChecksum = UInt32(truncatingIfNeeded: length) << 16
            unsafe shim.storeBytes(of: ports.bigEndian, as: UInt32.self)
            unsafe (shim + 4).storeBytes(of: lengthAndNoChecksum.bigEndian, as: UInt32.self)
            if kind == .gue {
                // Variant 0, no control message, no optional fields, no flags.
                let header = UInt32(Self.innerNumber(innerIsIPv6)) << 16
                unsafe (shim + 8).storeBytes(of: header.bigEndian, as: UInt32.self)
            }
            if options.hasChecksum { unsafe writeChecksum(shim, length) }
        }
    }

    /// Fills in the checksum of the UDP header at `shim`, behind the outer addresses.
    @inline(never)
    private func writeChecksum(_ shim: UnsafeMutableRawPointer, _ length: Int) {
        let addresses = isIPv6 ? 32 : 8
        let bytes = unsafe FrameBytes(shim - addresses, count: addresses &+ length)
        let pseudo = UInt32(IPProtocol.udp.rawValue) &+ UInt32(truncatingIfNeeded: length)
        let sum = bytes.checksum(0, addresses &+ length, adding: pseudo)
        // "All zero transmitted checksum value means that the transmitter generated no checksum"
        // (RFC 768).
        bytes.set(sum == 0 ? 0xFFFF : sum, at: addresses &+ 6)
    }
}
