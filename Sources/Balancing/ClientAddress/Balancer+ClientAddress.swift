// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// Which connections need care for the client's address, and how far they have come.
///
/// Every TCP connection of FNAT starts with care, because its SYN loses the timestamps; the flag
/// goes as soon as nothing is left to do, and from then on packets are plain.
///
/// Nothing here changes the balancer itself, but a borrowed struct of its size is copied for each
/// call.
extension Balancer {
    /// For a connection that was just opened by a service with `rule`.
    mutating func care(for reference: UInt32, _ rule: ClientAddressRule) {
        let entry = unsafe connections.entry(reference)
        let isTCP = unsafe entry.pointee.shape.protocol == .tcp
        guard rule.mode != .none else {
            unsafe entry.pointee.needsCare = isTCP
            return
        }
        unsafe entry.pointee.hasSideState = true
        unsafe entry.pointee.needsCare = true
        begin(rule, along: reference)
    }

    /// For a connection whose client opens it again: its numbers are new ones.
    mutating func careAnew(for reference: UInt32) {
        let entry = unsafe connections.entry(reference)
        guard unsafe entry.pointee.shape.kind == .fnat else { return }
        unsafe entry.pointee.needsCare = true
        guard unsafe entry.pointee.hasSideState else { return }
        let mode = unsafe connections.side(reference).pointee.clientAddress.mode
        begin(ClientAddressRule(mode), along: reference)
    }

    private mutating func begin(_ rule: ClientAddressRule, along reference: UInt32) {
        let ends = clientEnds(of: reference)
        let header = rule.mode.proxyVersion.map { version in
            ProxyHeader(version, .proxied(source: ends.client, destination: ends.service))
        }
        let state = ClientAddressState(rule.mode, header: header, repeats: rule.repeats)
        unsafe connections.side(reference).initialize(to: SideState(clientAddress: state))
    }

    // MARK: - For the worker

    /// How far the connection has come with telling the client's address; nil when it never does.
    public mutating func clientAddressState(of reference: UInt32) -> ClientAddressState? {
        guard unsafe connections.entry(reference).pointee.hasSideState else { return nil }
        return unsafe connections.side(reference).pointee.clientAddress
    }

    /// Stores what became of the state that `clientAddressState` returned; later packets are plain
    /// when nothing is left to do.
    public mutating func keep(_ state: ClientAddressState, of reference: UInt32) {
        let entry = unsafe connections.entry(reference)
        unsafe connections.side(reference).pointee.clientAddress = state
        unsafe entry.pointee.needsCare = state.isPending(
            isTCP: entry.pointee.shape.protocol == .tcp
        )
    }

    /// Whether the next packet needs more than new addresses.
    public mutating func needsCare(_ reference: UInt32) -> Bool {
        unsafe connections.entry(reference).pointee.needsCare
    }

    /// Makes the packets of a connection plain.
    public mutating func endCare(of reference: UInt32) {
        unsafe connections.entry(reference).pointee.needsCare = false
    }

    /// Client and service as the client knows them.
    public mutating func clientEnds(of reference: UInt32) -> (client: Endpoint, service: Endpoint) {
        let flow = connections.flow(.inbound, of: reference)
        return (
            Endpoint(flow.source.address, flow.sourcePort),
            Endpoint(flow.destination.address, flow.destinationPort)
        )
    }

    /// Gives a packet the addresses and ports of the other side, as `forward` does with plain ones.
    public mutating func rewrite<Tuple: FlowTuple>(
        _ packet: TransportPacket<Tuple>,
        along reference: UInt32
    ) {
        let entry = unsafe connections.entry(reference).pointee
        let isInbound = reference & 1 == Direction.inbound.rawValue
        packet.rewrite(
            to: connections.key(isInbound ? .outbound : .inbound, of: reference, Tuple.self)
                .reversed,
            addressDelta: isInbound ? entry.addressDelta : ~entry.addressDelta,
            transportDelta: isInbound ? entry.transportDelta : ~entry.transportDelta
        )
    }
}
