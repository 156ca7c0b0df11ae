// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// Everything that the dataplane is told to do, as a plain value.
///
/// Every front end only produces a change to this value; nothing else may change what the dataplane
/// does. Lists are in the order of their sources; identity is by `key`.
package struct DesiredState: Equatable, Codable, Sendable {
    package var settings: Settings
    package var vlans: [VLANInterface]
    package var tunnels: [TunnelInterface]
    package var addresses: [InterfaceAddress]
    package var routes: [Route]
    package var neighbours: [Neighbour]
    package var sets: [AddressSet]
    package var denials: [Denial]
    package var services: [Service]

    package init(
        settings: Settings = Settings(),
        vlans: [VLANInterface] = [],
        tunnels: [TunnelInterface] = [],
        addresses: [InterfaceAddress] = [],
        routes: [Route] = [],
        neighbours: [Neighbour] = [],
        sets: [AddressSet] = [],
        denials: [Denial] = [],
        services: [Service] = []
    ) {
        self.settings = settings
        self.vlans = vlans
        self.tunnels = tunnels
        self.addresses = addresses
        self.routes = routes
        self.neighbours = neighbours
        self.sets = sets
        self.denials = denials
        self.services = services
    }
}

/// An own address on an interface; its network is reachable there without a gateway.
package struct InterfaceAddress: ConfigurationObject {
    package struct Key: Hashable, Codable, Sendable, CustomStringConvertible {
        package var interface: String
        package var address: IPAddress

        package init(interface: String, address: IPAddress) {
            self.interface = interface
            self.address = address
        }

        package var description: String { "\(address) on \(interface)" }
    }

    package var interface: String
    /// The address with its network's prefix length: `192.168.0.1/24`.
    package var prefix: IPPrefix
    package var owner: Owner
    /// Whether the kernel has the address on some companion; nil: nobody knows.
    package var isInKernel: Bool?

    package var key: Key { Key(interface: interface, address: prefix.address) }

    package init(
        interface: String,
        prefix: IPPrefix,
        owner: Owner = .runtime,
        isInKernel: Bool? = nil
    ) {
        self.interface = interface
        self.prefix = prefix
        self.owner = owner
        self.isInKernel = isInKernel
    }
}

/// Where packets for a network go.
package struct Route: ConfigurationObject {
    package struct Key: Hashable, Codable, Sendable, CustomStringConvertible {
        package var destination: IPPrefix

        package init(destination: IPPrefix) {
            self.destination = destination
        }

        package var description: String { destination.description }
    }

    /// A network: host bits are zero.
    package var destination: IPPrefix
    /// The next hop; nil: the network is on the link of `interface`.
    package var gateway: IPAddress?
    /// nil: the interface whose network holds the gateway; one of the two must be there.
    package var interface: String?
    /// Largest packet along this route, in octets; nil: the interface's.
    package var mtu: Int?
    package var scope: RouteScope
    package var owner: Owner

    package var key: Key { Key(destination: destination) }

    package init(
        destination: IPPrefix,
        gateway: IPAddress? = nil,
        interface: String? = nil,
        mtu: Int? = nil,
        scope: RouteScope = .global,
        owner: Owner = .runtime
    ) {
        self.destination = destination
        self.gateway = gateway
        self.interface = interface
        self.mtu = mtu
        self.scope = scope
        self.owner = owner
    }
}

/// Who takes what a route is for.
package enum RouteScope: String, Codable, Sendable, CaseIterable {
    /// The network behind the gateway or on the link.
    case global
    /// The kernel, by the companion of the interface: its addresses are not ours.
    case kniHost = "kni_host"
}
