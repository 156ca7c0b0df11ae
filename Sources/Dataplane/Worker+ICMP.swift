// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet
import Timing

/// ICMP errors about packets of connections: passed on to who sent those packets.
///
/// Whoever reports an error saw the packet as we sent it. Its addresses and ports, reversed, find the
/// connection, and the error becomes one about the packet as its sender made it. Everything else of
/// ICMP is the slow path's and the kernel's.
extension Worker {
    @inline(never)
    mutating func settleICMP(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard case .read(let message) = ICMPErrorMessage.read(bytes, frame) else {
            unsafe settleMessage(packet, snapshot)
            return
        }
        if let reporter = message.reporter(bytes),
            unsafe isOwnAddress(WireAddress(reporter), snapshot)
        {
            drop(packet, .badSourceAddress)
            return
        }
        if unsafe reportTunnel(packet.buffer, message, snapshot) {
            sendReport(packet)
            return
        }
        guard let flow = Flow(message.quoted)?.reversed else {
            unsafe settleMessage(packet, snapshot)
            return
        }
        let reference = balancer.connections.find(flow)
        guard reference != ConnectionTable.none else {
            unsafe settleUnrelated(packet, frame, flow, snapshot)
            return
        }
        counters.add(1, to: .relatedErrors)
        let shape = unsafe balancer.connections.entry(reference).pointee.shape
        guard shape.kind.isTwoWay else {
            unsafe passOn(packet, frame, along: reference, snapshot)
            return
        }
        if message.isRefusal, reference & 1 == Direction.outbound.rawValue {
            unsafe noteRefusal(packet, message, along: reference, snapshot, now)
        }
        unsafe rewrite(packet, message, along: reference, snapshot)
    }

