// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet
import Timing

/// Where a careful packet went, for the fragments after it.
enum CarefulEnd: BitwiseCopyable {
    case nowhere
    /// Along a connection.
    case along(UInt32)
    /// To the kernel behind the companion of an interface.
    case handedUp(InterfaceID)
}

/// SCTP, ICMP queries and first fragments: packets of flows that plain ones do not look like.
extension Worker {
    /// A packet that is not a fragment.
    mutating func settleCareful<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
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

    /// A packet of no connection, which may open one.
    mutating func settleNew<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        hash: UInt64,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) -> CarefulEnd {
        guard unsafe !isOwnAddress(careful.tuple.source, snapshot) else {
            drop(packet, .badSourceAddress)
            return .nowhere
        }
        let balancing = unsafe snapshot.pointee.balancing
        let isScattered = isScattered(packet)
        var setup = balancer.open(
            careful,
            isScattered: isScattered,
            hash: hash,
            balancing: balancing,
            now: now
        )
        if case .notBalanced = setup,
            let passage = unsafe passage(of: packet, careful, snapshot)
        {
            setup = balancer.open(
                careful,
                passing: passage,
                isScattered: isScattered,
                hash: hash,
                balancing: balancing,
                now: now
            )
        }
        return unsafe settle(packet, careful, setup, networkOffset, snapshot, now)
    }

    /// How a packet passes through that is for somebody else; nil when it is for us, the connection
    /// of another worker, or no way leads on.
    private mutating func passage<Tuple: FlowTuple>(
        of packet: borrowing Packet,
        _ careful: CarefulPacket<Tuple>,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Passage? {
        let flow = careful.flow
        let destination = flow.destination.address
        if flow.protocol.isQuery {
            guard careful.isRequest, unsafe !snapshot.pointee.forwarding.isLocal(destination) else {
                return nil
            }
        } else {
            let fate = unsafe judgeUnbalanced(
                flow,
                opens: careful.opens,
                receivedOn: interface(of: packet),
                snapshot
            )
            guard case .passing = fate else { return nil }
        }
        return unsafe passage(of: packet, to: destination, snapshot)
    }

    /// Does with a packet what became of its connection.
    private mutating func settle<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        _ setup: Balancer.Setup,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) -> CarefulEnd {
        let balancing = unsafe snapshot.pointee.balancing
        switch setup {
        case .created(let reference), .once(let reference):
            counters.add(1, to: .connectionsOpened)
            return unsafe forward(
                packet,
                careful,
                along: reference,
                networkOffset,
                snapshot,
                now
            )
        case .elsewhere(let owner): redirect(packet, to: owner)
        case .refused(.notOpening) where careful.protocol == .sctp: drop(packet, .sctpNotInit)
        case .refused(let refusal):
            refuse(packet, careful.flow, refusal, balancing, networkOffset)
        case .notBalanced where careful.protocol.isQuery:
            return unsafe settleUnbalancedQuery(packet, careful, snapshot)
        case .notBalanced:
            let fate = unsafe judgeUnbalanced(
                careful.flow,
                opens: careful.opens,
                receivedOn: interface(of: packet),
                snapshot
            )
            guard case .handedUp(let interface) = fate else {
                unsafe end(packet, fate, networkOffset, snapshot)
                return .nowhere
            }
            return unsafe handUp(packet, by: interface, snapshot) ? .handedUp(interface) : .nowhere
        }
        return .nowhere
    }

    /// A query of no service: a reply whose connection lives at another worker, or one for ourselves:
    /// the slow path answers an echo that came in one piece, the kernel others to addresses of its own.
    private mutating func settleUnbalancedQuery<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> CarefulEnd {
        let flow = careful.flow
        if !careful.isRequest, let owner = unsafe ownerOfReply(flow, snapshot), owner != index {
            redirect(packet, to: owner)
            return .nowhere
        }
        guard careful.isFragment else {
            unsafe settleMessage(packet, snapshot)
            return .nowhere
        }
        let target = unsafe snapshot.pointee.forwarding.target(for: flow.destination.address)
        let received = interface(of: packet)
        guard target.kind == .companion,
            let interface = companion(target.companionInterface, received)
        else {
            drop(packet, .unexpectedFragment)
            return .nowhere
        }
        return unsafe handUp(packet, by: interface, snapshot) ? .handedUp(interface) : .nowhere
    }

    /// The worker that has the connection of a reply without one here; nil when nothing tells.
    mutating func ownerOfReply(_ flow: Flow, _ snapshot: UnsafeMutablePointer<Snapshot>) -> Int? {
        let balancing = unsafe snapshot.pointee.balancing
        switch unsafe snapshot.pointee.forwarding.target(for: flow.destination.address).kind {
        case .localAddress:
            return balancer.steering.of(isIPv6: flow.isIPv6).owner(ofReply: flow)
        case .none, .link, .gateway:
            guard balancing.options.contains(.hasNAT) else { return nil }
            return Balancer.ownerByClient(
                flow.destination,
                flow.destinationPort,
                among: workerCount
            )
        case .local, .companion: return nil
        }
    }

    /// Rewrites a packet of a connection and sends it to its next hop.
    @inline(never)
    mutating func forward<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ careful: CarefulPacket<Tuple>,
        along reference: UInt32,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) -> CarefulEnd {
        if careful.ip.mustStayWhole,
            let mtu = unsafe exceededMTU(careful.ip.totalLength, along: reference, snapshot)
        {
            puntTooBig(packet, networkOffset, mtu: mtu)
            return .nowhere
        }
        if careful.isFragment {
            guard !balancer.needsWholePackets(reference) else {
                drop(packet, .unexpectedFragment)
                return .nowhere
            }
            if balancer.misses(reference) { counters.add(1, to: .unaddressedForForm) }
        }
        let balancing = unsafe snapshot.pointee.balancing
        let decision = balancer.forward(
            careful,
            along: reference,
            balancing: balancing,
            routeGeneration: unsafe snapshot.pointee.forwarding.generation,
            now: now
        )
        switch decision {
        case .refuse(let refusal):
            refuse(packet, careful.flow, refusal, balancing, networkOffset)
            return .nowhere
        case .reopen:
            balancer.finish(reference, balancing: balancing)
            let hash = balancer.find(careful).hash
            return unsafe settleNew(packet, careful, hash: hash, networkOffset, snapshot, now)
        case .forward, .special: break
        }
        let isSent = unsafe carryOut(
            decision,
            packet,
            along: reference,
            networkOffset,
            careful.ip,
            isFragment: careful.isFragment,
            snapshot
        )
        return isSent ? .along(reference) : .nowhere
    }

    /// Sends a packet that the balancer has rewritten, or encapsulates or translates it; drops it when
    /// none is possible, and then answers false.
    mutating func carryOut<Tuple: FlowTuple>(
        _ decision: Decision,
        _ packet: consuming Packet,
        along reference: UInt32,
        _ networkOffset: Int,
        _ ip: TransportPacket<Tuple>,
        isFragment: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Bool {
        switch decision {
        case .forward:
            unsafe sendOn(
                packet,
                along: reference,
                networkOffset,
                isIPv6: Tuple.isIPv6,
                snapshot
            )
            return true
        case .special where balancer.translates(reference):
            return unsafe translate(
                packet,
                along: reference,
                networkOffset,
                isFragment: isFragment,
                snapshot
            )
        case .special where balancer.encapsulates(reference):
            unsafe encapsulate(
                packet,
                networkOffset,
                Tuple.isIPv6,
                ip.totalLength,
                flowHash: balancer.flowHash(of: reference),
                along: reference,
                snapshot
            )
            return true
        case .special, .refuse, .reopen:
            drop(packet, isFragment ? .unexpectedFragment : .untranslatable)
            return false
        }
    }
}
