// SPDX-License-Identifier: Apache-2.0
import Containers
import Networking
public import Timing

extension Balancer {
    /// The connection of a packet, or `ConnectionTable.none`.
    public mutating func find<Tuple: FlowTuple>(
        _ packet: CarefulPacket<Tuple>
    ) -> (reference: UInt32, hash: UInt64) {
        let tuple = packet.tuple
        let hash = connections.hash(tuple, packet.protocol)
        let reference = connections.find(
            tuple,
            packet.protocol,
            hash: hash,
            candidate: ConnectionTable.none
        )
        return (reference, hash)
    }

    /// Chooses backend, local address and port for the first packet of a flow, as for plain ones;
    /// with a `passage`, of one that is addressed to somebody else and passes through.
    public mutating func open<Tuple: FlowTuple>(
        _ packet: CarefulPacket<Tuple>,
        passing passage: Passage? = nil,
        isScattered: Bool,
        hash: UInt64,
        balancing: BalancingState,
        now: Tick
    ) -> Setup {
        let client = packet.flow
        let services = balancing.services
        let found =
            if let passage {
                services.matches.service(for: client, passage)
            } else {
                services.service(for: client)
            }
        guard let service = found else { return .notBalanced }
        if isScattered || service.kind == .nat {
            let owner = Self.ownerByClient(
                client.source,
                client.sourcePort,
                among: balancing.workerCount
            )
            guard owner == worker else { return .elsewhere(owner) }
        }
        let isLate =
            packet.goesOn && service.scheduler.options.contains(.isSloppy) && !packet.isFragment
        guard packet.opens || isLate else {
            // The reply to a query of somebody else.
            return client.protocol.isQuery ? .notBalanced : .refused(.notOpening)
        }
        guard packet.isBelievable else { return .refused(.badChecksum) }
        let setup = open(
            client,
            of: service,
            FlowKey(client),
            isFragment: packet.isFragment,
            hash: hash,
            balancing: balancing,
            now: now
        )
        if isLate, case .created(let reference) = setup {
            takeUp(reference, as: .sctpEstablished, balancing, now)
            unsafe connections.entry(reference).pointee.nextFromBackend = packet.verificationTag
        }
        return setup
    }

    /// Rewrites a packet of a known connection and says where it goes, as for plain ones.
    ///
    /// `.special` means: encapsulate or translate it, or nothing can be done with it.
    public mutating func forward<Tuple: FlowTuple>(
        _ packet: CarefulPacket<Tuple>,
        along reference: UInt32,
        balancing: BalancingState,
        routeGeneration: UInt16,
        now: Tick
    ) -> Decision {
        if case .common = packet.body {
            let decision = forward(
                packet.ip,
                along: reference,
                balancing: balancing,
                routeGeneration: routeGeneration,
                now: now
            )
            // What connections do beside rewriting, whole packets do for them.
            guard case .special = decision else { return decision }
            return rewrite(packet, along: reference)
        }
        if packet.opens, reference & 1 == Direction.inbound.rawValue,
            beginsElsewhere(packet, reference, balancing)
        {
            return .reopen
        }
        let decision = pass(
            packet.ip,
            along: reference,
            balancing: balancing,
            routeGeneration: routeGeneration,
            now: now
        )
        if let decision { return decision }
        track(packet, reference, balancing, now)
        return rewrite(packet, along: reference)
    }

    /// Whether an INIT or a query of a known connection goes to another backend than what came
    /// before, as a SYN would: it is the first of an association, or asks anew, and that backend is
    /// none for new ones.
    private mutating func beginsElsewhere<Tuple: FlowTuple>(
        _ packet: CarefulPacket<Tuple>,
        _ reference: UInt32,
        _ balancing: BalancingState
    ) -> Bool {
        let state = unsafe connections.entry(reference).pointee.state
        guard case .sctp = packet.body else {
            return isUsed(reference) && isForsaken(reference, balancing)
        }
        switch state {
        case .sctpInit1, .sctpInit:
            return isForsaken(reference, balancing) && packet.isBelievable
        case .sctpRejected, .sctpClosed:
            return !mayOpenAgain(reference, balancing) && packet.isBelievable
        default: return false
        }
    }

    private mutating func track<Tuple: FlowTuple>(
        _ packet: CarefulPacket<Tuple>,
        _ reference: UInt32,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        let entry = unsafe connections.entry(reference)
        let state = unsafe entry.pointee.state
        let isOutbound = reference & 1 == Direction.outbound.rawValue
        let next: ConnectionState
        switch packet.body {
        case .common: return
        case .query: next = isOutbound ? .queryAnswered : state
        case .sctp(let sctp):
            let direction: Direction = isOutbound ? .outbound : .inbound
            let event = sctp.event
            let old = state.association
            let new =
                unsafe entry.pointee.shape.kind.isTwoWay
                ? associations.next(old, event, direction)
                : oneSidedAssociations.next(old, event, direction)
            next = ConnectionState(new)
            guard next != state || event == .initiation else { return }
            guard packet.isBelievable,
                unsafe entry.pointee.believes(sctp, direction, movesState: next != state)
            else { return }
        }
        if next != state {
            let view: TCPTransitions.View = isOutbound ? .fromBackend : .fromClient
            move(reference, from: state, to: next, view, balancing, now)
        }
    }

