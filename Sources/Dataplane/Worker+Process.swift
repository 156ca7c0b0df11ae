// SPDX-License-Identifier: Apache-2.0
import Balancing
import CPacket
import Networking
import Packet
import Timing

extension Worker {
    /// Takes every packet of `arrivals` to its end, in passes: each pass asks for the memory that
    /// the next one needs, so that the cache misses of a burst overlap instead of adding up.
    mutating func process(
        in snapshot: UnsafeMutablePointer<Snapshot>,
        from port: UInt16?,
        now: Tick
    ) {
        isHandedOver = port == nil
        let sets = unsafe snapshot.pointee.balancing.sets
        if !sets.screen.isEmpty, port != nil { screenArrivals(sets) }
        let count = arrivals.count
        prefetchFrames(count, port)
        lookAhead(count)
        if let port, unsafe slots[Int(port)].traits.offloads.contains(.unfinishedReceiveChecksums) {
            finishChecksums(count, Int(port))
        }
        for position in 0..<count {
            let seen = unsafe lookahead[position]
            switch seen.kind {
            case .plainIPv4:
                unsafe settle(arrivals.take(position), seen, IPv4Tuple.self, snapshot, now)
            case .plainIPv6:
                unsafe settle(arrivals.take(position), seen, IPv6Tuple.self, snapshot, now)
            case .unusual: unsafe settleUnusual(arrivals.take(position), snapshot, now)
            }
        }
        arrivals.count = 0
        if port != nil { counters.add(replies, to: .directReplies) }
        replies = 0
    }

    /// Also writes our name of the port into each buffer: drivers have names of their own.
    private mutating func prefetchFrames(_ count: Int, _ port: UInt16?) {
        for position in 0..<count {
            let buffer = unsafe arrivals.storage[position].unsafelyUnwrapped
            if let port { unsafe buffer.pointee.port = port }
            unsafe CPacket_prefetch_write(buffer.pointee.buf_addr + Int(buffer.pointee.data_off))
        }
    }

    /// How many packets lie between asking for an index bucket and reading it.
    ///
    /// Spreading the second kind of request among the first keeps both within what a core can have
    /// under way: 32 at once stall it.
    private static var bucketDistance: Int { 12 }

    /// Parses and hashes every packet, and asks for its bucket and then for its connection.
    private mutating func lookAhead(_ count: Int) {
        for position in 0..<count {
            readHeader(position)
            if position >= Self.bucketDistance { findCandidate(position &- Self.bucketDistance) }
        }
        for position in max(0, count &- Self.bucketDistance)..<count { findCandidate(position) }
    }

    @inline(__always)
    private mutating func findCandidate(_ position: Int) {
        let kind = unsafe lookahead[position].kind
        guard kind != .unusual else { return }
        unsafe lookahead[position].candidate = balancer.connections.candidate(
            lookahead[position].hash,
            isIPv6: kind == .plainIPv6
        )
    }

    @inline(__always)
    private mutating func readHeader(_ position: Int) {
        let buffer = unsafe arrivals.storage[position].unsafelyUnwrapped
        let port = unsafe Int(buffer.pointee.port)
        var seen = unsafe Lookahead.readPlain(buffer, ownAddress: slots[port].ownAddress)
        switch seen.kind {
        case .plainIPv4: unsafe hash(buffer, &seen, IPv4Tuple.self)
        case .plainIPv6: unsafe hash(buffer, &seen, IPv6Tuple.self)
        case .unusual: break
        }
        unsafe lookahead[position] = seen
    }

    @inline(__always)
    private mutating func hash<Tuple: FlowTuple>(
        _ buffer: PacketBuffer,
        _ seen: inout Lookahead,
        _ family: Tuple.Type
    ) {
        let packet = unsafe Self.transportPacket(in: buffer, seen, family)
        seen.hash = balancer.connections.hash(packet.tuple, seen.protocol)
        balancer.connections.prefetch(seen.hash)
    }

    @inline(__always)
    static func transportPacket<Tuple: FlowTuple>(
        in buffer: PacketBuffer,
        _ seen: Lookahead,
        _ family: Tuple.Type
    ) -> TransportPacket<Tuple> {
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        return unsafe TransportPacket(
            network: frame + Lookahead.networkOffset,
            transport: frame + Lookahead.transportOffset(family),
            protocol: seen.protocol,
            totalLength: seen.totalLength
        )
    }

    // MARK: - Plain packets