    /// Tells the balancer of a refusal by the backend itself, that came from where its packets go.
    private mutating func noteRefusal(
        _ packet: borrowing Packet,
        _ message: ICMPErrorMessage,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>,
        _ now: Tick
    ) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let nextHop = balancer.nextHop(along: reference ^ 1)
        let backend = balancer.connections.flow(.outbound, of: reference).source.address
        let (balancing, adjacencies) = unsafe (
            snapshot.pointee.balancing, snapshot.pointee.forwarding.adjacencies
        )
        guard nextHop != .none, message.reporter(bytes) == backend,
            interface(of: packet) == adjacencies.interface(of: nextHop)
        else { return }
        balancer.noteRefusal(
            along: reference,
            sequence: message.quoted.sequence(bytes),
            balancing: balancing,
            now: now
        )
    }

    // MARK: - Errors of connections

    /// An error that goes to the client when `reference` is the backend's key, else to the backend.
    private mutating func rewrite(
        _ packet: consuming Packet,
        _ message: ICMPErrorMessage,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let isTowardClient = reference & 1 == Direction.outbound.rawValue
        let sent = balancer.connections.flow(isTowardClient ? .inbound : .outbound, of: reference)
        let shape = unsafe balancer.connections.entry(reference).pointee.shape
        let isPublic = isTowardClient ? shape.kind == .snat : shape.kind == .nat
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        // Routers of the Internet speak for themselves, those behind us do not exist outside.
        let reporter = isPublic ? message.reporter(bytes) : nil
        var rewrite = ICMPErrorRewrite(
            source: reporter ?? sent.destination.address,
            destination: sent.source.address,
            quoted: FlowAddresses(
                source: sent.source.address,
                sourcePort: sent.sourcePort,
                destination: sent.destination.address,
                destinationPort: sent.destinationPort
            )
        )
        rewrite.identification = nextIdentification()
        if shape.translates {
            rewrite.mtus = unsafe linkMTUs(isTowardClient, along: reference, snapshot)
        }
        if isTowardClient, let state = balancer.clientAddressState(of: reference) {
            // The backend's side counts a PROXY header that the client never sent, and what else its
            // packets gain before a link behind us finds them too long.
            rewrite.sequenceDelta = 0 &- state.shift.delta
            rewrite.growth = state.growth(
                of: sent.source.address,
                isTCP: sent.protocol == .tcp,
                backendIsIPv6: message.isIPv6
            )
        }
        switch unsafe message.rewrite(packet.buffer, rewrite) {
        case .translated: break
        case .refused(.noRoom):
            drop(packet, .noHeadroom)
            return
        case .tooBig, .fragmentAfter, .refused:
            drop(packet, .untranslatable)
            return
        }
        let buffer = unsafe packet.buffer
        guard case .parsed(let frame) = ParsedFrame.parse(packet),
            unsafe buffer.pointee.data_len > 0
        else {
            drop(packet, .untranslatable)
            return
        }
        let offset = Int(frame.networkOffset)
        unsafe sendOn(packet, along: reference, offset, isIPv6: sent.isIPv6, snapshot)
    }

    /// What the links on both sides of a connection between the families take.
    private mutating func linkMTUs(
        _ isTowardClient: Bool,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> ICMPErrorFields.LinkMTUs {
        let next = unsafe mtu(
            toward: balancer.connections.destination(along: reference),
            snapshot
        )
        let previous = unsafe mtu(
            toward: balancer.connections.destination(along: reference ^ 1),
            snapshot
        )
        let (toClient, toBackend) = isTowardClient ? (next, previous) : (previous, next)
        let clientIsIPv6 = unsafe balancer.connections.entry(reference).pointee.shape.clientIsIPv6
        return ICMPErrorFields.LinkMTUs(
            ipv4: (clientIsIPv6 ? toBackend : toClient) ?? .max,
            ipv6: (clientIsIPv6 ? toClient : toBackend) ?? .max
        )
    }

    /// An error about a packet that the backend sent to the client by itself (DR, tunnel): it came
    /// here because we hold the address, too.
    private mutating func passOn(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let shape = unsafe balancer.connections.entry(reference).pointee.shape
        let isIPv6 = frame.content == .ipv6
        let offset = Int(frame.networkOffset)
        guard shape.kind == .tunnel else {
            unsafe sendOn(packet, along: reference, offset, isIPv6: isIPv6, snapshot)
            return
        }
        let flow = balancer.connections.flow(.inbound, of: reference)
        let hash = balancer.connections.hash(flow)
        unsafe encapsulate(
            packet,
            offset,
            isIPv6,
            frame.totalLength,
            flowHash: hash,
            along: reference,
            snapshot
        )
    }

    // MARK: - Errors of no connection here

    private mutating func settleUnrelated(
        _ packet: consuming Packet,
        _ frame: ParsedFrame,
        _ flow: Flow,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let forwarding = unsafe snapshot.pointee.forwarding
        guard forwarding.isLocal(flow.destination.address),
            let next = nextToAsk(packet, flow, forwarding)
        else {
            unsafe settleMessage(packet, snapshot)
            return
        }
        redirect(packet, to: next)
    }

    /// The worker that may have the connection of an error: the owner of the reply, or, where only a
    /// device knows who has a client's packets, one after the other.
    private mutating func nextToAsk(
        _ packet: borrowing Packet,
        _ flow: Flow,
        _ forwarding: ForwardingTable
    ) -> Int? {
        let steering = balancer.steering.of(isIPv6: flow.isIPv6)
        let isReply = forwarding.target(for: flow.destination.address).kind == .localAddress
        if isReply || (steering.kind == .toeplitz && !isScattered(packet)) {
            let owner = steering.owner(ofReply: flow)
            return owner == index ? nil : owner
        }
        // The outer tag of a VLAN stays unused in untagged frames.
        let before = unsafe isHandedOver ? packet.buffer.pointee.vlan_tci_outer : 0
        let asked = before &+ 1
        guard Int(asked) < workerCount else { return nil }
        unsafe packet.buffer.pointee.vlan_tci_outer = asked
        return index &+ 1 == workerCount ? 0 : index &+ 1
    }

    /// Makes an error about a tunnel packet of ours one for the client whose packet is in it.
    private mutating func reportTunnel(
        _ buffer: UnsafeMutablePointer<CPacket_buffer>,
        _ message: ICMPErrorMessage,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Bool {
        let frame = unsafe buffer.pointee.buf_addr + Int(buffer.pointee.data_off)
        let bytes = unsafe FrameBytes(frame, count: Int(buffer.pointee.data_len))
        guard
            case .read(let tunnelled) = message.embeddedInner(bytes),
            let inner = Flow(tunnelled.inner),
            unsafe snapshot.pointee.balancing.services.service(for: inner)?.kind == .tunnel
        else { return false }
        let outcome = unsafe message.report(
            buffer,
            tunnelled,
            from: inner.destination.address,
            identification: 0
        )
        return outcome == .translated
    }

    private mutating func sendReport(_ packet: consuming Packet) {
        counters.add(1, to: .relatedErrors)
        punt(packet, .unresolved, as: .neighbourUnresolved, offset: Lookahead.networkOffset)
    }
}

extension Flow {
    /// Who talked to whom in a quoted packet; nil when its protocol is not balanced.
    init?(_ quoted: QuotedPacket) {
        guard let number = FlowProtocol(quoted.protocol, isIPv6: quoted.isIPv6) else { return nil }
        self.init(
            from: quoted.flow.source,
            quoted.flow.sourcePort,
            to: quoted.flow.destination,
            quoted.flow.destinationPort,
            number
        )
    }
}
