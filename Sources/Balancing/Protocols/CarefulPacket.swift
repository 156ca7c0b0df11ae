// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// A packet of a flow that plain packets do not look like: SCTP, an ICMP query, or the first fragment
/// of a datagram of any protocol.
///
/// What stands for the ports, and how they are rewritten, hangs on the protocol.
@safe
public struct CarefulPacket<Tuple: FlowTuple>: BitwiseCopyable {
    enum Body: BitwiseCopyable {
        /// TCP or UDP: `ip` knows all of it.
        case common
        case sctp(SCTPPacket)
        case query(ICMPQuery)
    }

    /// The packet seen as any other; its ports are meaningful for TCP and UDP only.
    public let ip: TransportPacket<Tuple>
    let body: Body
    /// The transport header ends here, its data does not.
    public let isFragment: Bool

    /// The packet of `totalLength` octets whose IP header is at `network` and whose complete
    /// transport header is at `transport`; the buffer outlives this value.
    ///
    /// Nil when nothing of this protocol is balanced: of ICMP only queries are, of the packet's own
    /// version.
    @unsafe
    public init?(
        network: UnsafeMutableRawPointer,
        transport: UnsafeMutableRawPointer,
        protocol number: IPProtocol,
        totalLength: UInt16,
        isFragment: Bool
    ) {
        guard let `protocol` = FlowProtocol(number, isIPv6: Tuple.isIPv6) else { return nil }
        let length = unsafe UInt16(truncatingIfNeeded: Int(totalLength) &- (transport - network))
        switch `protocol` {
        case .tcp, .udp: body = .common
        case .sctp:
            guard let packet = unsafe SCTPPacket(at: transport, length: length) else { return nil }
            body = .sctp(packet)
        case .icmp:
            guard let query = unsafe ICMPQuery(at: transport, length: Int(length), number)
            else { return nil }
            body = .query(query)
        }
        unsafe ip = TransportPacket(
            network: network,
            transport: transport,
            protocol: `protocol`,
            totalLength: totalLength
        )
        self.isFragment = isFragment
    }

    public var tuple: Tuple {
        switch body {
        case .common: ip.tuple
        case .sctp(let packet): ip.addresses(ports: packet.ports)
        case .query(let query): ip.addresses(ports: query.ports)
        }
    }

    public var `protocol`: FlowProtocol { ip.protocol }
    public var flow: Flow { Flow(tuple, ip.protocol) }

    /// Whether this is a query, and no reply to one.
    public var isRequest: Bool {
        if case .query(let query) = body { query.kind == .request } else { false }
    }

    /// Whether the packet may open a connection.
    public var opens: Bool {
        switch body {
        case .common: ip.opens
        case .sctp(let packet): packet.event.opens
        case .query: isRequest
        }
    }

    /// Whether the packet belongs to an association that is established: it carries data or what
    /// answers data.
    var goesOn: Bool {
        guard case .sctp(let packet) = body else { return false }
        return packet.event == .data || packet.event == .other
    }

    /// Of SCTP; 0 otherwise.
    var verificationTag: UInt32 {
        if case .sctp(let packet) = body { packet.verificationTag } else { 0 }
    }

    /// Whether the checksum is right, as far as a connection hangs on it.
    ///
    /// Receivers verify checksums, and rewriting keeps wrong ones wrong. But the chunks of an SCTP
    /// packet move an association for minutes, so those count only when they arrived whole.
    var isBelievable: Bool {
        guard case .sctp(let packet) = body, !isFragment else { return true }
        return packet.computedChecksum() == packet.checksum
    }

    /// Gives the packet new addresses and ports, and its checksums what that adds; false when that
    /// cannot be done, and nothing was.
    ///
    /// What new ports do to the checksum of SCTP hangs on the length of the whole packet, which a
    /// fragment does not tell.
    func rewrite(
        to new: Tuple,
        addressDelta: UInt16,
        transportDelta: UInt16,
        _ shift: borrowing CRC32cShift
    ) -> Bool {
        switch body {
        case .common:
            ip.rewrite(to: new, addressDelta: addressDelta, transportDelta: transportDelta)
            return true
        case .sctp(let packet):
            guard !isFragment || packet.ports == new.ports else { return false }
            packet.rewrite(ports: new.ports, shift)
        case .query(let query):
            let identifier = UInt16(truncatingIfNeeded: new.ports).byteSwapped
            query.rewrite(identifier: identifier, addressDelta: addressDelta)
        }
        ip.rewriteAddresses(to: new, addressDelta: addressDelta)
        return true
    }
}
