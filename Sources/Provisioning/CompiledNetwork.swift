// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Networking

/// Routes, gateways and own addresses of one state, in the words of the packet path.
struct CompiledNetwork: Equatable {
    /// What connections remember depends on these alone.
    struct Paths: Equatable {
        var routes: [RouteTable<UInt32>.Entry] = []
        var routes6: [RouteTable<UInt128>.Entry] = []
        var gateways: [AdjacencyHandle] = []
        /// Those that routes have of their own, each once.
        var mtus: [UInt16] = []
    }

    var paths = Paths()
    private(set) var addresses: [OwnAddress] = []
    var neighbours: [PermanentNeighbour] = []
    private var known: Set<OwnAddressKey> = []
    let isIPv6Enabled: Bool

    private struct OwnAddressKey: Hashable {
        var address: IPAddress
        /// The same link-local address may be ours on two links.
        var interface: InterfaceID?
        /// Of a network that is ours as a whole.
        var length: Int?
    }

    init(isIPv6Enabled: Bool) {
        self.isIPv6Enabled = isIPv6Enabled
    }

    /// An own address; what was said first about it counts.
    mutating func add(_ own: OwnAddress) {
        let isLinkLocal = own.address.ipv6?.isLinkLocal ?? false
        let key = OwnAddressKey(
            address: own.address,
            interface: isLinkLocal ? own.interface : nil,
            length: own.isWholePrefix ? own.prefix.length : nil
        )
        if known.insert(key).inserted { addresses.append(own) }
    }

    /// A route; of two for the same prefix the later one counts.
    mutating func route(_ prefix: IPPrefix, to target: RouteTarget) {
        switch prefix.network.address {
        case .v4(let network):
            paths.routes.append(
                .init(network: network.rawValue, length: prefix.length, target: target)
            )
        case .v6(let network):
            paths.routes6.append(
                .init(network: network.rawValue, length: prefix.length, target: target)
            )
        }
    }

    /// A target by way of a gateway.
    mutating func gateway(_ handle: AdjacencyHandle, mtuClass: Int = 0) -> RouteTarget {
        paths.gateways.append(handle)
        return RouteTarget(.gateway, index: paths.gateways.count - 1, mtuClass: mtuClass)
    }

    /// The class of a route's own MTU; nil when there are too many different ones.
    mutating func mtuClass(_ mtu: Int?) -> Int? {
        guard let mtu = mtu.map({ UInt16(clamping: $0) }) else { return 0 }
        if let known = paths.mtus.firstIndex(of: mtu) { return known + 1 }
        guard paths.mtus.count + 1 < RouteTarget.mtuClasses else { return nil }
        paths.mtus.append(mtu)
        return paths.mtus.count
    }

    /// The given neighbours, and those of `others` that are not given here.
    func neighbours(beside others: [PermanentNeighbour]) -> [PermanentNeighbour] {
        let named = Set(neighbours.map { NeighbourPlace($0.address, on: $0.interface) })
        return neighbours
            + others.filter { !named.contains(NeighbourPlace($0.address, on: $0.interface)) }
    }

    func table(generation: UInt16, adjacencies: AdjacencyTable) -> ForwardingTable {
        ForwardingTable(
            routes: RouteTable(paths.routes),
            routes6: RouteTable(paths.routes6),
            gateways: paths.gateways,
            mtus: paths.mtus,
            isIPv6Enabled: isIPv6Enabled,
            generation: generation,
            adjacencies: adjacencies
        )
    }
}