    private mutating func rewrite<Tuple: FlowTuple>(
        _ packet: CarefulPacket<Tuple>,
        along reference: UInt32
    ) -> Decision {
        let connection = unsafe connections.entry(reference).pointee
        let isInbound = reference & 1 == Direction.inbound.rawValue
        if connection.shape.kind == .direct { return .forward(connection.towardBackend) }
        guard connection.shape.rewritesInPlace else { return .special }
        let other: Direction = isInbound ? .outbound : .inbound
        let isRewritten = packet.rewrite(
            to: connections.key(other, of: reference, Tuple.self).reversed,
            addressDelta: isInbound ? connection.addressDelta : ~connection.addressDelta,
            transportDelta: isInbound ? connection.transportDelta : ~connection.transportDelta,
            checksumShift
        )
        guard isRewritten else { return .special }
        return .forward(isInbound ? connection.towardBackend : connection.towardClient)
    }

    // MARK: - Fragments

    /// Whether no fragment can become what the backend or the client expects: it would need a PROXY
    /// header, or the numbers that one has shifted.
    public mutating func needsWholePackets(_ reference: UInt32) -> Bool {
        isTelling(reference) && clientAddressState(of: reference)?.mode.proxyVersion != nil
    }

    /// Whether a first fragment along `reference` goes without the client's address though it is its
    /// turn.
    public mutating func misses(_ reference: UInt32) -> Bool {
        reference & 1 == Direction.inbound.rawValue && isTelling(reference)
            && clientAddressState(of: reference) != nil
    }

    /// Rewrites the addresses of a fragment whose datagram goes along `reference`.
    ///
    /// `packet` has no transport header: see `TransportPacket.rewriteAddresses`.
    public mutating func forwardLater<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        along reference: UInt32,
        balancing: BalancingState,
        routeGeneration: UInt16,
        now: Tick
    ) -> Decision {
        let decision = pass(
            packet,
            along: reference,
            balancing: balancing,
            routeGeneration: routeGeneration,
            now: now
        )
        if let decision { return decision }
        let connection = unsafe connections.entry(reference).pointee
        if connection.shape.kind == .direct { return .forward(connection.towardBackend) }
        guard connection.shape.rewritesInPlace else { return .special }
        let isInbound = reference & 1 == Direction.inbound.rawValue
        packet.rewriteAddresses(
            to: connections.key(isInbound ? .outbound : .inbound, of: reference, Tuple.self)
                .reversed,
            addressDelta: isInbound ? connection.addressDelta : ~connection.addressDelta
        )
        return .forward(isInbound ? connection.towardBackend : connection.towardClient)
    }

    /// What every packet of a connection does, whatever it carries; a decision when it ends here.
    private mutating func pass<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        along reference: UInt32,
        balancing: BalancingState,
        routeGeneration: UInt16,
        now: Tick
    ) -> Decision? {
        let entry = unsafe connections.entry(reference)
        if unsafe balancing.options.contains(.decrementTTL) || entry.pointee.shape.isHop {
            guard packet.timeToLive > 1 else { return .refuse(.timeToLive) }
            packet.decrementTimeToLive()
        }
        unsafe entry.pointee.lastSeen = now
        if unsafe entry.pointee.routeGeneration != routeGeneration {
            unsafe forgetNextHops(of: entry, generation: routeGeneration)
        }
        if unsafe entry.pointee.needsCare,
            let refusal = overTraffic(reference, length: packet.totalLength, balancing)
        {
            return .refuse(refusal)
        }
        let slot = unsafe entry.pointee.backendSlot
        let isInbound = reference & 1 == Direction.inbound.rawValue
        let packets: BackendCounter = isInbound ? .incomingPackets : .outgoingPackets
        let bytes: BackendCounter = isInbound ? .incomingBytes : .outgoingBytes
        backends.add(1, at: packets.index(slot: slot))
        backends.add(UInt64(packet.totalLength), at: bytes.index(slot: slot))
        return nil
    }

    /// What later fragments are to be told of their first one, which went along `reference`.
    public mutating func fragmentDecision(along reference: UInt32) -> FragmentDecision {
        FragmentDecision(reference: reference, check: check(of: reference))
    }

    /// The connection that a datagram's first fragment went along; nil when it has ended.
    public mutating func reference(of decision: FragmentDecision) -> UInt32? {
        let reference = decision.reference
        guard check(of: reference) == decision.check else { return nil }
        // A connection that has ended is still in its place, but not in the index.
        let found = connections.find(connections.flow(.inbound, of: reference))
        return found == reference & ~1 ? reference : nil
    }

    /// Whether packets along `reference` get another header in front, whatever they carry.
    public mutating func encapsulates(_ reference: UInt32) -> Bool {
        unsafe connections.entry(reference).pointee.shape.kind == .tunnel
    }

    /// Whether packets along `reference` get the header of the other family.
    public mutating func translates(_ reference: UInt32) -> Bool {
        unsafe connections.entry(reference).pointee.shape.translates
    }

    /// Gives an SCTP packet that was translated along `reference` the ports that go with its
    /// addresses: its checksum does not count those, so that the translator left it alone.
    public mutating func rewritePorts(of packet: SCTPPacket, translatedAlong reference: UInt32) {
        let other: Direction =
            reference & 1 == Direction.inbound.rawValue ? .outbound : .inbound
        let ports = connections.flow(other, of: reference).reversed.ports
        packet.rewrite(ports: ports, checksumShift)
    }

    /// The same for all packets along `reference`, for tunnels to spread flows by.
    public mutating func flowHash(of reference: UInt32) -> UInt64 {
        connections.hash(connections.flow(.inbound, of: reference))
    }

    public mutating func `protocol`(of reference: UInt32) -> FlowProtocol {
        unsafe connections.entry(reference).pointee.shape.protocol
    }

    /// The same for one connection, and hardly for another one in its place.
    private mutating func check(of reference: UInt32) -> UInt32 {
        let hashes =
            connections.hash(connections.flow(.inbound, of: reference))
            ^ connections.hash(connections.flow(.outbound, of: reference)) << 1
        return UInt32(truncatingIfNeeded: hashes >> 32)
    }
}
