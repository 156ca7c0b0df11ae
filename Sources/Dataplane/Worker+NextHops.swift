// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Containers
import Networking
import Packet

/// Where packets of connections go next, when that is not at hand or does not take them whole.
extension Worker {
    /// Sends a rewritten packet whose neighbour is stale, forgotten or not known yet.
    @inline(never)
    mutating func resolve(
        _ packet: consuming Packet,
        _ remembered: AdjacencyHandle,
        _ reference: UInt32,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let forwarding = unsafe snapshot.pointee.forwarding
        let destination = balancer.connections.destination(along: reference)
        var nextHop = remembered
        if nextHop == .none || !forwarding.adjacencies.answer(for: nextHop).isCurrent {
            switch forwarding.nextHop(for: destination) {
            case .adjacency(let found):
                nextHop = found
                balancer.remember(found, along: reference)
            case .unresolved: nextHop = .none
            case .unreachable:
                drop(packet, .noRoute)
                return
            }
        }
        unsafe send(
            packet,
            to: nextHop,
            toward: destination,
            networkOffset,
            isIPv6: isIPv6,
            snapshot
        )
    }

    /// Sends a packet that has its new headers to a neighbour, or by the slow path when that has to be
    /// asked for.
    mutating func send(
        _ packet: consuming Packet,
        to nextHop: AdjacencyHandle,
        toward destination: IPAddress,
        _ networkOffset: Int,
        isIPv6: Bool,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let adjacencies = unsafe snapshot.pointee.forwarding.adjacencies
        let answer = adjacencies.answer(for: nextHop)
        guard nextHop != .none, answer.isCurrent, answer.state != .unresolved else {
            punt(
                packet,
                .unresolved,
                as: .neighbourUnresolved,
                offset: networkOffset,
                toward: WireAddress(destination)
            )
            return
        }
        if answer.state == .stale, staleNeighbours.push(nextHop) { hasPunted = true }
        let interface = adjacencies.interface(of: nextHop)
        unsafe emit(packet, to: answer, interface, networkOffset, isIPv6: isIPv6, snapshot)
    }

    // MARK: - Packets that are longer than some link takes

    /// The MTU toward the next hop of a packet, not rewritten yet, that is too long for it.
    @inline(never)
    mutating func exceededMTU(
        _ length: UInt16,
        along reference: UInt32,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> UInt16? {
        let shape = unsafe balancer.connections.entry(reference).pointee.shape
        // Those that change the length look for themselves.
        guard !shape.translates, shape.kind != .tunnel else { return nil }
        let destination = balancer.connections.destination(along: reference)
        guard let mtu = unsafe mtu(toward: destination, snapshot), length > mtu else { return nil }
        return mtu
    }

    /// What the way to `destination` takes; nil when there is none.
    mutating func mtu(
        toward destination: IPAddress,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> UInt16? {
        let forwarding = unsafe snapshot.pointee.forwarding
        guard let interface = forwarding.interface(toward: destination) else { return nil }
        return forwarding.mtu(toward: destination, linkMTU: interfaces[interface].mtu)
    }
}