    private mutating func settle<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ seen: Lookahead,
        _ family: Tuple.Type,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let transport = unsafe Self.transportPacket(in: packet.buffer, seen, family)
        let reference = balancer.connections.find(
            transport.tuple,
            seen.protocol,
            hash: seen.hash,
            candidate: seen.candidate
        )
        guard reference != ConnectionTable.none else {
            unsafe settleNew(
                packet,
                transport,
                hash: seen.hash,
                networkOffset: Lookahead.networkOffset,
                snapshot,
                now
            )
            return
        }
        unsafe forward(
            packet,
            transport,
            along: reference,
            networkOffset: Lookahead.networkOffset,
            snapshot,
            now
        )
    }

    /// Rewrites a packet of a connection and sends it to its next hop.
    @inline(__always)
    mutating func forward<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        along reference: UInt32,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        if unsafe transport.totalLength
            > min(interfaces.smallestMTU, snapshot.pointee.forwarding.smallestMTU)
        {
            unsafe forwardLong(
                packet,
                transport,
                along: reference,
                networkOffset: networkOffset,
                snapshot,
                now
            )
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
        guard case .forward(let nextHop) = decision else {
            unsafe follow(
                decision,
                packet,
                transport,
                along: reference,
                networkOffset: networkOffset,
                snapshot,
                now
            )
            return
        }
        let adjacencies = unsafe snapshot.pointee.forwarding.adjacencies
        let answer = adjacencies.answer(for: nextHop)
        if answer.isReachable {
            unsafe emit(
                packet,
                to: answer,
                adjacencies.interface(of: nextHop),
                networkOffset,
                isIPv6: Tuple.isIPv6,
                snapshot
            )
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

    /// Does what was decided about a packet of a connection, whatever it is and however long the
    /// packet.
    @inline(__always)
    mutating func follow<Tuple: FlowTuple>(
        _ decision: Decision,
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        along reference: UInt32,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        switch decision {
        case .forward:
            let isIPv6 = Tuple.isIPv6
            unsafe sendOn(packet, along: reference, networkOffset, isIPv6: isIPv6, snapshot)
        case .special:
            unsafe forwardSpecially(
                packet,
                transport,
                along: reference,
                networkOffset: networkOffset,
                snapshot,
                now
            )
        case .reopen:
            unsafe openAgain(packet, transport, insteadOf: reference, networkOffset, snapshot, now)
        case .refuse(let refusal):
            unsafe refuse(packet, transport, refusal, networkOffset, snapshot)
        }
    }

    /// Writes the Ethernet header for a neighbour and queues the frame for an interface.
    @inline(__always)
    mutating func emit(
        _ packet: consuming Packet,
        to answer: AdjacencyTable.Answer,
        _ interface: InterfaceID,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        guard interface.isPort else {
            unsafe emitTagged(
                packet,
                to: answer,
                interface,
                networkOffset,
                isIPv6: isIPv6,
                snapshot
            )
            return
        }
        let port = interface.index
        writeHeader(of: packet, to: answer, port, networkOffset, isIPv6: isIPv6)
        transmit(packet, on: port)
    }

    /// The same for a VLAN or a tunnel.
    @inline(never)
    private mutating func emitTagged(
        _ packet: consuming Packet,
        to answer: AdjacencyTable.Answer,
        _ interface: InterfaceID,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let port = interfaces.port(of: interface)
        guard !interfaces[interface].isTunnel else {
            unsafe enterTunnel(packet, interface, networkOffset, isIPv6: isIPv6, snapshot)
            return
        }
        writeHeader(of: packet, to: answer, port, networkOffset, isIPv6: isIPv6)
        if interfaces.tagging(of: interface).insert(into: packet) {
            interfaceCounters.countSent(unsafe Int(packet.buffer.pointee.pkt_len), interface)
            transmit(packet, on: port)
        } else {
            drop(packet, .noHeadroom)
        }
    }

    @inline(__always)
    private mutating func writeHeader(
        of packet: borrowing Packet,
        to answer: AdjacencyTable.Answer,
        _ port: Int,
        _ networkOffset: Int,
        isIPv6: Bool
    ) {
        let buffer = unsafe packet.buffer
        let surplus = networkOffset &- Lookahead.networkOffset
        if surplus != 0 { unsafe Self.trimFront(of: buffer, by: surplus) }
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        // Destination in the first six octets; the second store overwrites the two beyond them.
        unsafe frame.storeBytes(of: answer.destination, as: UInt64.self)
        unsafe frame.storeBytes(
            of: isIPv6 ? slots[port].sourceAndIPv6Type : slots[port].sourceAndIPv4Type,
            toByteOffset: 6,
            as: UInt64.self
        )
        unsafe buffer.pointee.ol_flags = 0
    }

    /// Takes a VLAN tag off, so that an Ethernet header ends where the IP header begins.
    @inline(never)
    private static func trimFront(of buffer: PacketBuffer, by octets: Int) {
        unsafe buffer.pointee.data_off &+= UInt16(octets)
        unsafe buffer.pointee.data_len &-= UInt16(octets)
        unsafe buffer.pointee.pkt_len &-= UInt32(octets)
    }
}
