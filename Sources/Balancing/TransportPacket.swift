// SPDX-License-Identifier: Apache-2.0
import Packet

/// A packet of a flow in place, parsed and checked: what the balancer rewrites.
@safe
public struct TransportPacket<Tuple: FlowTuple>: BitwiseCopyable {
    enum Offset {
        static var timeToLive: Int { Tuple.isIPv6 ? 7 : 8 }
        static var fragment: Int { 6 }
        static var headerChecksum: Int { 10 }
        static var sequence: Int { 4 }
        static var acknowledgment: Int { 8 }
        static var dataOffset: Int { 12 }
        static var tcpFlags: Int { 13 }
        static var tcpChecksum: Int { 16 }
        static var udpLength: Int { 4 }
        static var udpChecksum: Int { 6 }
    }

    let network: UnsafeMutableRawPointer
    let transport: UnsafeMutableRawPointer
    public let `protocol`: FlowProtocol
    /// Octets of the IP packet.
    public let totalLength: UInt16

    /// The packet whose IP header is at `network` and whose complete transport header is at
    /// `transport`; the buffer outlives this value.
    @unsafe
    @inline(__always)
    public init(
        network: UnsafeMutableRawPointer,
        transport: UnsafeMutableRawPointer,
        protocol: FlowProtocol,
        totalLength: UInt16
    ) {
        unsafe self.network = unsafe network
        unsafe self.transport = unsafe transport
        self.protocol = `protocol`
        self.totalLength = totalLength
    }

    public var tuple: Tuple {
        @inline(__always)
        get {
            unsafe Tuple(
                addressesAt: network + Tuple.addressOffset,
                ports: transport.loadUnaligned(as: UInt32.self)
            )
        }
        @inline(__always)
        nonmutating set {
            unsafe newValue.storeAddresses(at: network + Tuple.addressOffset)
            unsafe transport.storeBytes(of: newValue.ports, as: UInt32.self)
        }
    }

    public var flow: Flow { Flow(tuple, `protocol`) }

    /// Octets of the IP header, options and extension headers included.
    public var headerLength: Int { unsafe transport - network }

    /// Whether routers may not cut the packet: "don't fragment", and always so in IPv6 (RFC 8200
    /// section 5).
    public var mustStayWhole: Bool {
        unsafe Tuple.isIPv6 || (network + Offset.fragment).load(as: UInt8.self) & 0x40 != 0
    }

    // MARK: - TCP

    /// The flags octet of the TCP header; meaningful for TCP only, as are the next three.
    public var tcpFlags: UInt8 { unsafe (transport + Offset.tcpFlags).load(as: UInt8.self) }

    /// Whether the packet may open a connection: UDP always, TCP with SYN alone
    /// (RFC 9293 section 3.5).
    public var opens: Bool { `protocol` != .tcp || tcpFlags & 0x17 == 0x02 }

    /// Whether a segment belongs to a connection that is established, or is being closed: it
    /// acknowledges, and neither SYN nor RST is set.
    var goesOn: Bool { `protocol` == .tcp && tcpFlags & 0x16 == 0x10 }

    var acknowledgment: UInt32 {
        unsafe UInt32(
            bigEndian: (transport + Offset.acknowledgment).loadUnaligned(as: UInt32.self)
        )
    }

    var sequence: UInt32 {
        unsafe UInt32(bigEndian: (transport + Offset.sequence).loadUnaligned(as: UInt32.self))
    }

    /// The sequence number behind this segment: SYN and FIN count one each (RFC 9293 section 3.4).
    var nextSequence: UInt32 {
        let flags = tcpFlags
        let header = unsafe Int((transport + Offset.dataOffset).load(as: UInt8.self) >> 4) &* 4
        let data = unsafe Int(totalLength) &- (transport - network) &- header
        return sequence &+ UInt32(truncatingIfNeeded: data)
            &+ UInt32(flags & 1) &+ UInt32(flags >> 1 & 1)
    }

    // MARK: - UDP

    /// What a UDP header is followed by, as far as its length says; meaningful for UDP only.
    var datagram: FrameBytes {
        let claimed = unsafe Int(
            UInt16(bigEndian: (transport + 4).loadUnaligned(as: UInt16.self))
        )
        let there = unsafe Int(totalLength) &- (transport - network)
        return unsafe FrameBytes(transport + 8, count: max(0, min(claimed, there) &- 8))
    }

    // MARK: - Rewriting

    var timeToLive: UInt8 { unsafe (network + Offset.timeToLive).load(as: UInt8.self) }

    /// Gives the packet new addresses and ports, and its checksums what that adds to them.
    ///
    /// A UDP checksum of 0 means "none" and stays (RFC 768; RFC 6935 for tunnels over IPv6).
    @inline(__always)
    func rewrite(to tuple: Tuple, addressDelta: UInt16, transportDelta: UInt16) {
        self.tuple = tuple
        if !Tuple.isIPv6 { unsafe add(addressDelta, to: network + Offset.headerChecksum) }
        if `protocol` == .tcp {
            unsafe add(transportDelta, to: transport + Offset.tcpChecksum)
        } else {
            let checksum = unsafe transport + Offset.udpChecksum
            guard unsafe checksum.loadUnaligned(as: UInt16.self) != 0 else { return }
            unsafe add(transportDelta, to: checksum)
            if unsafe checksum.loadUnaligned(as: UInt16.self) == 0 {
                unsafe checksum.storeBytes(of: 0xFFFF, as: UInt16.self)
            }
        }
    }

    /// Gives the packet new addresses and no more: the ports of a later fragment are in another one,
    /// whose transport checksum counts the new addresses for all of them.
    func rewriteAddresses(to tuple: Tuple, addressDelta: UInt16) {
        unsafe tuple.storeAddresses(at: network + Tuple.addressOffset)
        if !Tuple.isIPv6 { unsafe add(addressDelta, to: network + Offset.headerChecksum) }
    }

    /// Source and destination; of what `transport` points at nothing is read.
    func addresses(ports: UInt32) -> Tuple {
        unsafe Tuple(addressesAt: network + Tuple.addressOffset, ports: ports)
    }

    /// One hop less to live.
    func decrementTimeToLive() {
        unsafe (network + Offset.timeToLive).storeBytes(of: timeToLive &- 1, as: UInt8.self)
        // The octet shares its word with the protocol; ~1 in its place, in wire order.
        if !Tuple.isIPv6 {
            unsafe add(UInt16(0xFEFF).bigEndian, to: network + Offset.headerChecksum)
        }
    }

    /// Takes back `decrementTimeToLive`.
    func restoreTimeToLive() {
        unsafe (network + Offset.timeToLive).storeBytes(of: timeToLive &+ 1, as: UInt8.self)
        if !Tuple.isIPv6 {
            unsafe add(UInt16(0x0100).bigEndian, to: network + Offset.headerChecksum)
        }
    }

    /// RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), with `delta` = ~m + m'.
    @inline(__always)
    private func add(_ delta: UInt16, to checksum: UnsafeMutableRawPointer) {
        let old = unsafe checksum.loadUnaligned(as: UInt16.self)
        var sum = UInt32(~old) &+ UInt32(delta)
        sum = (sum & 0xFFFF) &+ sum >> 16
        unsafe checksum.storeBytes(of: ~UInt16(truncatingIfNeeded: sum), as: UInt16.self)
    }
}
