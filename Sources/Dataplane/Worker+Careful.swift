// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet
import Timing

/// SCTP, ICMP echoes and first fragments: packets of flows that plain ones do not look like.
extension Worker {
    /// A packet that is not a fragment.
    mutating func settleCareful<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let port = unsafe Int(packet.buffer.pointee.port)
        if unsafe slots[port].traits.offloads.contains(.unfinishedReceiveChecksums) {
            careful.finishChecksum()
        }
        let found = balancer.find(careful)
        guard found.reference == ConnectionTable.none else {
            unsafe _ = forward(
                packet,
                careful,
                along: found.reference,
                networkOffset,
                snapshot,
                now
            )
            return
        }
        unsafe _ = settleNew(packet, careful, hash: found.hash, networkOffset, snapshot, now)
    }

    /// A packet of no connection: returns the one that it opened and went along.
    mutating func settleNew<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        hash: UInt64,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) -> UInt32? {
        let balancing = unsafe snapshot.pointee.balancing
        switch balancer.open(careful, hash: hash, balancing: balancing, now: now) {
        case .created(let reference):
            counters.add(1, to: .connectionsOpened)
            let isSent = unsafe forward(
                packet,
                careful,
                along: reference,
                networkOffset,
                snapshot,
                now
            )
            return isSent ? reference : nil
        case .refused(.notOpening) where careful.protocol == .sctp: drop(packet, .sctpNotInit)
        case .refused(let refusal): refuse(packet, refusal, balancing.options, networkOffset)
        case .notBalanced where careful.protocol.isQuery:
            unsafe settleUnbalancedQuery(packet, careful, networkOffset, snapshot)
        case .notBalanced: unsafe settleUnbalanced(packet, careful.flow, networkOffset, snapshot)
        }
        return nil
    }

    /// An echo of no service: a reply whose connection lives at another worker, or one for ourselves,
    /// which the slow path answers when it came in one piece.
    private mutating func settleUnbalancedQuery<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let flow = careful.flow
        let forwarding = unsafe snapshot.pointee.forwarding
        let owner = balancer.steering.of(isIPv6: Tuple.isIPv6).owner(ofReply: flow)
        if !careful.isRequest, owner != index,
            forwarding.target(for: flow.destination.address).kind == .localAddress
        {
            redirect(packet, to: owner)
        } else if careful.isFragment {
            drop(packet, .unexpectedFragment)
        } else {
            punt(packet, .local, as: .icmpIgnored, offset: networkOffset)
        }
    }

    /// Rewrites a packet of a connection and sends it to its next hop; false when it went nowhere.
    @inline(never)
    mutating func forward<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        along reference: UInt32,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) -> Bool {
        if let mtu = unsafe exceededMTU(careful.ip.totalLength, along: reference, snapshot) {
            punt(packet, .tooBig, as: .tooBig, offset: networkOffset, mtu: mtu)
            return false
        }
        let decision = balancer.forward(
            careful,
            along: reference,
            balancing: unsafe snapshot.pointee.balancing,
            routeGeneration: unsafe snapshot.pointee.forwarding.generation,
            now: now
        )
        switch decision {
        case .forward(let nextHop):
            unsafe send(packet, Tuple.self, to: nextHop, along: reference, networkOffset, snapshot)
            return true
        case .special where balancer.encapsulates(reference):
            unsafe forwardSpecially(
                packet,
                careful.ip,
                along: reference,
                networkOffset: networkOffset,
                snapshot,
                now
            )
            return true
        case .special where careful.isFragment: drop(packet, .unexpectedFragment)
        case .special: drop(packet, .unsupportedProtocol)
        case .refuse: punt(packet, .timeExceeded, as: .ttlExceeded, offset: networkOffset)
        }
        return false
    }

    /// Sends a rewritten packet of any kind to the next hop that its connection remembers.
    mutating func send<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ family: Tuple.Type,
        to nextHop: AdjacencyHandle,
        along reference: UInt32,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let adjacencies = unsafe snapshot.pointee.forwarding.adjacencies
        let answer = adjacencies.answer(for: nextHop)
        if answer.isReachable {
            let port = adjacencies.port(of: nextHop)
            emit(packet, to: answer, port, networkOffset, isIPv6: Tuple.isIPv6)
        } else {
            unsafe resolve(
                packet,
                nextHop,
                reference,
                networkOffset,
                isIPv6: Tuple.isIPv6,
                snapshot
            )
        }
    }
}
