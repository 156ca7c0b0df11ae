// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Containers
import Networking
import Packet
import Timing

/// What established plain packets do not need: each path of its own, out of the way of the loop.
extension Worker {
    // MARK: - The first packet of a flow, and packets of none

    @inline(never)
    mutating func settleNew<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        hash: UInt64,
        networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        guard unsafe !isOwnAddress(transport.tuple.source, snapshot) else {
            drop(packet, .badSourceAddress)
            return
        }
        let balancing = unsafe snapshot.pointee.balancing
        let setup = balancer.open(
            transport,
            isScattered: isScattered(packet),
            hash: hash,
            balancing: balancing,
            now: now
        )
        if case .notBalanced = setup {
            unsafe settleUnbalanced(packet, transport, hash, networkOffset, snapshot, now)
        } else {
            unsafe settle(packet, transport, setup, networkOffset, snapshot, now)
        }
    }

    /// Whether an address is ours: a service's, a local one or an interface's.
    ///
    /// A packet that comes in with such a source was made up, or its sender has an address that is
    /// not its own: what answers it would be sent to ourselves (Linux: "martian source"). Link-local
    /// addresses may be somebody else's on another link (RFC 4007 section 6).
    func isOwnAddress(_ source: WireAddress, _ snapshot: UnsafeMutablePointer<Snapshot>) -> Bool {
        let address = source.address
        return unsafe snapshot.pointee.forwarding.isLocal(address)
            && address.ipv6?.isLinkLocal != true
    }

    /// Opens a connection in the place of one that is over.
    @inline(never)
    mutating func openAgain<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        insteadOf reference: UInt32,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        balancer.finish(reference, balancing: unsafe snapshot.pointee.balancing)
        let hash = balancer.connections.hash(transport.tuple, transport.protocol)
        unsafe settleNew(
            packet,
            transport,
            hash: hash,
            networkOffset: networkOffset,
            snapshot,
            now
        )
    }

    /// Whether other packets of this one's flow may have come to other workers.
    func isScattered(_ packet: borrowing Packet) -> Bool {
        let port = unsafe Int(packet.buffer.pointee.port)
        return unsafe slots[port].traits.offloads.contains(.scattersFlows)
    }

    /// Does with a packet what became of its connection.
    private mutating func settle<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        _ setup: Balancer.Setup,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let balancing = unsafe snapshot.pointee.balancing
        switch setup {
        case .created(let reference), .once(let reference):
            counters.add(1, to: .connectionsOpened)
            unsafe forward(
                packet,
                transport,
                along: reference,
                networkOffset: networkOffset,
                snapshot,
                now
            )
            if case .once = setup { balancer.finish(reference, balancing: balancing) }
        case .elsewhere(let owner): redirect(packet, to: owner)
        case .refused(let refusal):
            refuse(packet, transport.flow, refusal, balancing, networkOffset)
        case .notBalanced: drop(packet, .notForUs)
        }
    }

    /// Does not send a packet of a connection on.
    @inline(never)
    mutating func refuse<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        _ refusal: Decision.Refusal,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let balancing = unsafe snapshot.pointee.balancing
        refuse(packet, transport.flow, refusal, balancing, networkOffset)
    }

    mutating func refuse(
        _ packet: consuming Packet,
        _ flow: Flow,
        _ refusal: Decision.Refusal,
        _ balancing: BalancingState,
        _ networkOffset: Int
    ) {
        switch refusal {
        case .notOpening where balancing.isSilent(on: flow, opens: false):
            drop(packet, .tcpNotSYN)
        case .notOpening: punt(packet, .refused, as: .tcpNotSYN, offset: networkOffset)
        case .noBackend: punt(packet, .refused, as: .noBackend, offset: networkOffset)
        case .noLocalAddress: drop(packet, .noLocalAddress)
        case .noLocalPort: drop(packet, .noLocalPort)
        case .badChecksum: drop(packet, .badSCTPChecksum)
        case .badTransportChecksum: drop(packet, .badTransportChecksum)
        case .sourcePortLimit: drop(packet, .sourcePortLimit)
        case .tableFull: drop(packet, .connectionTableFull)
        case .connectionLimit: drop(packet, .serviceConnectionLimit)
        case .rateLimit: drop(packet, .serviceRateLimit)
        case .packetRate: drop(packet, .servicePacketRate)
        case .bitRate: drop(packet, .serviceBitRate)
        case .share: drop(packet, .serviceShare)
        case .denied: drop(packet, .denied)
        case .notAllowed: drop(packet, .notAllowed)
        case .stopping: drop(packet, .stopping)
        case .timeToLive: punt(packet, .timeExceeded, as: .ttlExceeded, offset: networkOffset)
        }
    }

    /// What becomes of a packet with neither connection nor service.
    enum Unbalanced {
        /// It is for somebody else.
        case passing
        case redirected(Int)
        case dropped(DropReason)
        /// The sender is told.
        case refused(DropReason)
        /// The kernel decides, behind the companion of this interface.
        case handedUp(InterfaceID)
    }

    /// A reply whose connection lives at another worker, a packet for ourselves, or none of our
    /// business.
    mutating func judgeUnbalanced(
        _ flow: Flow,
        opens: Bool,
        receivedOn received: InterfaceID?,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Unbalanced {
        let balancing = unsafe snapshot.pointee.balancing
        let isSilent = balancing.isSilent(on: flow, opens: opens)
        let target = unsafe snapshot.pointee.forwarding.target(for: flow.destination.address)
        switch target.kind {
        case .localAddress:
            let owner = balancer.steering.of(isIPv6: flow.isIPv6).owner(ofReply: flow)
            if owner != index { return .redirected(owner) }
            return isSilent ? .dropped(.connectionGone) : .refused(.connectionGone)
        case .local: return isSilent ? .dropped(.noService) : .refused(.noService)
        case .companion:
            if let interface = companion(target.companionInterface, received) {
                return .handedUp(interface)
            }
            return isSilent ? .dropped(.noService) : .refused(.noService)
        case .none, .link, .gateway:
            let owner = Balancer.ownerByClient(
                flow.destination,
                flow.destinationPort,
                among: workerCount
            )
            return balancing.options.contains(.hasNAT) && owner != index
                ? .redirected(owner) : .passing
        }
    }

    /// Ends a packet that has neither connection nor service.
    mutating func end(
        _ packet: consuming Packet,
        _ fate: Unbalanced,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        switch fate {
        case .passing: drop(packet, .notForUs)
        case .redirected(let owner): redirect(packet, to: owner)
        case .dropped(let reason): drop(packet, reason)
        case .refused(let reason): punt(packet, .refused, as: reason, offset: networkOffset)
        case .handedUp(let interface): unsafe handUp(packet, by: interface, snapshot)
        }
    }

    private mutating func settleUnbalanced<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        _ hash: UInt64,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let fate = unsafe judgeUnbalanced(
            transport.flow,
            opens: transport.opens,
            receivedOn: interface(of: packet),
            snapshot
        )
        if case .passing = fate {
            unsafe settlePassing(packet, transport, hash, networkOffset, snapshot, now)
        } else {
            unsafe end(packet, fate, networkOffset, snapshot)
        }
    }

    /// A packet for somebody else: ours only if a service says so, and never without a way on.
    private mutating func settlePassing<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        _ hash: UInt64,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let balancing = unsafe snapshot.pointee.balancing
        let destination = transport.flow.destination.address
        guard let passage = unsafe passage(of: packet, to: destination, snapshot) else {
            drop(packet, .notForUs)
            return
        }
        let setup = balancer.open(
            transport,
            passing: passage,
            isScattered: isScattered(packet),
            hash: hash,
            balancing: balancing,
            now: now
        )
        unsafe settle(packet, transport, setup, networkOffset, snapshot, now)
    }

    /// How a packet to `destination` passes through us; nil when no service asks, it is for a group,
    /// or no way leads on.
    mutating func passage(
        of packet: borrowing Packet,
        to destination: IPAddress,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Passage? {
        guard
            unsafe !snapshot.pointee.balancing.services.matches.isEmpty, destination.isOneNode,
            let output = unsafe snapshot.pointee.forwarding.interface(toward: destination)
        else { return nil }
        guard let input = interface(of: packet) else { return nil }
        return Passage(input: input, output: output)
    }

    mutating func redirect(_ packet: consuming Packet, to owner: Int) {
        let buffer = unsafe packet.release()
        if unsafe outgoing[owner].push(buffer) {
            counters.add(1, to: .redirectedOut)
            handedOver |= 1 &<< UInt64(owner & 63)
        } else {
            unsafe drop(Packet(owning: buffer), .redirectRingFull)
        }
    }

    // MARK: - The slow path

    /// Hands a packet to the slow path, which answers for it from then on.
    mutating func punt(
        _ packet: consuming Packet,
        _ reason: PuntedPacket.Reason,
        as dropReason: DropReason,
        offset: Int,
        mtu: UInt16 = 0,
        toward destination: WireAddress = .zero,
        through ring: Ring<PuntedPacket>? = nil
    ) {
        let buffer = unsafe packet.release()
        let punted = unsafe PuntedPacket(
            buffer: buffer,
            reason: reason,
            dropReason: dropReason.rawValue,
            interface: InterfaceID(rawValue: buffer.pointee.port),
            offset: UInt16(offset),
            mtu: mtu,
            destination: destination
        )
        if (ring ?? punts).push(punted) {
            counters.add(1, to: .punted)
            hasPunted = true
        } else {
            unsafe drop(Packet(owning: buffer), .slowPathRingFull)
        }
    }

    // MARK: - Frames that are not plain

    /// The careful way: tags, options, other protocols, and a reason for everything refused.
    @inline(never)
    mutating func settleUnusual(
        _ packet: consuming Packet,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        // Only another worker can know by which tunnel a packet came.
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        if !isHandedOver, !believesMarks, bytes.word(12) == EtherType.tunnel.rawValue {
            drop(packet, .unsupportedEtherType)
        } else {
            unsafe settleFrame(packet, snapshot, now)
        }
    }

    /// The same of a frame whose link layer is to be believed.
    mutating func settleFrame(
        _ packet: consuming Packet,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let buffer = unsafe packet.buffer
        let destination = unsafe packet.frame.loadUnaligned(as: UInt64.self) & 0xFFFF_FFFF_FFFF
        let isGroup = destination & 1 != 0
        guard unsafe isGroup || destination == slots[Int(buffer.pointee.port)].ownAddress else {
            drop(packet, .notForUs)
            return
        }
        let interface = interface(of: packet)
        if let interface, !isHandedOver {
            interfaceCounters.countReceived(unsafe Int(buffer.pointee.pkt_len), interface)
        }
        finishHeaderChecksum(of: packet)
        let outcome = ParsedFrame.parse(packet)
        guard case .parsed(let frame) = outcome else {
            if case .malformed(let reason) = outcome {
                unsafe settleMalformed(packet, reason, snapshot)
            }
            return
        }
        if let reason = reasonToDrop(packet, frame) {
            drop(packet, reason)
            return
        }
        switch frame.content {
        case _ where interface == nil: drop(packet, .unknownVLAN)
        case .arp:
            unsafe except(packet, .neighbour, .arp, as: .badARP, Int(frame.networkOffset), snapshot)
        case .ipv6 where unsafe !snapshot.pointee.forwarding.isIPv6Enabled:
            drop(packet, .ipv6Disabled)
        case .ipv4 where isGroup, .ipv6 where isGroup && frame.protocol != .icmpv6:
            unsafe offer(packet, otherwise: .notForUs, snapshot)
        case .ipv4: unsafe settleParsed(packet, frame, IPv4Tuple.self, snapshot, now)
        case .ipv6: unsafe settleParsed(packet, frame, IPv6Tuple.self, snapshot, now)
        }
    }

    /// The interface by which a packet came; nil when its VLAN is none of ours.
    func interface(of packet: borrowing Packet) -> InterfaceID? {
        guard let header = LinkHeader(packet) else { return nil }
        return unsafe interfaces.interface(port: Int(packet.buffer.pointee.port), header.tags)
    }

    private mutating func settleParsed<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        _ family: Tuple.Type,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let networkOffset = Int(frame.networkOffset)
        guard !frame.isFragment else {
            let found = companion(nil, interface(of: packet))
            if let found, !frame.isBalanced {
                unsafe handUp(packet, by: found, snapshot)
            } else {
                unsafe settleFragment(packet, frame, family, snapshot, now)
            }
            return
        }
        let `protocol`: FlowProtocol
        switch frame.protocol {
        case .tcp: `protocol` = .tcp
        case .udp: `protocol` = .udp
        case .sctp,
            .icmp where !Tuple.isIPv6,
            .icmpv6 where Tuple.isIPv6:
            let careful = unsafe CarefulPacket<Tuple>(
                network: packet.frame + networkOffset,
                transport: packet.frame + Int(frame.transportOffset),
                protocol: frame.protocol,
                totalLength: frame.totalLength,
                isFragment: false
            )
            if let careful {
                unsafe settleCareful(packet, careful, networkOffset: networkOffset, snapshot, now)
            } else {
                unsafe settleICMP(packet, frame, snapshot, now)
            }
            return
        case .gre, .ipip, .ipv6:
            unsafe settleTunnelled(packet, frame, snapshot, now)
            return
        default:
            unsafe offer(packet, otherwise: .unsupportedProtocol, snapshot)
            return
        }
        let transport = unsafe TransportPacket<Tuple>(
            network: packet.frame + networkOffset,
            transport: packet.frame + Int(frame.transportOffset),
            protocol: `protocol`,
            totalLength: frame.totalLength
        )
        let tuple = transport.tuple
        let hash = balancer.connections.hash(tuple, `protocol`)
        let reference = balancer.connections.find(
            tuple,
            `protocol`,
            hash: hash,
            candidate: ConnectionTable.none
        )
        guard reference != ConnectionTable.none else {
            unsafe settleNew(
                packet,
                transport,
                hash: hash,
                networkOffset: networkOffset,
                snapshot,
                now
            )
            return
        }
        if !Tuple.isIPv6, transport.headerLength > 20 {
            removeForgedAddress(from: packet, frame, along: reference)
        }
        unsafe forward(
            packet,
            transport,
            along: reference,
            networkOffset: networkOffset,
            snapshot,
            now
        )
    }
}
