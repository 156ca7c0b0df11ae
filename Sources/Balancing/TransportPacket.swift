// SPDX-License-Identifier: Apache-2.0

/// A TCP or UDP packet over IPv4 in place, parsed and checked: what the balancer rewrites.
@safe
public struct TransportPacket: BitwiseCopyable {
    private enum Offset {
        static let timeToLive = 8
        static let headerChecksum = 10
        static let addresses = 12
        static let tcpFlags = 13
        static let tcpChecksum = 16
        static let udpChecksum = 6
    }

    public static let tcp: UInt8 = 6
    public static let udp: UInt8 = 17

    private let network: UnsafeMutableRawPointer
    private let transport: UnsafeMutableRawPointer
    public let protocolNumber: UInt8
    /// Octets of the IP packet.
    public let totalLength: UInt16

    /// The packet whose IPv4 header is at `network` and whose complete TCP or UDP header is at
    /// `transport`; the buffer outlives this value.
    @unsafe
    public init(
        network: UnsafeMutableRawPointer,
        transport: UnsafeMutableRawPointer,
        protocolNumber: UInt8,
        totalLength: UInt16
    ) {
        unsafe self.network = unsafe network
        unsafe self.transport = unsafe transport
        self.protocolNumber = protocolNumber
        self.totalLength = totalLength
    }

    public var tuple: IPv4Tuple {
        get {
            unsafe IPv4Tuple(
                addresses: (network + Offset.addresses).loadUnaligned(as: UInt64.self),
                ports: transport.loadUnaligned(as: UInt32.self)
            )
        }
        nonmutating set {
            unsafe (network + Offset.addresses).storeBytes(of: newValue.addresses, as: UInt64.self)
            unsafe transport.storeBytes(of: newValue.ports, as: UInt32.self)
        }
    }

    /// The flags octet of the TCP header; meaningful for TCP only.
    public var tcpFlags: UInt8 { unsafe (transport + Offset.tcpFlags).load(as: UInt8.self) }

    var timeToLive: UInt8 { unsafe (network + Offset.timeToLive).load(as: UInt8.self) }

    /// Gives the packet new addresses and ports, and both checksums what that adds to them.
    ///
    /// A UDP checksum of 0 means "none" and stays (RFC 768).
    func rewrite(to tuple: IPv4Tuple, addressDelta: UInt16, transportDelta: UInt16) {
        self.tuple = tuple
        unsafe add(addressDelta, to: network + Offset.headerChecksum)
        if protocolNumber == Self.tcp {
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

    /// Computes the TCP or UDP checksum from the octets; a UDP checksum of 0 stays.
    ///
    /// For packets of a sender on this host, whose checksum its device would have finished.
    @inline(never)
    public func recomputeChecksum() {
        let isTCP = protocolNumber == Self.tcp
        let checksum = unsafe transport + (isTCP ? Offset.tcpChecksum : Offset.udpChecksum)
        guard unsafe isTCP || checksum.loadUnaligned(as: UInt16.self) != 0 else { return }
        let length = unsafe Int(totalLength) &- (transport - network)
        unsafe checksum.storeBytes(of: 0, as: UInt16.self)
        var sum = UInt64(tuple.addressSum)
        sum &+= UInt64(UInt16(protocolNumber).bigEndian)
        sum &+= UInt64(UInt16(truncatingIfNeeded: length).bigEndian)
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
        let value = ~UInt16(truncatingIfNeeded: foldChecksum(sum))
        unsafe checksum.storeBytes(of: value == 0 && !isTCP ? 0xFFFF : value, as: UInt16.self)
    }

    /// One hop less to live.
    func decrementTimeToLive() {
        unsafe (network + Offset.timeToLive).storeBytes(of: timeToLive &- 1, as: UInt8.self)
        // The octet shares its word with the protocol; ~1 in its place, in wire order.
        unsafe add(UInt16(0xFEFF).bigEndian, to: network + Offset.headerChecksum)
    }

    /// RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), with `delta` = ~m + m'.
    private func add(_ delta: UInt16, to checksum: UnsafeMutableRawPointer) {
        let old = unsafe checksum.loadUnaligned(as: UInt16.self)
        var sum = UInt32(~old) &+ UInt32(delta)
        sum = (sum & 0xFFFF) &+ sum >> 16
        unsafe checksum.storeBytes(of: ~UInt16(truncatingIfNeeded: sum), as: UInt16.self)
    }
}
