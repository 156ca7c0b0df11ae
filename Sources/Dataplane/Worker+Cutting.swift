// SPDX-License-Identifier: Apache-2.0
import Balancing
import CPacket
import Networking
import Packet
import Timing

/// Packets that go on in fragments: the next link or a tunnel has no room for them whole, and they may
/// be cut.
///
/// The worker does it, not the slow path: buffers come from the pool as those of received packets
/// do, a flow keeps its order, and a packet costs what as many received ones would as it becomes.
/// So no ration is needed, and senders gain nothing by long packets over many short ones.
extension Worker {
    /// A plain packet that is longer than some link takes.
    @inline(never)
    mutating func forwardLong<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        along reference: UInt32,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        if transport.mustStayWhole,
            let mtu = unsafe exceededMTU(transport.totalLength, along: reference, snapshot)
        {
            puntTooBig(packet, networkOffset, mtu: mtu)
            return
        }
        let decision = unsafe balancer.forward(
            transport,
            along: reference,
            balancing: snapshot.pointee.balancing,
            routeGeneration: snapshot.pointee.forwarding.generation,
            now: now
        )
        replies &+= Int(reference & 1)
        unsafe follow(
            decision,
            packet,
            transport,
            along: reference,
            networkOffset: networkOffset,
            snapshot,
            now
        )
    }

    /// Sends a packet that has its new headers, in fragments if the way to its next hop needs them.
    @inline(never)
    mutating func sendLong(
        _ packet: consuming Packet,
        along reference: UInt32,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let destination = balancer.connections.destination(along: reference)
        guard let mtu = unsafe mtu(toward: destination, snapshot),
            packet.count &- networkOffset > Int(mtu)
        else {
            unsafe sendWhole(packet, along: reference, networkOffset, isIPv6: isIPv6, snapshot)
            return
        }
        guard var cut = cut(packet, at: networkOffset, limit: mtu) else {
            drop(packet, .tooBig)
            return
        }
        var rest: Packet? = consume packet
        while let fragment = nextFragment(of: &rest, &cut) {
            unsafe sendWhole(fragment, along: reference, networkOffset, isIPv6: isIPv6, snapshot)
        }
    }

    /// Puts a packet into the tunnel to its backend in fragments of at most `limit` octets.
    @inline(never)
    mutating func encapsulateInFragments(
        _ packet: consuming Packet,
        _ networkOffset: Int,
        limit: UInt16,
        flowHash: UInt64,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        guard var cut = cut(packet, at: networkOffset, limit: limit) else {
            drop(packet, .tooBig)
            return
        }
        var rest: Packet? = consume packet
        while let fragment = nextFragment(of: &rest, &cut) {
            let length = UInt16(truncatingIfNeeded: fragment.count &- networkOffset)
            unsafe encapsulate(
                fragment,
                networkOffset,
                false,
                length,
                flowHash: flowHash,
                along: reference,
                snapshot
            )
        }
    }

    // MARK: - One fragment after the other

    mutating func cut(
        _ packet: borrowing Packet,
        at networkOffset: Int,
        limit: UInt16
    ) -> FragmentCut? {
        // Two workers send from the same addresses.
        let identification = UInt32(truncatingIfNeeded: index) << 24 | UInt32(nextIdentification())
        return unsafe FragmentCut(
            FrameBytes(packet.frame, count: packet.count),
            networkOffset: networkOffset,
            limit: limit,
            identification: identification
        )
    }

    /// The next fragment of what is left in `rest`; nil when there is none any more, or the pool is
    /// empty: then what was left is dropped.
    mutating func nextFragment(
        of rest: inout Packet?,
        _ cut: inout FragmentCut
    ) -> Packet? {
        guard let packet = rest.take() else { return nil }
        if cut.isAtLast {
            unsafe cut.shorten(packet.buffer)
            counters.add(1, to: .madeFragments)
            return packet
        }
        let port = unsafe packet.buffer.pointee.port
        guard let fresh = unsafe slots[Int(port)].port.allocate() else {
            drop(packet, .noBuffer)
            return nil
        }
        unsafe fresh.buffer.pointee.port = port
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard unsafe cut.write(into: fresh.buffer, from: bytes) else {
            discard(fresh)
            drop(packet, .noHeadroom)
            return nil
        }
        counters.add(1, to: .generated)
        counters.add(1, to: .madeFragments)
        rest = consume packet
        return fresh
    }
}
