// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Networking
import Packet

/// How backends of FNAT learn the client's address (see `doc/client-address.md`).
///
/// Everything here works on packets as the backend gets or sent them: after the rewrite on the way
/// in, before it on the way out. So a packet that goes ahead of another one copies addresses that
/// are right already, and packets that were translated between the families (NAT64) are edited in
/// the family of the backend: an IPv4 packet then carries an IPv6 client in 20 octets of TOA, 24 of
/// UOA, or a PROXY header of IPv6. Only the length of datagrams with PROXY is looked at before, while
/// the packet can still be quoted to its sender.
extension Worker {
    /// Sends a packet of an FNAT connection whose client's address is not delivered yet, or whose
    /// numbers are shifted.
    mutating func carryClientAddress<Tuple: FlowTuple>(
        _ packet: consuming Packet,
        _ transport: TransportPacket<Tuple>,
        along reference: UInt32,
        _ networkOffset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let viewed = unsafe PacketEditor(
            packet.buffer,
            networkOffset: networkOffset,
            transportOffset: networkOffset &+ transport.headerLength,
            family: Tuple.isIPv6 ? .ipv6 : .ipv4,
            protocol: transport.protocol == .udp ? .udp : .tcp
        )
        guard var editor = viewed else {
            drop(packet, .badTransportLength)
            return
        }
        if reference & 1 == Direction.outbound.rawValue {
            restoreNumbers(editor, along: reference)
            balancer.rewrite(transport, along: reference)
        } else {
            if let mtu = unsafe mtuUnderHeader(of: editor, along: reference, 0, snapshot) {
                puntTooBig(packet, networkOffset, mtu: mtu)
                return
            }
            balancer.rewrite(transport, along: reference)
            let mayBeCut = editor.mayBeCut
            let reason = unsafe tellClientAddress(&editor, mayBeCut, along: reference, snapshot)
            if let reason {
                drop(packet, reason)
                return
            }
        }
        unsafe sendOn(
            packet,
            along: reference,
            networkOffset,
            isIPv6: Tuple.isIPv6,
            snapshot
        )
    }

    // MARK: - Between the families

