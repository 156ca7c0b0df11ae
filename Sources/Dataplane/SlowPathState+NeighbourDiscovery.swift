// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Packet
import Timing

/// What ARP is to IPv4 (RFC 4861), with the detection of duplicate addresses (RFC 4862 section 5.4).
extension SlowPathState {
    // MARK: - Received

    mutating func discover(
        _ packet: consuming Packet,
        _ datagram: Datagram,
        on interface: InterfaceID
    ) {
        guard let message = NeighbourDiscovery(datagram) else {
            drop(packet, .badNeighbourDiscovery)
            return
        }
        // What we said ourselves and a switch gave back says nothing about others.
        guard datagram.sender != device(of: interface).traits.macAddress else {
            deliver(packet)
            return
        }
        let isValid =
            switch message.type {
            case NeighbourDiscovery.neighbourSolicitation:
                solicited(message, by: datagram.sender, on: interface)
            case NeighbourDiscovery.neighbourAdvertisement:
                advertised(message, by: datagram.sender, on: interface)
            case NeighbourDiscovery.routerAdvertisement: routerAdvertised(message, on: interface)
            // Routers answer solicitations of routers; hosts ignore them (section 6.2.6).
            default: true
            }
        if isValid { deliver(packet) } else { drop(packet, .badNeighbourDiscovery) }
    }

    /// Sections 7.1.1 and 7.2.3; false when the message is not valid.
    private mutating func solicited(
        _ message: NeighbourDiscovery,
        by sender: MACAddress,
        on interface: InterfaceID
    ) -> Bool {
        guard let target = message.target else { return false }
        let isProbe = message.source == .any
        if isProbe {
            guard message.destination.isSolicitedNode, message.sourceMAC == nil else {
                return false
            }
        }
        guard let mine = own.onLink(.v6(target), on: interface) else { return true }
        switch mine.standing {
        case .duplicate: return true
        case .tentative:
            // Two nodes ask for the same address at once: neither gets it (RFC 4862 section 5.4.3).
            if isProbe { own.refute(.v6(target), on: interface) }
            return true
        case .usable: break
        }
        guard !isProbe else {
            advertise(target, to: nil, on: interface)
            return true
        }
        if let mac = message.sourceMAC { note(message.source, at: mac, on: interface) }
        advertise(target, to: (message.source, message.sourceMAC ?? sender), on: interface)
        return true
    }

    /// Sections 7.1.2 and 7.2.5; false when the message is not valid.
    private mutating func advertised(
        _ message: NeighbourDiscovery,
        by sender: MACAddress,
        on interface: InterfaceID
    ) -> Bool {
        let flags = message.flags
        guard
            let target = message.target,
            !(message.destination.isMulticast && flags.contains(.solicited))
        else { return false }
        if let mine = own.onLink(.v6(target), on: interface) {
            // RFC 4862 section 5.4.4.
            if case .tentative = mine.standing { own.refute(.v6(target), on: interface) }
            noteClaim(to: .v6(target), by: message.targetMAC ?? sender, on: interface)
            return true
        }
        let overrides = flags.contains(.override)
        let key = Key(.v6(target), on: interface)
        perform(
            neighbours.learn(
                key,
                at: message.targetMAC,
                as: flags.contains(.solicited)
                    ? .answer(overrides: overrides) : .news(overrides: overrides),
                now: now
            )
        )
        // "If the IsRouter flag changes from TRUE to FALSE", the node is no default router any more.
        if !flags.contains(.router) { routers.remove(key) }
        return true
    }

    /// A node said in passing where it is.
    mutating func note(_ address: IPv6Address, at mac: MACAddress, on interface: InterfaceID) {
        guard !own.contains(.v6(address), on: interface) else {
            noteClaim(to: .v6(address), by: mac, on: interface)
            return
        }
        let key = Key(.v6(address), on: interface)
        perform(neighbours.learn(key, at: mac, as: .news(overrides: true), now: now))
    }

    // MARK: - Sent

    /// Asks for an address: its group, or the neighbour that had it (section 7.2.2).
    mutating func solicit(_ target: IPv6Address, at mac: MACAddress?, on interface: InterfaceID) {
        // Without an address of ours nobody could answer.
        guard let source = source(toward: .v6(target), on: interface)?.ipv6 else { return }
        sendSolicitation(of: target, from: source, to: mac, on: interface)
    }

    /// Asks whether anybody has an address that is to be ours (RFC 4862 section 5.4.2).
    mutating func probe(_ target: IPv6Address, on interface: InterfaceID) {
        sendSolicitation(of: target, from: .any, to: nil, on: interface)
    }

    private mutating func sendSolicitation(
        of target: IPv6Address,
        from source: IPv6Address,
        to mac: MACAddress?,
        on interface: InterfaceID
    ) {
        let headers = Headers(
            source: .v6(source),
            destination: .v6(mac == nil ? target.solicitedNode : target),
            mac: mac ?? target.solicitedNode.groupMAC,
            interface: interface,
            protocol: .icmpv6,
            hopLimit: NeighbourDiscovery.hopLimit
        )
        let own = source == .any ? nil : device(of: interface).traits.macAddress
        send(headers, payload: own == nil ? 24 : 32, checksum: 2) { bytes, base in
            bytes.set(NeighbourDiscovery.neighbourSolicitation, at: base)
            bytes.set(.v6(target), at: base + NeighbourDiscovery.target)
            if let own { bytes.setOption(NeighbourDiscovery.sourceLinkLayer, own, at: base + 24) }
        }
    }

    /// Says where an own address is, to somebody who asked or, unasked, to everybody (section 7.2.6).
    ///
    /// The flag "router" stays clear: we forward nothing for others, and hosts that we told so would
    /// drop us from their default routers once it is cleared.
    mutating func advertise(
        _ target: IPv6Address,
        to asker: (address: IPv6Address, mac: MACAddress)?,
        on interface: InterfaceID
    ) {
        let headers = Headers(
            source: .v6(target),
            destination: .v6(asker?.address ?? .allNodes),
            mac: asker?.mac ?? IPv6Address.allNodes.groupMAC,
            interface: interface,
            protocol: .icmpv6,
            hopLimit: NeighbourDiscovery.hopLimit
        )
        let flags: NeighbourDiscovery.Flags = asker == nil ? .override : [.override, .solicited]
        let mac = device(of: interface).traits.macAddress
        send(headers, payload: 32, checksum: 2) { bytes, base in
            bytes.set(NeighbourDiscovery.neighbourAdvertisement, at: base)
            bytes.set(flags.rawValue, at: base + 4)
            bytes.set(.v6(target), at: base + NeighbourDiscovery.target)
            bytes.setOption(NeighbourDiscovery.targetLinkLayer, mac, at: base + 24)
        }
    }
}

extension FrameBytes {
    /// A link-layer address option (RFC 4861 section 4.6.1).
    func setOption(_ type: UInt8, _ mac: MACAddress, at offset: Int) {
        set(type, at: offset)
        set(UInt8(1), at: offset + 1)
        setAddress(mac.rawValue, at: offset + 2)
    }
}
