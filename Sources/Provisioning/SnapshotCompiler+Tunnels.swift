// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Model
import Networking

extension SnapshotCompiler {
    /// How packets to each backend of a tunnel service are wrapped, by backend slot; those of removed
    /// backends stay until the slot is released.
    func compileTunnels(
        of state: DesiredState,
        _ forwarding: ForwardingTable
    ) throws(ProvisioningError) -> [Int: Encapsulation] {
        var result = books.encapsulations
        guard books.traits.contains(.isTunnelled) else { return result }
        for service in state.services where service.mode == .tunnel {
            let tunnel = service.tunnel ?? Tunnel()
            var options = Encapsulation.Options()
            options.hasChecksum = tunnel.hasChecksum
            for backend in service.backends {
                let key = BackendKey(service: service.key, endpoint: backend.endpoint)
                guard let slot = books.backendSlots.slots[key] else { continue }
                let destination = backend.endpoint.address
                let source: IPPrefix
                if let given = tunnel.source {
                    source = given
                } else if forwarding.interface(toward: destination) == nil {
                    // No packet is sent there before a route is, and then this is compiled anew.
                    source = IPPrefix(host: IPPrefix.any(destination.family).address)
                } else {
                    source = try self.source(toward: destination, of: state, forwarding)
                }
                result[slot] = Encapsulation(
                    Encapsulation.Kind(tunnel.kind),
                    source: source,
                    destination: destination,
                    destinationPort: tunnel.port ?? Encapsulation.guePort,
                    options: options
                )
            }
        }
        return result
    }

    /// Our address on the interface by which packets to `destination` leave.
    func source(
        toward destination: IPAddress,
        of state: DesiredState,
        _ forwarding: ForwardingTable
    ) throws(ProvisioningError) -> IPPrefix {
        let way = forwarding.interface(toward: destination)
        let name = books.interfaces.first { $0.id == way }?.name
        let own = state.addresses.first { address in
            address.interface == name && address.prefix.address.family == destination.family
        }
        guard let own else {
            throw ProvisioningError(
                "no own address on the way to \(destination): say which (tunnel.source of a service, "
                    + "local of an interface)"
            )
        }
        return IPPrefix(host: own.prefix.address)
    }
}

extension Encapsulation.Kind {
    fileprivate init(_ kind: Tunnel.Kind) {
        switch kind {
        case .ipip: self = .ipip
        case .gre: self = .gre
        case .gue: self = .gue
        case .fou: self = .gueDirect
        }
    }
}