    /// What is to be done with a packet, `frame`, before it is translated; returns the MTU to tell
    /// its sender when it will not fit with its header.
    mutating func beginTranslation(
        _ packet: borrowing Packet,
        _ frame: ParsedFrame,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> UInt16? {
        guard balancer.needsCare(reference),
            let editor = unsafe PacketEditor(
                packet.buffer,
                networkOffset: Int(frame.networkOffset),
                transportOffset: Int(frame.transportOffset),
                family: frame.content == .ipv6 ? .ipv6 : .ipv4,
                protocol: frame.protocol
            )
        else { return nil }
        if reference & 1 == Direction.outbound.rawValue {
            restoreNumbers(editor, along: reference)
            return nil
        }
        let shrinkage = frame.content == .ipv6 ? 20 : -20
        return unsafe mtuUnderHeader(of: editor, along: reference, shrinkage, snapshot)
    }

    /// What is to be done with a packet after it was translated from `frame`, in which its sender had
    /// let it be fragmented or not; returns why it must go no further.
    mutating func endTranslation(
        _ packet: borrowing Packet,
        _ frame: ParsedFrame,
        mayBeCut: Bool,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> DropReason? {
        guard reference & 1 == Direction.inbound.rawValue, balancer.needsCare(reference) else {
            return nil
        }
        let toIPv4 = frame.content == .ipv6
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        // What is to be cut has a fragment header already.
        let isPrepared =
            !toIPv4
            && bytes.octet(Lookahead.networkOffset &+ 6) == IPProtocol.fragment.rawValue
        let viewed = unsafe PacketEditor(
            packet.buffer,
            networkOffset: Lookahead.networkOffset,
            transportOffset: Lookahead.networkOffset &+ (toIPv4 ? 20 : isPrepared ? 48 : 40),
            family: toIPv4 ? .ipv4 : .ipv6,
            protocol: frame.protocol
        )
        guard var editor = viewed else { return .badTransportLength }
        return unsafe tellClientAddress(&editor, mayBeCut, along: reference, snapshot)
    }

    // MARK: - The parts

    /// The longest datagram that its client may send, when the one in `editor`, still as received,
    /// would be too long with its header.
    ///
    /// `shrinkage` is by how much the packet gets shorter when it is translated.
    mutating func mtuUnderHeader(
        of editor: PacketEditor,
        along reference: UInt32,
        _ shrinkage: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> UInt16? {
        let least = unsafe Int(min(interfaces.smallestMTU, snapshot.pointee.forwarding.smallestMTU))
        guard editor.mayOutgrow(least &+ min(shrinkage, 0)),
            let state = balancer.clientAddressState(of: reference),
            let mtu = unsafe mtu(
                toward: balancer.connections.destination(along: reference),
                snapshot
            )
        else { return nil }
        let ends = balancer.clientEnds(of: reference)
        return
            editor.exceededMTU(ends.client, to: ends.service, state, mtu: Int(mtu) &+ shrinkage)
            .map { UInt16(clamping: $0) }
    }

    /// Gives a packet toward the backend, rewritten already, the client's address if it is its turn,
    /// and sends what has to go ahead of it; returns why the packet must not follow.
    mutating func tellClientAddress(
        _ editor: inout PacketEditor,
        _ mayBeCut: Bool,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> DropReason? {
        editor.removeTimestampsFromSYN()
        guard var state = balancer.clientAddressState(of: reference) else {
            if !editor.isSYN { balancer.endCare(of: reference) }
            return nil
        }
        if state.onlyShifts, !editor.isSYN {
            editor.shiftTowardBackend(state.shift)
            return nil
        }
        let ends = balancer.clientEnds(of: reference)
        let mtu = unsafe mtu(
            toward: balancer.connections.destination(along: reference),
            snapshot
        )
        let carriage = editor.carry(
            ends.client,
            to: ends.service,
            &state,
            mtu: Int(mtu ?? interfaces.smallestMTU),
            mayBeCut: mayBeCut
        )
        balancer.keep(state, of: reference)
        switch carriage {
        case .ready(let outcome):
            if let outcome { count(outcome, state.mode) }
            return nil
        case .readyAfter(let companion):
            return unsafe send(
                companion,
                of: editor,
                state.mode,
                along: reference,
                snapshot
            )
        case .tooBig: return .tooBig
        case .drop: return .proxyHeaderMissing
        }
    }

    /// Gives a packet of the backend, not rewritten yet, the numbers that the client knows.
    mutating func restoreNumbers(_ editor: PacketEditor, along reference: UInt32) {
        guard var state = balancer.clientAddressState(of: reference) else {
            if !editor.isSYN { balancer.endCare(of: reference) }
            return
        }
        let client = balancer.connections.flow(.inbound, of: reference).source.address
        editor.restore(&state, client: client)
        balancer.keep(state, of: reference)
    }

    /// Takes an address of the client's own making out of an IPv4 packet with options, also when its
    /// connection has become plain.
    @inline(never)
    mutating func removeForgedAddress(
        from packet: borrowing Packet,
        _ frame: ParsedFrame,
        along reference: UInt32
    ) {
        guard reference & 1 == Direction.inbound.rawValue,
            let mode = balancer.clientAddressState(of: reference)?.mode,
            mode == .udpHeader || mode == .udpOption
        else { return }
        let editor = unsafe PacketEditor(
            packet.buffer,
            networkOffset: Int(frame.networkOffset),
            transportOffset: Int(frame.transportOffset),
            family: .ipv4,
            protocol: frame.protocol
        )
        editor?.removeForeignAddressOptionsOfIP()
    }

    // MARK: - Sending

    /// Sends what goes ahead of the packet in `editor`; returns why the packet must not follow.
    private mutating func send(
        _ companion: AddressCompanion,
        of editor: PacketEditor,
        _ mode: BackendAddressMode,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> DropReason? {
        let port = unsafe editor.buffer.pointee.port
        guard let fresh = unsafe slots[Int(port)].port.allocate() else {
            return unaddressed(companion)
        }
        let buffer = unsafe fresh.buffer
        unsafe buffer.pointee.port = port
        guard let written = unsafe editor.write(companion, into: buffer) else {
            discard(fresh)
            return unaddressed(companion)
        }
        counters.add(1, to: .generated)
        count(.inserted, mode)
        unsafe sendOn(
            fresh,
            along: reference,
            written.networkOffset,
            isIPv6: written.isIPv6,
            snapshot
        )
        return nil
    }

    /// A datagram goes without the address; data without the header would be taken for one.
    private mutating func unaddressed(_ companion: AddressCompanion) -> DropReason? {
        counters.add(1, to: .unaddressedForBuffer)
        if case .headerSegment = companion { return .noBuffer }
        return nil
    }

    private mutating func count(_ outcome: AddressInsertion, _ mode: BackendAddressMode) {
        let kind: WorkerCounters.Kind
        switch outcome {
        case .inserted, .insertedWithoutOptions:
            switch mode {
            case .none, .tcpOption: kind = .addressedByTOA
            case .udpHeader, .udpOption: kind = .addressedByUOA
            case .proxyV1, .proxyV1Insecure: kind = .addressedByProxyV1
            case .proxyV2, .proxyV2Insecure: kind = .addressedByProxyV2
            }
        case .exceedsMTU, .headerFull: kind = .unaddressedForMTU
        case .noRoom: kind = .unaddressedForBuffer
        case .malformed: kind = .unaddressedForForm
        }
        counters.add(1, to: kind)
    }
}
