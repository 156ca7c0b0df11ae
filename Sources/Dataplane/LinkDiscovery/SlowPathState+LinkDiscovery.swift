// SPDX-License-Identifier: Apache-2.0
import Addressing
import Networking
import Packet
import Synchronization
import Timing

/// Link-layer discovery (LLDP, IEEE Std 802.1AB-2016): who is at the other end of a link.
extension SlowPathState {
    /// The group that no bridge forwards: table 7-1.
    private static var nearestBridge: MACAddress { MACAddress(rawValue: 0x0180_C200_000E) }

    // MARK: - Received

    mutating func handleLinkDiscovery(_ packet: consuming Packet, port: Int) {
        // Inside of a VLAN nobody introduces himself.
        guard links.indices.contains(port), links[port].name != nil else {
            drop(packet, .unsupportedEtherType)
            return
        }
        links[port].received &+= 1
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        let octets = (0..<bytes.count).compactMap(bytes.octet)
        guard let neighbour = LinkNeighbour(message: octets.dropFirst(14)) else {
            links[port].malformed &+= 1
            drop(packet, .badLLDP)
            return
        }
        switch links[port].learn(neighbour, at: now) {
        case .new: links[port].hasten(at: now)
        case .full: links[port].ignored &+= 1
        case .known, .left: break
        }
        deliver(packet)
    }

    // MARK: - Sent

    /// Says what is due and forgets who has not been heard; call now and then.
    mutating func settleLinks() {
        for port in links.indices {
            links[port].expire(at: now)
            if links[port].takeTurn(at: now) { introduce(on: port) }
        }
    }

    /// Discovery goes on under `names`, by port, and nowhere else.
    mutating func discoverLinks(as names: [Int: String]) {
        for port in links.indices where links[port].name != names[port] {
            takeLeave(on: port)
            links[port].name = names[port]
            links[port].hasten(at: now)
        }
    }

    /// Tells every neighbour that we are gone.
    ///
    /// - Returns: whether there was anybody to tell.
    mutating func leaveLinks() -> Bool {
        let wasOn = links.contains { $0.name != nil }
        discoverLinks(as: [:])
        return wasOn
    }

    /// A shutdown message: "no other TLVs" than these (clause 9.1.2.3).
    private mutating func takeLeave(on port: Int) {
        if links[port].name != nil { send(identity(of: port, timeToLive: 0), on: port) }
        links[port].forget()
    }

    private mutating func introduce(on port: Int) {
        let station = LinkNeighbour.Capabilities.stationOnly.rawValue
        let name = links[port].name ?? ""
        var fields = identity(of: port, timeToLive: LinkDiscoveryPort.timeToLive)
        fields += [
            LinkDiscoveryField(.portDescription, text: "dpvs port \(port): \(name)"),
            LinkDiscoveryField(.systemName, text: self.station.name),
            LinkDiscoveryField(.systemDescription, text: self.station.description),
            LinkDiscoveryField(.capabilities, station.octets + station.octets),
        ]
        fields += AddressFamily.allCases.compactMap { managementAddress($0, on: port) }
        send(fields, on: port)
    }

    private func identity(of port: Int, timeToLive: UInt16) -> [LinkDiscoveryField] {
        let mac = ports[port].traits.macAddress.rawValue.octets.dropFirst(2)
        let name = (links[port].name ?? "").utf8.prefix(255)
        return [
            LinkDiscoveryField(.chassis, [LinkDiscoveryField.Naming.chassisMAC] + mac),
            LinkDiscoveryField(.port, [LinkDiscoveryField.Naming.interfaceName] + name),
            LinkDiscoveryField(.timeToLive, timeToLive.octets),
        ]
    }

    /// An address of the port itself, as everybody can reach it if there is one such: clause 8.5.9.
    private func managementAddress(
        _ family: AddressFamily,
        on port: Int
    ) -> LinkDiscoveryField? {
        let link = InterfaceID(port: port)
        let own = own.usable(on: link)
            .filter { $0.interface == link && $0.address.family == family }
        let addresses = own.map(\.address).sorted()
        let reachable = addresses.first { $0.ipv6?.isLinkLocal != true }
        let octets: [UInt8]
        switch reachable ?? addresses.first {
        case .v4(let address): octets = [1] + address.rawValue.octets
        case .v6(let address): octets = [2] + address.high.octets + address.low.octets
        case nil: return nil
        }
        // An ifIndex, and no object identifier.
        let interface = [2] + UInt32(port + 1).octets + [0]
        return LinkDiscoveryField(.managementAddress, [UInt8(octets.count)] + octets + interface)
    }

    private mutating func send(_ fields: [LinkDiscoveryField], on port: Int) {
        let link = InterfaceID(port: port)
        let message = (fields + [LinkDiscoveryField(.end)]).flatMap(\.octets)
        // Ethernet's shortest frame is 60 octets without its check sequence (IEEE 802.3).
        guard let packet = make(max(60, 14 + message.count), on: link) else { return }
        let bytes = unsafe FrameBytes(packet.frame, count: packet.count)
        writeEthernet(bytes, to: Self.nearestBridge, from: link, .lldp)
        for (index, octet) in message.enumerated() { bytes.set(octet, at: 14 + index) }
        links[port].sent &+= 1
        inject(packet, on: link)
    }
}

extension SlowPath {
    /// Presents this machine as `station` in link-layer discovery.
    public func present(as station: Station) { state.withLock { $0.station = station } }

    /// Ends link-layer discovery on every port, and tells neighbours so.
    ///
    /// - Returns: whether there was anybody to tell; workers send it in their next turns.
    public func leaveLinks() -> Bool { state.withLock { $0.leaveLinks() } }

    /// Link-layer discovery by port.
    public var linkDiscovery: [LinkDiscoveryReport] {
        state.withLock { state in
            state.links.map { link in
                LinkDiscoveryReport(
                    isOn: link.name != nil,
                    sent: link.sent,
                    received: link.received,
                    malformed: link.malformed,
                    ignored: link.ignored,
                    neighbours: link.entries.map { ($0.neighbour, $0.expires) }
                )
            }
        }
    }
}
