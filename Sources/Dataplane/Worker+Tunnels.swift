// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet
import Timing

/// Tunnels that are interfaces: what arrives by one goes on like any other packet, what a route sends
/// there is wrapped and goes where the other end is.
extension Worker {
    // MARK: - Out of a tunnel

    /// A packet of IP in IP or GRE that is not fragmented.
    @inline(never)
    mutating func settleTunnelled(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let (network, base) = (Int(frame.networkOffset), Int(frame.transportOffset))
        let end = network &+ Int(frame.totalLength)
        let isGRE = frame.protocol == .gre
        let header = isGRE ? GREHeader(bytes, at: base, end: end) : nil
        let tunnels = unsafe snapshot.pointee.tunnels
        // One tunnel in another would have no end.
        guard tunnels.count > 0, frame.tags.tunnel == 0, let interface = interface(of: packet),
            let source = bytes.source(ofPacketAt: network),
            let destination = bytes.destination(ofPacketAt: network),
            unsafe snapshot.pointee.forwarding.isLocal(destination),
            let device = tunnels.device(
                isGRE: isGRE,
                from: source,
                to: destination,
                key: header?.key,
                on: interface
            )
        else {
            unsafe offer(packet, otherwise: .unsupportedProtocol, snapshot)
            return
        }
        let inner: (offset: Int, isIPv6: Bool)
        if isGRE {
            if let header, header.hasChecksum {
                let isIPv6 = header.type == .ipv6
                finishInnerChecksum(of: packet, at: base &+ header.length, isIPv6: isIPv6)
            }
            guard let header, header.isIntact(bytes, at: base, end: end),
                header.hasChecksum || !device.needsChecksum,
                header.sequence != nil || !device.needsSequence,
                header.type == .ipv4 || header.type == .ipv6
            else {
                drop(packet, .badTunnelHeader)
                return
            }
            if device.needsSequence, let sequence = header.sequence,
                !tunnelSequences.accept(sequence, of: device.identifier)
            {
                drop(packet, .tunnelSequence)
                return
            }
            inner = (base &+ header.length, header.type == .ipv6)
        } else {
            inner = (base, frame.protocol == .ipv6)
        }
        guard end &- inner.offset >= (inner.isIPv6 ? 40 : 20),
            let first = bytes.octet(inner.offset), first >> 4 == (inner.isIPv6 ? 6 : 4),
            Encapsulation.carryCongestion(bytes, from: network, to: inner.offset)
        else {
            drop(packet, .badTunnelHeader)
            return
        }
        unwrap(packet, inner.offset, end, device.interface, isIPv6: inner.isIPv6)
        unsafe settleFrame(packet, snapshot, now)
    }

    /// Makes a frame of the inner packet, with a link layer that names the tunnel.
    private func unwrap(
        _ packet: borrowing Packet,
        _ offset: Int,
        _ end: Int,
        _ interface: InterfaceID,
        isIPv6: Bool
    ) {
        let buffer = unsafe packet.buffer
        // There were an Ethernet and an IP header: twice what is needed.
        let surplus = offset &- 18
        unsafe buffer.pointee.data_off &+= UInt16(truncatingIfNeeded: surplus)
        unsafe buffer.pointee.data_len = UInt16(truncatingIfNeeded: end &- surplus)
        unsafe buffer.pointee.pkt_len = UInt32(truncatingIfNeeded: end &- surplus)
        unsafe buffer.pointee.ol_flags = 0
        let own = unsafe slots[Int(buffer.pointee.port)].ownAddress
        unsafe packet.frame.storeBytes(of: own, as: UInt64.self)
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        bytes.setAddress(0, at: 6)
        bytes.set(EtherType.tunnel.rawValue, at: 12)
        bytes.set(interface.rawValue, at: 14)
        bytes.set((isIPv6 ? EtherType.ipv6 : .ipv4).rawValue, at: 16)
    }

    // MARK: - Into a tunnel

    /// A frame of the slow path.
    @inline(never)
    mutating func enterTunnel(
        _ packet: consuming Packet,
        _ interface: InterfaceID,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        switch EtherType(rawValue: bytes.word(12) ?? 0) {
        case .ipv4: unsafe enterTunnel(packet, interface, 14, isIPv6: false, snapshot)
        case .ipv6: unsafe enterTunnel(packet, interface, 14, isIPv6: true, snapshot)
        default: drop(packet, .unsupportedEtherType)
        }
    }

    /// Wraps a packet for the other end of a tunnel and sends it there.
    @inline(never)
    mutating func enterTunnel(
        _ packet: consuming Packet,
        _ interface: InterfaceID,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let forwarding = unsafe snapshot.pointee.forwarding
        guard let device = unsafe snapshot.pointee.tunnels.device(interface),
            let remote = device.remote, let encapsulation = device.encapsulation,
            let outer = forwarding.interface(toward: remote),
            device.link == nil || device.link == outer
        else {
            drop(packet, .noRoute)
            return
        }
        guard !interfaces[outer].isTunnel else {
            drop(packet, .tunnelLoop)
            return
        }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let length = bytes.word(networkOffset &+ (isIPv6 ? 4 : 2)).map { isIPv6 ? 40 &+ $0 : $0 }
        let isWrapped = unsafe encapsulation.apply(
            to: packet.buffer,
            networkOffset: networkOffset,
            innerIsIPv6: isIPv6,
            innerLength: length ?? 0,
            flowHash: Self.flowHash(bytes, networkOffset, isIPv6: isIPv6),
            identification: nextIdentification(),
            sequence: device.isGRE ? tunnelSequences.next(of: device.identifier) : 0
        )
        guard isWrapped else {
            drop(packet, .noHeadroom)
            return
        }
        interfaceCounters.countSent(packet.count, interface)
        unsafe sendOuter(packet, to: remote, isIPv6: encapsulation.isIPv6, snapshot)
    }

    /// Sends a wrapped packet to the other end, in fragments where the way asks for it.
    private mutating func sendOuter(
        _ packet: consuming Packet,
        to remote: IPAddress,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let offset = Self.newNetworkOffset
        let nextHop: AdjacencyHandle
        switch unsafe snapshot.pointee.forwarding.nextHop(for: remote) {
        case .adjacency(let found): nextHop = found
        case .unresolved: nextHop = .none
        case .unreachable:
            drop(packet, .noRoute)
            return
        }
        guard let mtu = unsafe mtu(toward: remote, snapshot), packet.count &- offset > Int(mtu)
        else {
            unsafe send(packet, to: nextHop, toward: remote, offset, isIPv6: isIPv6, snapshot)
            return
        }
        guard var cut = cut(packet, at: offset, limit: mtu) else {
            drop(packet, .tooBig)
            return
        }
        var rest: Packet? = consume packet
        while let fragment = nextFragment(of: &rest, &cut) {
            unsafe send(fragment, to: nextHop, toward: remote, offset, isIPv6: isIPv6, snapshot)
        }
    }

    /// The same for all packets between two addresses.
    private static func flowHash(_ bytes: FrameBytes, _ offset: Int, isIPv6: Bool) -> UInt64 {
        let places = isIPv6 ? 8..<40 : 12..<20
        var hash: UInt64 = 0
        for place in stride(from: places.lowerBound, to: places.upperBound, by: 4) {
            hash = (hash ^ UInt64(bytes.long(offset &+ place) ?? 0)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        return hash
    }
}
