// SPDX-License-Identifier: Apache-2.0
import Addressing
import CPacket
import Networking
import Packet
import Timing

extension SlowPathState {
    typealias Key = NeighbourTable<PuntedPacket>.Key

    /// Asks for a neighbour on behalf of the control side.
    mutating func adjacency(
        for address: IPAddress,
        _ interface: InterfaceID,
        _ isPinned: Bool
    ) -> AdjacencyHandle? {
        let key = Key(address, on: interface)
        want(key, holding: nil, isPinned: isPinned)
        return neighbours.handle(of: key)
    }

    /// Finds the neighbour of a rewritten packet and sends the packet there, now or later.
    mutating func resolve(_ packet: consuming Packet, _ punted: PuntedPacket) {
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let own = bytes.destination(ofPacketAt: Int(punted.offset))
        guard let destination = punted.destination == .zero ? own : punted.destination.address
        else {
            drop(packet, .tooShort)
            return
        }
        let forwarding = unsafe engine.interchange.cell.current().pointee.forwarding
        let target = forwarding.target(for: destination)
        let key: Key
        switch target.kind {
        case .link: key = Key(destination, on: target.interface)
        case .gateway:
            guard case .adjacency(let handle) = forwarding.nextHop(for: destination) else {
                drop(packet, .noRoute)
                return
            }
            key = Key(
                engine.adjacencies.address(of: handle),
                on: engine.adjacencies.interface(of: handle)
            )
        case .none, .local, .localAddress, .companion:
            drop(packet, .noRoute)
            return
        }
        var held = punted
        unsafe held.buffer = packet.release()
        want(key, holding: held, isPinned: false)
    }

    private mutating func want(_ key: Key, holding packet: PuntedPacket?, isPinned: Bool) {
        let known = neighbours.handle(of: key)
        let handle = known ?? takePlace(key)
        let actions = neighbours.want(
            key,
            holding: packet,
            isPinned: isPinned,
            isLinkThere: engine.interchange.interfaces[key.interface].takesFrames,
            handle: handle,
            at: now
        )
        perform(actions)
    }

    /// Makes these neighbours permanent and no others.
    mutating func fix(_ wanted: [PermanentNeighbour]) {
        let keys = Set(wanted.map { Key($0.address, on: $0.interface) })
        for key in neighbours.permanent where !keys.contains(key) {
            perform(neighbours.loosen(key, at: now))
        }
        for neighbour in wanted {
            let key = Key(neighbour.address, on: neighbour.interface)
            let handle = neighbours.handle(of: key) ?? takePlace(key)
            perform(neighbours.fix(key, at: neighbour.macAddress, handle: handle, now: now))
        }
    }

    /// Asks where a neighbour is: everybody, or the one who was there.
    private mutating func solicit(_ key: Key, _ mac: MACAddress?) {
        // In a tunnel there is nobody to ask; `fix` says so at once. A VLAN that is not published
        // has no tags yet.
        let interfaces = engine.interchange.interfaces
        guard interfaces[key.interface].takesFrames, !interfaces[key.interface].isTunnel else {
            return
        }
        switch key.address {
        case .v4(let target): request(target, at: mac, on: key.interface)
        case .v6(let target): solicit(target, at: mac, on: key.interface)
        }
    }

    /// Carries out what the table of neighbours decided.
    mutating func perform(_ actions: [NeighbourTable<PuntedPacket>.Action]) {
        for action in actions {
            switch action {
            case .solicit(let key, let mac): solicit(key, mac)
            case .show(let state, let mac, let handle):
                engine.adjacencies.set(state, mac, for: handle)
            case .send(let held, let key): send(held, to: key)
            case .unreachable(let held): giveUp(held)
            case .refuse(let held):
                unsafe drop(Packet(owning: held.buffer), .neighbourQueueFull)
            case .remove(let handle): retirePlace(of: handle)
            }
        }
    }

    private mutating func send(_ held: PuntedPacket, to key: Key) {
        let packet = unsafe Packet(owning: held.buffer)
        guard let mac = neighbours.address(of: key) else {
            drop(packet, .neighbourUnresolved)
            return
        }
        let surplus = Int(held.offset) - 14
        unsafe packet.buffer.pointee.data_off &+= UInt16(surplus)
        unsafe packet.buffer.pointee.data_len &-= UInt16(surplus)
        unsafe packet.buffer.pointee.pkt_len &-= UInt32(surplus)
        unsafe packet.buffer.pointee.ol_flags = 0
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        writeEthernet(
            bytes,
            to: mac,
            from: key.interface,
            key.address.family == .ipv4 ? .ipv4 : .ipv6
        )
        inject(packet, on: key.interface)
    }

    /// Nobody answered for the neighbour of a packet; its sender is not told, because the packet
    /// is rewritten already and the sender's own network is in order.
    private mutating func giveUp(_ held: PuntedPacket) {
        unsafe drop(Packet(owning: held.buffer), .neighbourUnresolved)
    }

    func writeEthernet(
        _ bytes: FrameBytes,
        to mac: MACAddress,
        from interface: InterfaceID,
        _ type: EtherType
    ) {
        bytes.setAddress(mac.rawValue, at: 0)
        bytes.setAddress(device(of: interface).traits.macAddress.rawValue, at: 6)
        bytes.set(type.rawValue, at: 12)
    }
}
