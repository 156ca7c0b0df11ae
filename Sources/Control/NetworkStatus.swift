// SPDX-License-Identifier: Apache-2.0
package import Addressing
package import Model

/// An own address on an interface: an element of the answer of `GET /v1/addresses`.
package struct AddressStatus: Equatable, Codable, Sendable {
    /// The ports of an address that connections to backends come from.
    package struct Ports: Equatable, Codable, Sendable {
        package var used: UInt64
        package var free: UInt64
        /// Connections that found no free port.
        package var misses: UInt64

        package init(used: UInt64, free: UInt64, misses: UInt64) {
            self.used = used
            self.free = free
            self.misses = misses
        }
    }

    package var interface: String
    package var prefix: IPPrefix
    package var scope: NetworkScope
    /// Where it comes from: a file, an edit, the kernel, or the service whose local address it is.
    package var owner: String
    /// nil for an address that is no service's local address.
    package var ports: Ports?
    /// Whether it is an object of its own, not what a service brings along.
    package var isGiven = true
    /// Whether it is not used because another node has it.
    package var isDuplicate = false

    package init(interface: String, prefix: IPPrefix, scope: NetworkScope, owner: String) {
        self.interface = interface
        self.prefix = prefix
        self.scope = scope
        self.owner = owner
    }
}

/// How far an address or a route reaches, in the words of `dpip`.
package enum NetworkScope: String, Codable, Sendable, CaseIterable {
    case global, link, host
    case kniHost = "kni_host"
}

/// Where packets go: an element of the answer of `GET /v1/routes`.
package struct RouteStatus: Equatable, Codable, Sendable {
    package var destination: IPPrefix
    package var gateway: IPAddress?
    /// What packets of our own have as their source.
    package var source: IPAddress?
    package var interface: String
    package var mtu: Int
    package var scope: NetworkScope
    /// Whose it is: a file's, an edit's or the kernel's.
    package var owner: String
    /// Whether it is an object of its own, not what an address brings along.
    package var isGiven: Bool

    package init(
        destination: IPPrefix,
        gateway: IPAddress? = nil,
        source: IPAddress? = nil,
        interface: String,
        mtu: Int,
        scope: NetworkScope,
        owner: String,
        isGiven: Bool = false
    ) {
        self.destination = destination
        self.gateway = gateway
        self.source = source
        self.interface = interface
        self.mtu = mtu
        self.scope = scope
        self.owner = owner
        self.isGiven = isGiven
    }
}

/// Who is behind an address on a link: an element of the answer of `GET /v1/neighbours`.
package struct NeighbourStatus: Equatable, Codable, Sendable {
    package var address: IPAddress
    package var interface: String
    /// nil while nobody has answered.
    package var macAddress: MACAddress?
    /// A word of RFC 4861 (incomplete, reachable, stale, probe), `failed`, or `permanent`.
    package var state: String

    package init(
        address: IPAddress,
        interface: String,
        macAddress: MACAddress?,
        state: String
    ) {
        self.address = address
        self.interface = interface
        self.macAddress = macAddress
        self.state = state
    }
}

/// What an interface receives beside its own address: an element of the answer of
/// `GET /v1/multicast`.
package struct GroupStatus: Equatable, Codable, Sendable {
    /// A group of one of the two layers.
    package struct Group: Equatable, Codable, Sendable {
        package var address: String
        /// How many own addresses need it.
        package var users: Int
        /// Whether the kernel has joined it on the companion.
        package var isOfKernel: Bool

        package init(_ address: String, users: Int, isOfKernel: Bool = false) {
            self.address = address
            self.users = users
            self.isOfKernel = isOfKernel
        }
    }

    package var interface: String
    /// Link-layer groups, and those of IP.
    package var links: [Group] = []
    package var addresses: [Group] = []

    package init(interface: String) { self.interface = interface }
}

extension [RouteStatus] {
    /// All routes of `state`: those that addresses bring along, and those that were given.
    ///
    /// `mtus` has what each interface carries.
    package init(of state: DesiredState, mtus: [String: Int]) {
        self = []
        let addresses = state.addresses
        func source(_ family: AddressFamily, on interface: String) -> IPAddress? {
            addresses.first { $0.interface == interface && $0.prefix.address.family == family }?
                .prefix.address
        }
        for address in addresses {
            append(
                RouteStatus(
                    destination: IPPrefix(host: address.prefix.address),
                    interface: address.interface,
                    mtu: mtus[address.interface] ?? 0,
                    scope: .host,
                    owner: address.owner.description
                )
            )
        }
        var connected: Set<String> = []
        for address in addresses where !address.prefix.isHost {
            let network = address.prefix.network
            guard connected.insert("\(network) \(address.interface)").inserted else { continue }
            append(
                RouteStatus(
                    destination: network,
                    source: address.prefix.address,
                    interface: address.interface,
                    mtu: mtus[address.interface] ?? 0,
                    scope: .link,
                    owner: address.owner.description
                )
            )
        }
        for route in state.routes {
            let interface =
                route.interface
                ?? route.gateway.flatMap { gateway in
                    addresses.filter { $0.prefix.contains(gateway) }
                        .max { $0.prefix.length < $1.prefix.length }?
                        .interface
                } ?? ""
            let scope: NetworkScope =
                route.scope == .kniHost ? .kniHost : route.gateway == nil ? .link : .global
            append(
                RouteStatus(
                    destination: route.destination,
                    gateway: route.gateway,
                    source: scope == .kniHost
                        ? nil : source(route.destination.address.family, on: interface),
                    interface: interface,
                    mtu: route.mtu ?? mtus[interface] ?? 0,
                    scope: scope,
                    owner: route.owner.description,
                    isGiven: true
                )
            )
        }
    }
}
