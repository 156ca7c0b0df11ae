// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import CPacket
import Containers
import Networking
import Packet

/// Packets that are not the balancer's: for the kernel behind an interface's companion, or about
/// neighbours. Each class is held to its rate here, before it costs the slow path anything.
extension Worker {
    /// The interface by whose companion a packet for the kernel goes; nil when there is none.
    ///
    /// `named` is what the route says; without it, that is where the packet came in: `received`, nil
    /// when that is none of ours any more.
    func companion(_ named: InterfaceID?, _ received: InterfaceID?) -> InterfaceID? {
        guard let interface = named ?? received else { return nil }
        return interfaces[interface].hasCompanion ? interface : nil
    }

    /// Hands a packet up where it came in; drops it as `reason` when there is no companion.
    @inline(never)
    mutating func offer(
        _ packet: consuming Packet,
        otherwise reason: DropReason,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        if let found = companion(nil, interface(of: packet)) {
            unsafe handUp(packet, by: found, snapshot)
        } else {
            drop(packet, reason)
        }
    }

    /// A frame that is neither IP nor ARP, or broken.
    @inline(never)
    mutating func settleMalformed(
        _ packet: consuming Packet,
        _ reason: DropReason,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        guard reason == .unsupportedEtherType, let header = LinkHeader(packet) else {
            let name = nameMalformed(packet, reason)
            drop(packet, name)
            return
        }
        switch header.type {
        // More tags than an interface can have.
        case .vlan, .providerVLAN: drop(packet, reason)
        // Link-layer discovery knows no VLANs (IEEE 802.1AB section 7.2).
        case .lldp where header.length == 14:
            unsafe except(packet, .neighbour, .lldp, as: .badLLDP, 14, snapshot)
        case _ where interface(of: packet) == nil: drop(packet, .unknownVLAN)
        default: unsafe offer(packet, otherwise: reason, snapshot)
        }
    }

    /// ICMP of no connection: the slow path knows neighbours and answers echoes, the rest is the
    /// kernel's, where there is a companion.
    @inline(never)
    mutating func settleMessage(
        _ packet: consuming Packet,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        guard case .parsed(let frame) = ParsedFrame.parse(packet) else {
            drop(packet, .icmpIgnored)
            return
        }
        let received = interface(of: packet)
        let offset = Int(frame.networkOffset)
        let forwarding = unsafe snapshot.pointee.forwarding
        let target = bytes.destination(ofPacketAt: offset).map { forwarding.target(for: $0) }
        let way = companion(target?.companionInterface, received)
        let isOwn = target?.isOwn ?? false
        let isGroup = frame.content == .ipv6 && bytes.octet(offset + 24) == 0xFF
        switch (frame.protocol, bytes.octet(Int(frame.transportOffset)) ?? 0) {
        case (.icmpv6, NeighbourDiscovery.types), (.icmpv6, MulticastListener.query):
            unsafe except(packet, .neighbour, .local, as: .icmpIgnored, offset, snapshot)
        case (.icmp, 8) where isOwn, (.icmpv6, 128) where isOwn || isGroup:
            punt(packet, .local, as: .icmpIgnored, offset: offset)
        default:
            if let way {
                unsafe handUp(packet, by: way, snapshot)
            } else {
                punt(packet, .local, as: .icmpIgnored, offset: offset)
            }
        }
    }

    /// Hands a packet to the kernel by the companion of `interface`, without the tags that it had;
    /// false when the rate of its class is used up.
    @inline(never)
    @discardableResult
    mutating func handUp(
        _ packet: consuming Packet,
        by interface: InterfaceID,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Bool {
        LinkHeader(packet)?.removeTags(from: packet)
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let parsed = ParsedFrame.parse(packet).frame
        unsafe packet.buffer.pointee.port = interface.rawValue
        let exceptionClass = ExceptionClass(bytes, parsed)
        return unsafe except(packet, exceptionClass, .exception, as: .companionFull, 0, snapshot)
    }

    /// Gives a packet to the slow path by the way of its class, as long as the rate allows: false when
    /// it does not.
    @discardableResult
    mutating func except(
        _ packet: consuming Packet,
        _ exceptionClass: ExceptionClass,
        _ reason: PuntedPacket.Reason,
        as dropReason: DropReason,
        _ offset: Int,
        _ snapshot: UnsafeMutablePointer<Snapshot>
    ) -> Bool {
        // What `handUp` was before has no tags any more, but its interface in place of its port.
        let interface =
            unsafe interface(of: packet) ?? InterfaceID(rawValue: packet.buffer.pointee.port)
        let port = interfaces.port(of: interface)
        let policy = unsafe snapshot.pointee.exceptions
        let isAdmitted =
            !interfaces[interface].hasCompanion
            || policy[exceptionClass]
                .admit(
                    1,
                    at: ExceptionPolicy.account(exceptionClass, port: port),
                    of: exceptionRates,
                    now: balancer.now
                )
        guard isAdmitted else {
            exceptionCounters.count(.policed, exceptionClass, port: port)
            drop(packet, .exceptionPoliced)
            return false
        }
        let ring = unsafe exceptions[exceptionClass.rawValue]
        punt(packet, reason, as: dropReason, offset: offset, through: ring)
        return true
    }
}

extension RouteTarget {
    /// Whether we answer for the address.
    fileprivate var isOwn: Bool {
        switch kind {
        case .local, .localAddress: true
        case .companion: companionInterface == nil
        case .none, .link, .gateway: false
        }
    }
}
