// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet
import Timing

/// Packets of connections that do more than rewrite addresses and ports.
extension Worker {
    /// Where the IP header of a frame is that was given new headers.
    static var newNetworkOffset: Int { Lookahead.networkOffset }

    @inline(never)
    mutating func forwardSpecially<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        along reference: UInt32,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let shape = unsafe balancer.connections.entry(reference).pointee.shape
        if shape.kind == .tunnel {
            let (hash, length) = (transport.tuple.ports, transport.totalLength)
            unsafe encapsulate(
                packet,
                networkOffset,
                Tuple.isIPv6,
                length,
                flowHash: balancer.connections.hash(transport.flow) ^ UInt64(hash),
                along: reference,
                snapshot
            )
        } else if shape.translates {
            _ = unsafe translate(
                packet,
                along: reference,
                networkOffset,
                isFragment: false,
                snapshot
            )
        } else {
            unsafe carryClientAddress(packet, transport, along: reference, networkOffset, snapshot)
        }
        balancer.meter(reference, unsafe snapshot.pointee.balancing)
    }

    // MARK: - Tunnels

    /// Puts a packet into the tunnel to its backend.
    mutating func encapsulate(
        _ packet: consuming Packet,
        _ networkOffset: Int,
        _ isIPv6: Bool,
        _ length: UInt16,
        flowHash: UInt64,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let backendSlot = unsafe balancer.connections.entry(reference).pointee.backendSlot
        let destination = balancer.connections.destination(along: reference)
        guard
            let encapsulation = unsafe snapshot.pointee.balancing.encapsulation(backendSlot),
            let mtu = unsafe mtu(toward: destination, snapshot)
        else {
            drop(packet, .noRoute)
            return
        }
        let isWhole =
            unsafe isIPv6
            || (packet.frame + networkOffset + 6)
                .load(as: UInt8.self) & 0x40 != 0
        switch encapsulation.fit(
            length: length,
            innerIsIPv6: isIPv6,
            innerDontFragment: isWhole,
            linkMTU: mtu
        ) {
        case .tooBig(let left):
            puntTooBig(packet, networkOffset, mtu: left)
            return
        case .fragmentFirst(let limit):
            unsafe encapsulateInFragments(
                packet,
                networkOffset,
                limit: limit,
                flowHash: flowHash,
                along: reference,
                snapshot
            )
            return
        // `sendOn` cuts what has its new header.
        case .fits, .fragmentAfter: break
        }
        let isWrapped = unsafe encapsulation.apply(
            to: packet.buffer,
            networkOffset: networkOffset,
            innerIsIPv6: isIPv6,
            innerLength: length,
            flowHash: flowHash,
            identification: nextIdentification()
        )
        if isWrapped {
            let offset = Self.newNetworkOffset
            let isIPv6 = encapsulation.isIPv6
            unsafe sendOn(packet, along: reference, offset, isIPv6: isIPv6, snapshot)
        } else {
            drop(packet, .noHeadroom)
        }
    }

    // MARK: - On

    /// Sends a packet that has its new headers to the next hop of its connection, in fragments when
    /// the next link asks for it.
    mutating func sendOn(
        _ packet: consuming Packet,
        along reference: UInt32,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let least = unsafe min(interfaces.smallestMTU, snapshot.pointee.forwarding.smallestMTU)
        if packet.count &- networkOffset > Int(least) {
            unsafe sendLong(packet, along: reference, networkOffset, isIPv6: isIPv6, snapshot)
        } else {
            unsafe sendWhole(packet, along: reference, networkOffset, isIPv6: isIPv6, snapshot)
        }
    }

    /// The same as it is.
    mutating func sendWhole(
        _ packet: consuming Packet,
        along reference: UInt32,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let nextHop = balancer.nextHop(along: reference)
        let adjacencies = unsafe snapshot.pointee.forwarding.adjacencies
        let answer = adjacencies.answer(for: nextHop)
        if answer.isReachable {
            let interface = adjacencies.interface(of: nextHop)
            unsafe emit(packet, to: answer, interface, networkOffset, isIPv6: isIPv6, snapshot)
        } else {
            unsafe resolve(packet, nextHop, reference, networkOffset, isIPv6: isIPv6, snapshot)
        }
    }

    /// Differs from packet to packet of one worker (RFC 6864 section 4.1).
    mutating func nextIdentification() -> UInt16 {
        identification &+= 1
        return identification
    }
}
