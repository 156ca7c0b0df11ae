// SPDX-License-Identifier: Apache-2.0
import Containers
public import Networking
public import Timing

extension Balancer {
    /// Rewrites a packet of a known connection and says where it goes.
    ///
    /// `reference` comes from `connections.find` for this packet: it knows the direction.
    public mutating func forward<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        along reference: UInt32,
        balancing: BalancingState,
        routeGeneration: UInt16,
        now: Tick
    ) -> Decision {
        if balancing.options.contains(.decrementTTL) {
            guard packet.timeToLive > 1 else { return .refuse(.timeToLive) }
            packet.decrementTimeToLive()
        }
        let entry = unsafe connections.entry(reference)
        unsafe entry.pointee.lastSeen = now
        let slot = unsafe entry.pointee.backendSlot
        if unsafe entry.pointee.routeGeneration != routeGeneration {
            unsafe forgetNextHops(of: entry, generation: routeGeneration)
        }
        let shape = unsafe entry.pointee.shape
        if reference & 1 == Direction.inbound.rawValue {
            let tracking = track(
                packet,
                reference,
                shape.isTwoWay ? .fromClient : .clientOnly,
                balancing,
                now
            )
            guard tracking != .elsewhere else { return reopen(packet, balancing) }
            backends.add(1, at: BackendCounter.incomingPackets.index(slot: slot))
            backends.add(
                UInt64(packet.totalLength),
                at: BackendCounter.incomingBytes.index(slot: slot)
            )
            // After the state, since a SYN may open the connection anew.
            guard unsafe shape.rewrites(Tuple.self) && !entry.pointee.needsCare else {
                if packet.protocol == .tcp, !shape.isTwoWay, tracking == .believed {
                    unsafe entry.pointee.follow(client: packet)
                }
                return unsafe shape.kind == .direct && !entry.pointee.needsCare
                    ? .forward(entry.pointee.towardBackend)
                    : passOn(packet, along: reference, balancing)
            }
            unsafe packet.rewrite(
                to: connections.key(.outbound, of: reference, Tuple.self).reversed,
                addressDelta: entry.pointee.addressDelta,
                transportDelta: entry.pointee.transportDelta
            )
            return unsafe .forward(entry.pointee.towardBackend)
        }
        let tracking = track(packet, reference, .fromBackend, balancing, now)
        if packet.protocol != .tcp {
            unsafe entry.pointee.lastAnswer = now
        } else if tracking == .believed {
            unsafe entry.pointee.follow(backend: packet)
        }
        backends.add(1, at: BackendCounter.outgoingPackets.index(slot: slot))
        backends.add(UInt64(packet.totalLength), at: BackendCounter.outgoingBytes.index(slot: slot))
        guard unsafe shape.rewrites(Tuple.self) && !entry.pointee.needsCare else {
            return passOn(packet, along: reference, balancing)
        }
        unsafe packet.rewrite(
            to: connections.key(.inbound, of: reference, Tuple.self).reversed,
            addressDelta: ~entry.pointee.addressDelta,
            transportDelta: ~entry.pointee.transportDelta
        )
        return unsafe .forward(entry.pointee.towardClient)
    }

    /// What is not of the common kind, or is limited.
    ///
    /// SNAT rewrites as the plain kinds do, but is a hop.
    @inline(never)
    private mutating func passOn<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        along reference: UInt32,
        _ balancing: BalancingState
    ) -> Decision {
        let entry = unsafe connections.entry(reference)
        let (shape, needsCare) = unsafe (entry.pointee.shape, entry.pointee.needsCare)
        if needsCare,
            let refusal = overTraffic(reference, length: packet.totalLength, balancing)
        {
            takeBack(packet.totalLength, along: reference)
            return .refuse(refusal)
        }
        if shape.kind == .direct { return .forward(nextHop(along: reference)) }
        if shape.isHop, !balancing.options.contains(.decrementTTL) {
            guard packet.timeToLive > 1 else { return .refuse(.timeToLive) }
            packet.decrementTimeToLive()
        }
        guard shape.kind != .tunnel, !shape.translates else { return .special }
        // Of FNAT the special way takes the flag when nothing is left to tell; so that way it goes
        // unless it is limits alone that keep the flag.
        guard shape.kind != .fnat || isMetered(reference, balancing) && !isTelling(reference) else {
            return .special
        }
        let isInbound = reference & 1 == Direction.inbound.rawValue
        let key = connections.key(isInbound ? .outbound : .inbound, of: reference, Tuple.self)
        let (addresses, transport) = unsafe (
            entry.pointee.addressDelta, entry.pointee.transportDelta
        )
        packet.rewrite(
            to: key.reversed,
            addressDelta: isInbound ? addresses : ~addresses,
            transportDelta: isInbound ? transport : ~transport
        )
        return .forward(nextHop(along: reference))
    }

    /// A packet that was counted does not go on.
    private mutating func takeBack(_ length: UInt16, along reference: UInt32) {
        let slot = unsafe connections.entry(reference).pointee.backendSlot
        let isInbound = reference & 1 == Direction.inbound.rawValue
        let packets: BackendCounter = isInbound ? .incomingPackets : .outgoingPackets
        let bytes: BackendCounter = isInbound ? .incomingBytes : .outgoingBytes
        backends.add(.max, at: packets.index(slot: slot))
        backends.add(0 &- UInt64(length), at: bytes.index(slot: slot))
    }

    /// Where packets along `reference` went last; `.none` when that is not known.
    public mutating func nextHop(along reference: UInt32) -> AdjacencyHandle {
        let entry = unsafe connections.entry(reference)
        return unsafe reference & 1 == Direction.inbound.rawValue
            ? entry.pointee.towardBackend : entry.pointee.towardClient
    }

    /// Remembers the next hop of a packet that goes along `reference`.
    public mutating func remember(_ nextHop: AdjacencyHandle, along reference: UInt32) {
        let entry = unsafe connections.entry(reference)
        if reference & 1 == Direction.inbound.rawValue {
            unsafe entry.pointee.towardBackend = nextHop
        } else {
            unsafe entry.pointee.towardClient = nextHop
        }
    }

    mutating func forgetNextHops(of entry: UnsafeMutablePointer<Connection>, generation: UInt16) {
        unsafe entry.pointee.towardBackend = .none
        unsafe entry.pointee.towardClient = .none
        unsafe entry.pointee.routeGeneration = generation
    }

    // MARK: - States

    /// What a packet is to the state of its connection.
    private enum Tracking {
        /// It fits, and may have moved the state.
        case believed
        /// It moves nothing: nobody can say yet whether it fits, or it does not.
        case ignored
        /// It must open another connection in the place of this one.
        case elsewhere
    }

    /// Moves the connection on.
    ///
    /// Every packet comes by here, and nearly all of them leave at the first comparison.
    @inline(__always)
    private mutating func track<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        _ reference: UInt32,
        _ view: TCPTransitions.View,
        _ balancing: BalancingState,
        _ now: Tick
    ) -> Tracking {
        let state = unsafe connections.entry(reference).pointee.state
        let next: ConnectionState
        if packet.protocol == .tcp {
            next = transitions.next(state, TCPEvent(flags: packet.tcpFlags), view)
        } else {
            next = view == .fromBackend ? .twoWay : state
        }
        guard next != state else {
            guard state.isUnanswered else { return .believed }
            return staysUnanswered(packet, reference, view, balancing) ? .ignored : .elsewhere
        }
        if packet.protocol == .tcp,
            unsafe !connections.entry(reference).pointee.believes(packet, view)
        {
            return .ignored
        }
        if next == .synReceived, state != .none, packet.opens,
            !mayOpenAgain(reference, balancing)
        {
            return .elsewhere
        }
        move(reference, from: state, to: next, view, balancing, now)
        if next == .synReceived {
            unsafe connections.entry(reference).pointee.expectAnswer(to: packet)
        } else if state == .synReceived {
            unsafe connections.entry(reference).pointee.beginNumbers(with: packet, view)
        }
        return .believed
    }

    /// Whether a repeated SYN, or another datagram, of a connection that nobody has answered goes
    /// where the one before went.
    ///
    /// A SYN has left nothing behind that must stay: once the backend takes no new connections,
    /// another one is asked. Datagrams may be meant to have no answer; they leave a backend that is
    /// down.
    @inline(never)
    private mutating func staysUnanswered<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        _ reference: UInt32,
        _ view: TCPTransitions.View,
        _ balancing: BalancingState
    ) -> Bool {
        guard view != .fromBackend, packet.opens else { return true }
        guard packet.protocol == .tcp else { return !(isDown(reference) && isUsed(reference)) }
        unsafe connections.entry(reference).pointee.expectAnswer(to: packet)
        return !isForsaken(reference, balancing)
    }

    /// Whether the backend of a connection is draining, gone or down.
    ///
    /// That it has as many connections as it may have does not count, since this is one of them.
    mutating func isForsaken(_ reference: UInt32, _ balancing: BalancingState) -> Bool {
        let connection = unsafe connections.entry(reference).pointee
        let slot = connection.backendSlot
        let policy = balancing.policy(ofBackend: slot)
        guard policy.isLeaving || policy.isEnding else { return isDown(reference) }
        // Persistence brings a client to its backend of weight 0 unless it is told not to.
        return !connection.isPersistent || balancing.place(of: slot) == nil
            || balancing.options.contains(.expireQuiescentTemplates)
    }

    /// Whether a packet of the connection has gone to its backend.
    ///
    /// The first one stays with whom it was opened for, so that nothing is opened again and again: a
    /// connection id of QUIC or persistence may name a backend that is none for others.
    mutating func isUsed(_ reference: UInt32) -> Bool {
        unsafe connections.entry(reference).pointee.towardBackend != .none
    }

    mutating func isDown(_ reference: UInt32) -> Bool {
        guard !everywhere.conditions.areAllUsable else { return false }
        let slot = unsafe connections.entry(reference).pointee.backendSlot
        return everywhere.conditions.reasons(slot: slot).isDead
    }

    /// Whether a connection that is over may begin again where it was: while its backend is one for
    /// new connections.
    @inline(never)
    mutating func mayOpenAgain(_ reference: UInt32, _ balancing: BalancingState) -> Bool {
        let slot = unsafe connections.entry(reference).pointee.backendSlot
        let policy = balancing.policy(ofBackend: slot)
        return !policy.isLeaving && !policy.isEnding && everywhere.conditions.isUsable(slot: slot)
    }

    @inline(never)
    private mutating func reopen<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        _ balancing: BalancingState
    ) -> Decision {
        // The new connection is the hop.
        if balancing.options.contains(.decrementTTL) { packet.restoreTimeToLive() }
        return .reopen
    }

    @inline(never)
    mutating func move(
        _ reference: UInt32,
        from old: ConnectionState,
        to new: ConnectionState,
        _ view: TCPTransitions.View,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        let entry = unsafe connections.entry(reference)
        let before = unsafe balancing.timeout(of: entry.pointee)
        unsafe entry.pointee.state = new
        let after = unsafe balancing.timeout(of: entry.pointee)
        if new == .synReceived, old != .none { careAnew(for: reference) }
        if old.isActive != new.isActive {
            let slot = unsafe entry.pointee.backendSlot
            let minusOne = UInt64.max
            backends.add(new.isActive ? 1 : minusOne, at: BackendCounter.active.index(slot: slot))
            backends.add(new.isActive ? minusOne : 1, at: BackendCounter.inactive.index(slot: slot))
        }
        if view == .fromBackend { unsafe noteAnswer(in: old, new, entry.pointee, balancing) }
        // Longer times are seen when the timer fires; a shorter one must pull it forward.
        if after < before { connections.rearm(reference, at: now + after) }
    }
}
