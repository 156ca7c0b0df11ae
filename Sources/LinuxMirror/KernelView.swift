// SPDX-License-Identifier: Apache-2.0
package import Addressing

/// What the kernel holds on some of its interfaces, as far as a load balancer can use it.
///
/// A value in one order: two views are equal when the kernel says the same.
package struct KernelView: Equatable, Sendable {
    /// Those that exist, by name.
    package var links: [Link]

    package init(links: [Link] = []) {
        self.links = links.sorted { $0.name < $1.name }
    }

    /// One interface.
    package struct Link: Equatable, Sendable {
        package var name: String
        /// As an administrator set it: `ip link set NAME up`.
        package var isUp: Bool
        /// Octets.
        package var mtu: Int
        package var addresses: [Address]
        package var routes: [Path]
        package var neighbours: [Neighbour]

        package init(
            name: String,
            isUp: Bool = true,
            mtu: Int = 1500,
            addresses: [Address] = [],
            routes: [Path] = [],
            neighbours: [Neighbour] = []
        ) {
            self.name = name
            self.isUp = isUp
            self.mtu = mtu
            self.addresses = addresses.sorted {
                ($0.prefix, $0.hasNetwork ? 1 : 0) < ($1.prefix, $1.hasNetwork ? 1 : 0)
            }
            self.routes = routes.sorted {
                ($0.destination, $0.metric, $0.rank) < ($1.destination, $1.metric, $1.rank)
            }
            self.neighbours = neighbours.sorted { $0.address < $1.address }
        }
    }

    /// An address that is in use.
    ///
    /// Link-local ones of IPv6, those of scope `host`, and those that are not proven yet are none.
    package struct Address: Hashable, Sendable {
        /// With the length of its network.
        package var prefix: IPPrefix
        /// Whether the network is on the link: not with `noprefixroute` and not of a peer.
        package var hasNetwork: Bool

        package init(_ prefix: IPPrefix, hasNetwork: Bool = true) {
            self.prefix = prefix
            self.hasNetwork = hasNetwork
        }
    }

    /// A permanent neighbour: somebody has said where it is.
    package struct Neighbour: Hashable, Sendable {
        package var address: IPAddress
        package var macAddress: MACAddress

        package init(_ address: IPAddress, at macAddress: MACAddress) {
            self.address = address
            self.macAddress = macAddress
        }
    }

    /// A unicast route of the main table that leaves by the interface.
    package struct Path: Hashable, Sendable {
        package var destination: IPPrefix
        /// nil: the destination is on the link.
        package var gateway: IPAddress?
        /// The smallest one counts.
        package var metric: UInt32
        /// Largest packet, in octets; nil: the interface's.
        package var mtu: Int?

        package init(
            _ destination: IPPrefix,
            gateway: IPAddress? = nil,
            metric: UInt32 = 0,
            mtu: Int? = nil
        ) {
            self.destination = destination
            self.gateway = gateway
            self.metric = metric
            self.mtu = mtu
        }

        fileprivate var rank: String { "\(gateway?.description ?? "") \(mtu ?? 0)" }
    }
}
