// SPDX-License-Identifier: Apache-2.0
public import Addressing
import Containers
public import Networking
public import Timing

extension Balancer {
    /// Rewrites a packet of a known connection and says where it goes.
    ///
    /// `reference` comes from `connections.find` for this packet: it knows the direction.
    public mutating func forward(
        _ packet: TransportPacket,
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
        if reference & 1 == Direction.inbound.rawValue {
            track(packet, reference, .inbound, balancing, now)
            unsafe packet.rewrite(
                to: entry.pointee.backendTuple.reversed,
                addressDelta: entry.pointee.addressDelta,
                transportDelta: entry.pointee.transportDelta
            )
            backends.add(1, at: BackendCounter.incomingPackets.index(slot: slot))
            backends.add(
                UInt64(packet.totalLength),
                at: BackendCounter.incomingBytes.index(slot: slot)
            )
            return unsafe .forward(entry.pointee.towardBackend)
        }
        track(packet, reference, .outbound, balancing, now)
        unsafe packet.rewrite(
            to: entry.pointee.clientTuple.reversed,
            addressDelta: ~entry.pointee.addressDelta,
            transportDelta: ~entry.pointee.transportDelta
        )
        backends.add(1, at: BackendCounter.outgoingPackets.index(slot: slot))
        backends.add(UInt64(packet.totalLength), at: BackendCounter.outgoingBytes.index(slot: slot))
        return unsafe .forward(entry.pointee.towardClient)
    }

    /// Remembers the next hop of a packet that was just rewritten along `reference`.
    public mutating func remember(_ nextHop: AdjacencyHandle, along reference: UInt32) {
        let entry = unsafe connections.entry(reference)
        if reference & 1 == Direction.inbound.rawValue {
            unsafe entry.pointee.towardBackend = nextHop
        } else {
            unsafe entry.pointee.towardClient = nextHop
        }
    }

    /// Where a packet along `reference` goes once it is rewritten.
    public func destination(along reference: UInt32) -> IPv4Address {
        let entry = unsafe connections.entry(reference)
        return unsafe reference & 1 == Direction.inbound.rawValue
            ? entry.pointee.backendTuple.source : entry.pointee.clientTuple.source
    }

    private func forgetNextHops(of entry: UnsafeMutablePointer<Connection>, generation: UInt16) {
        unsafe entry.pointee.towardBackend = .none
        unsafe entry.pointee.towardClient = .none
        unsafe entry.pointee.routeGeneration = generation
    }

    // MARK: - States

    private mutating func track(
        _ packet: TransportPacket,
        _ reference: UInt32,
        _ direction: Direction,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        let state = unsafe connections.entry(reference).pointee.state
        let next: ConnectionState
        if packet.protocolNumber == TransportPacket.tcp {
            let event = TCPEvent(flags: packet.tcpFlags)
            next = transitions.next(state, event, direction)
        } else {
            next = direction == .outbound ? .twoWay : state
        }
        if next != state { move(reference, from: state, to: next, balancing, now) }
    }

    @inline(never)
    private mutating func move(
        _ reference: UInt32,
        from old: ConnectionState,
        to new: ConnectionState,
        _ balancing: BalancingState,
        _ now: Tick
    ) {
        let entry = unsafe connections.entry(reference)
        let before = unsafe balancing.timeout(of: entry.pointee)
        unsafe entry.pointee.state = new
        let after = unsafe balancing.timeout(of: entry.pointee)
        if old.isActive != new.isActive {
            let slot = unsafe entry.pointee.backendSlot
            let minusOne = UInt64.max
            backends.add(new.isActive ? 1 : minusOne, at: BackendCounter.active.index(slot: slot))
            backends.add(new.isActive ? minusOne : 1, at: BackendCounter.inactive.index(slot: slot))
        }
        // Longer times are seen when the timer fires; a shorter one must pull it forward.
        if after < before { connections.rearm(reference, at: now + after) }
    }
}
