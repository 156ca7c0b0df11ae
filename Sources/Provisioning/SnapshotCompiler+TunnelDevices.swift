// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Networking
import Packet

/// Tunnels that are interfaces.
extension SnapshotCompiler {
    /// The interface of a tunnel, among the ports and VLANs that may carry it.
    mutating func interface(
        of tunnel: TunnelInterface,
        among links: [Interface]
    ) throws(ProvisioningError) -> Interface {
        var carriers = links.filter { !$0.isTunnel }
        if let name = tunnel.link {
            carriers.removeAll { $0.name != name }
            guard !carriers.isEmpty else {
                throw ProvisioningError("there is no interface '\(name)' for '\(tunnel.name)'")
            }
        }
        let port = carriers.first.map { books.numbers.port(of: $0.id) } ?? 0
        // The same for the whole run: a tunnel that comes back counts on.
        guard let slot = books.tunnelSlots.slot(for: tunnel.name),
            let id = books.numbers.reserve(tunnel: slot, port: port)
        else {
            throw ProvisioningError(
                "more than \(InterfaceNumbers.capacity) interfaces since the start: restart to forget them"
            )
        }
        let smallest = carriers.map(\.mtu).min() ?? 1500
        var interface = Interface(
            name: tunnel.name,
            id: id,
            mtu: tunnel.mtu ?? max(68, smallest - tunnel.overhead),
            hasCompanion: false
        )
        interface.isTunnel = true
        return interface
    }

    /// Whoever is behind a tunnel is reached at once.
    func addEverybody(on interface: Interface, to network: inout CompiledNetwork) {
        let address = carrier(of: interface.id)?.macAddress ?? .zero
        for family in [AddressFamily.ipv4, .ipv6] {
            let everybody = IPPrefix.any(family).address
            network.neighbours.append(
                PermanentNeighbour(everybody, on: interface.id, macAddress: address)
            )
        }
    }

    /// Tunnels for the packet path.
    func compileTunnelDevices(
        of state: DesiredState,
        _ forwarding: ForwardingTable
    ) throws(ProvisioningError) -> [TunnelDevice] {
        var devices: [TunnelDevice] = []
        for tunnel in state.tunnels {
            if let remote = tunnel.remote, let way = forwarding.interface(toward: remote),
                books.interfaces.contains(where: { $0.id == way && $0.isTunnel })
            {
                throw ProvisioningError(
                    "the way to \(remote), the other end of \(tunnel.name), leads into the tunnel "
                        + "\(name(of: way)): give it a route of its own"
                )
            }
            var link: InterfaceID?
            if let name = tunnel.link { link = try interface(name).id }
            devices.append(
                TunnelDevice(
                    interface: try interface(tunnel.name).id,
                    identifier: books.tunnelSlots.slots[tunnel.name] ?? 0,
                    isGRE: tunnel.kind == .gre,
                    remote: tunnel.remote,
                    local: tunnel.local,
                    link: link,
                    key: tunnel.input.key,
                    needsChecksum: tunnel.input.hasChecksum,
                    needsSequence: tunnel.input.hasSequence,
                    encapsulation: try encapsulation(of: tunnel, state, forwarding)
                )
            )
        }
        return devices
    }

    /// nil: nothing can be sent.
    private func encapsulation(
        of tunnel: TunnelInterface,
        _ state: DesiredState,
        _ forwarding: ForwardingTable
    ) throws(ProvisioningError) -> Encapsulation? {
        // Without a way there nothing is sent, and it may come.
        guard let remote = tunnel.remote, forwarding.interface(toward: remote) != nil else {
            return nil
        }
        var source = tunnel.local.map { IPPrefix(host: $0) }
        if source == nil { source = try self.source(toward: remote, of: state, forwarding) }
        return source.flatMap { source in
            Encapsulation(
                Encapsulation.Kind(tunnel.kind),
                source: source,
                destination: remote,
                timeToLive: UInt8(clamping: tunnel.timeToLive),
                options: tunnel.options
            )
        }
    }
}

extension TunnelInterface {
    /// Octets of outer headers.
    fileprivate var overhead: Int {
        let isIPv6 = (remote ?? local)?.family == .ipv6
        return Int(Encapsulation.overhead(.init(kind), isIPv6: isIPv6) + options.length)
    }

    fileprivate var options: Encapsulation.Options {
        var options = Encapsulation.Options()
        options.key = output.key
        options.hasChecksum = output.hasChecksum
        options.hasSequence = output.hasSequence
        options.service = service.map { UInt8(clamping: $0) }
        return options
    }
}

extension Encapsulation.Kind {
    fileprivate init(_ kind: TunnelInterface.Kind) {
        switch kind {
        case .ipip: self = .ipip
        case .gre: self = .gre
        }
    }
}
