// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The network half of a snapshot: where packets go, and through which gateways.
///
/// A handle to immutable memory that the snapshot's maker destroys.
@safe
public struct ForwardingTable: BitwiseCopyable, @unchecked Sendable {
    public let routes: RouteTable<UInt32>
    private let gateways: UnsafeMutablePointer<AdjacencyHandle>
    private let gatewayCount: Int
    /// Changes whenever `routes` or `gateways` do; connections compare it to know that the next
    /// hops they carry still hold.
    public let generation: UInt16
    public let adjacencies: AdjacencyTable

    /// `gateways[i]` is what a `.gateway` target with index `i` means.
    public init(
        routes: RouteTable<UInt32>,
        gateways: [AdjacencyHandle],
        generation: UInt16,
        adjacencies: AdjacencyTable
    ) {
        self.routes = routes
        gatewayCount = gateways.count
        unsafe self.gateways = .allocate(capacity: max(1, gateways.count))
        for (index, gateway) in gateways.enumerated() {
            unsafe (self.gateways + index).initialize(to: gateway)
        }
        self.generation = generation
        self.adjacencies = adjacencies
    }

    public func destroy() {
        routes.destroy()
        unsafe gateways.deallocate()
    }

    /// What the routes say about `address`.
    public func target(for address: IPAddress) -> RouteTarget {
        switch address {
        case .v4(let address): routes.target(for: address.rawValue)
        case .v6: .none
        }
    }

    public func nextHop(for address: IPAddress) -> NextHop {
        switch address {
        case .v4(let address): nextHop(for: address)
        case .v6: .unreachable
        }
    }

    /// Whether `address` is one of our own.
    public func isLocal(_ address: IPv4Address) -> Bool {
        switch routes.target(for: address.rawValue).kind {
        case .local, .localAddress: true
        case .none, .link, .gateway: false
        }
    }

    /// The neighbour to give packets for `address` to; `.none` when it is not known (yet).
    public func nextHop(for address: IPv4Address) -> NextHop {
        let target = routes.target(for: address.rawValue)
        switch target.kind {
        case .link:
            let found = adjacencies.find(.v4(address), port: target.index)
            return found == .none ? .unresolved : .adjacency(found)
        case .gateway:
            guard target.index < gatewayCount else { return .unreachable }
            return .adjacency(unsafe gateways[target.index])
        case .none, .local, .localAddress: return .unreachable
        }
    }
}

/// What a route says about the next step of a packet.
public enum NextHop: Equatable, Sendable {
    case adjacency(AdjacencyHandle)
    /// On a link, but nobody asked for that neighbour yet: the slow path does.
    case unresolved
    /// No route, or ourselves.
    case unreachable
}
