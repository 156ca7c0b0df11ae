// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Networking
import Packet
import Timing

/// Fragments follow the first one of their datagram, which alone has ports.
///
/// Devices spread the fragments of one datagram as they like. So all of them go to its *keeper*, a
/// worker that the addresses and the identification tell; it holds those that overtake the first
/// one. The keeper sends the first one, and the others after it, to the *owner* of the connection:
///
/// - replies to a local address, everything of mode `nat`, everything from devices that scatter
///   flows, and everything where the device's hash is known (`FlowSteering.Kind.toeplitz`): the
///   worker that whole packets of the flow come to, or are handed to;
/// - elsewhere (`port`, and not such a reply) nobody can tell, so the fragment visits the workers in
///   turn, each looks for its connection, and the last one opens it.
///
/// Every worker on the way notes where the first fragment went, and rings keep the order, so the
/// others find their way. A fragment that came through a ring is on this way when it is at a worker
/// that is not its keeper.
extension Worker {
    @inline(never)
    mutating func settleFragment<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        _ family: Tuple.Type,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard let fragment = Fragment(bytes, frame), !fragment.hidesTCPHeader else {
            drop(packet, .unexpectedFragment)
            return
        }
        let keeper = balancer.fragments.keeper(of: fragment.key, workers: workerCount)
        if keeper != index, !isHandedOver {
            redirect(packet, to: keeper)
            return
        }
        if fragment.isFirst {
            let decision = unsafe settleFirst(packet, frame, family, keeper, snapshot, now)
            var held = balancer.fragments.decide(decision, for: fragment.key, now: now)
            while let packet = held.next() {
                unsafe follow(packet, decision, family, snapshot, now)
            }
        } else if let decision = balancer.fragments.decision(for: fragment.key, now: now) {
            unsafe follow(packet, frame, decision, family, snapshot, now)
        } else if keeper != index {
            drop(packet, .fragmentExpired)
        } else if let refused = balancer.fragments.hold(packet, for: fragment.key, now: now) {
            drop(refused, .fragmentTableFull)
        }
    }

    // MARK: - First ones

    /// Takes a first fragment to its end; returns what the others are to do.
    private mutating func settleFirst<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        _ family: Tuple.Type,
        _ keeper: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) -> FragmentDecision {
        let networkOffset = Int(frame.networkOffset)
        let careful = unsafe CarefulPacket<Tuple>(
            network: packet.frame + networkOffset,
            transport: packet.frame + Int(frame.transportOffset),
            protocol: frame.protocol,
            totalLength: frame.totalLength,
            isFragment: true
        )
        guard let careful else {
            drop(packet, .unexpectedFragment)
            return .drop
        }
        let found = balancer.find(careful)
        guard found.reference == ConnectionTable.none else {
            let end = unsafe forward(
                packet,
                careful,
                along: found.reference,
                networkOffset,
                snapshot,
                now
            )
            return decision(after: end)
        }
        if let next = unsafe nextWorker(for: careful.flow, of: packet, keeper, snapshot) {
            redirect(packet, to: next)
            return .worker(next)
        }
        let end = unsafe settleNew(
            packet,
            careful,
            hash: found.hash,
            networkOffset,
            snapshot,
            now
        )
        return decision(after: end)
    }

    /// What the others are to do after a first fragment that went no further than here.
    private mutating func decision(after end: CarefulEnd) -> FragmentDecision {
        switch end {
        case .nowhere: .drop
        case .along(let reference): balancer.fragmentDecision(along: reference)
        case .handedUp(let interface): .companion(interface)
        }
    }

    /// Which worker a first fragment without a connection here goes on to; nil: it stays.
    private mutating func nextWorker(
        for flow: Flow,
        of packet: borrowing Packet,
        _ keeper: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Int? {
        guard workerCount > 1 else { return nil }
        if let owner = unsafe knownOwner(of: flow, packet, snapshot) {
            // Only the keeper asks, so that nothing goes in circles.
            return index == keeper && owner != index ? owner : nil
        }
        let next = index &+ 1 == workerCount ? 0 : index &+ 1
        return next == keeper ? nil : next
    }

    /// The worker to which whole packets of a flow come, where anything tells.
    private mutating func knownOwner(
        of flow: Flow,
        _ packet: borrowing Packet,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Int? {
        let balancing = unsafe snapshot.pointee.balancing
        if let service = balancing.services.service(for: flow) {
            if service.kind == .nat || isScattered(packet) {
                return Balancer.ownerByClient(flow.source, flow.sourcePort, among: workerCount)
            }
        } else if let owner = unsafe ownerOfReply(flow, snapshot) {
            return owner
        }
        let steering = balancer.steering.of(isIPv6: flow.isIPv6)
        return steering.kind == .toeplitz ? steering.owner(ofReply: flow) : nil
    }

    // MARK: - Later ones

    /// A fragment that was held, and so has to be read again.
    private mutating func follow<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ decision: FragmentDecision,
        _ family: Tuple.Type,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        guard case .parsed(let frame) = ParsedFrame.parse(packet) else {
            drop(packet, .unexpectedFragment)
            return
        }
        unsafe follow(packet, frame, decision, family, snapshot, now)
    }

    private mutating func follow<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        _ decision: FragmentDecision,
        _ family: Tuple.Type,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        if decision == .drop {
            drop(packet, .fragmentOfDropped)
        } else if let worker = decision.worker {
            redirect(packet, to: worker)
        } else if let interface = decision.companion {
            unsafe handUp(packet, by: interface, snapshot)
        } else if let reference = balancer.reference(of: decision) {
            unsafe forwardLater(packet, frame, along: reference, family, snapshot, now)
        } else {
            drop(packet, .connectionGone)
        }
    }

    /// Nobody is told of a later fragment's end (RFC 1122 section 3.2.2, RFC 4443 section 2.4): it
    /// does not say whose it was.
    private mutating func forwardLater<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        along reference: UInt32,
        _ family: Tuple.Type,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let networkOffset = Int(frame.networkOffset)
        let transport = unsafe TransportPacket<Tuple>(
            network: packet.frame + networkOffset,
            transport: packet.frame + Int(frame.transportOffset),
            protocol: balancer.protocol(of: reference),
            totalLength: frame.totalLength
        )
        guard
            unsafe !transport.mustStayWhole
                || exceededMTU(frame.totalLength, along: reference, snapshot) == nil
        else {
            drop(packet, .tooBig)
            return
        }
        let balancing = unsafe snapshot.pointee.balancing
        let decision = balancer.forwardLater(
            transport,
            along: reference,
            balancing: balancing,
            routeGeneration: unsafe snapshot.pointee.forwarding.generation,
            now: now
        )
        switch decision {
        case .refuse(.timeToLive):
            drop(packet, .ttlExceeded)
            return
        case .refuse(let refusal):
            let flow = balancer.connections.flow(.inbound, of: reference)
            refuse(packet, flow, refusal, balancing, networkOffset)
            return
        case .forward, .special, .reopen: break
        }
        _ = unsafe carryOut(
            decision,
            packet,
            along: reference,
            networkOffset,
            transport,
            isFragment: true,
            snapshot
        )
    }

    // MARK: - Time

    /// Fragments that may be given up in one turn.
    private static var fragmentBudget: Int { 32 }

    /// Drops fragments whose first one did not come in time, and counts those that still wait;
    /// returns how many were dropped.
    @inline(never)
    mutating func tendFragments(_ now: Tick) -> Int {
        var dropped = 0
        while dropped < Self.fragmentBudget,
            let packet = balancer.fragments.nextDropped(now: now)
        {
            drop(packet, .fragmentExpired)
            dropped &+= 1
        }
        heldFragments = balancer.fragments.packetCount
        counters.set(heldFragments, for: .held)
        return dropped
    }

    /// Drops all fragments that wait.
    mutating func abandonFragments(_ now: Tick) {
        balancer.fragments.stopWaiting()
        while balancer.fragments.packetCount > 0 { _ = tendFragments(now) }
    }
}
