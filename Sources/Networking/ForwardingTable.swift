// SPDX-License-Identifier: Apache-2.0
public import Addressing

/// The network half of a snapshot: where packets go, and through which gateways.
///
/// A handle to immutable memory that the snapshot's maker destroys.
@safe
public struct ForwardingTable: BitwiseCopyable, @unchecked Sendable {
    public let routes: RouteTable<UInt32>
    public let routes6: RouteTable<UInt128>
    private let gateways: UnsafeMutablePointer<AdjacencyHandle>
    private let gatewayCount: Int
    /// By class of `RouteTarget`; 0 is no limit beyond the interface's.
    private let mtus: UnsafeMutablePointer<UInt16>
    private let mtuCount: Int
    /// What every route takes; `.max` when none has a limit of its own.
    ///
    /// A packet that is not longer, and not longer than the MTU of any interface, needs no closer look.
    public let smallestMTU: UInt16
    /// Changes whenever anything else here does; connections compare it to know that the next hops
    /// they carry still hold.
    public let generation: UInt16
    /// False: IPv6 packets are dropped before anybody looks at them (`ipv6_defs/disable`).
    public let isIPv6Enabled: Bool
    public let adjacencies: AdjacencyTable

    /// `gateways[i]`, of either family, is what a `.gateway` target with index `i` means; `mtus[i]`
    /// is the limit of class `i + 1`.
    public init(
        routes: RouteTable<UInt32>,
        routes6: RouteTable<UInt128>,
        gateways: [AdjacencyHandle],
        mtus: [UInt16] = [],
        isIPv6Enabled: Bool = true,
        generation: UInt16,
        adjacencies: AdjacencyTable
    ) {
        precondition(mtus.count < RouteTarget.mtuClasses)
        self.routes = routes
        self.routes6 = routes6
        gatewayCount = gateways.count
        unsafe self.gateways = Self.copy(gateways)
        mtuCount = mtus.count + 1
        unsafe self.mtus = Self.copy([0] + mtus)
        smallestMTU = mtus.min() ?? .max
        self.generation = generation
        self.isIPv6Enabled = isIPv6Enabled
        self.adjacencies = adjacencies
    }

    private static func copy<Value: BitwiseCopyable>(
        _ values: [Value]
    ) -> UnsafeMutablePointer<Value> {
        let copy = UnsafeMutablePointer<Value>.allocate(capacity: max(1, values.count))
        for (index, value) in values.enumerated() { unsafe (copy + index).initialize(to: value) }
        return unsafe copy
    }

    public func destroy() {
        routes.destroy()
        routes6.destroy()
        unsafe gateways.deallocate()
        unsafe mtus.deallocate()
    }

    /// Where packets for `address` go.
    public func target(for address: IPAddress) -> RouteTarget {
        switch address {
        case .v4(let address): routes.target(for: address.rawValue)
        case .v6(let address): routes6.target(for: address.rawValue)
        }
    }

    /// Whether packets for `address` end here, with us or with the kernel.
    public func isLocal(_ address: IPAddress) -> Bool {
        switch target(for: address).kind {
        case .local, .localAddress, .companion: true
        case .none, .link, .gateway: false
        }
    }

    /// The neighbour to give packets for `address` to; `.unresolved` when it is not known (yet).
    public func nextHop(for address: IPAddress) -> NextHop {
        let target = target(for: address)
        switch target.kind {
        case .link:
            let found = adjacencies.find(address, on: target.interface)
            return found == .none ? .unresolved : .adjacency(found)
        case .gateway:
            guard target.index < gatewayCount else { return .unreachable }
            return .adjacency(unsafe gateways[target.index])
        case .none, .local, .localAddress, .companion: return .unreachable
        }
    }

    public func nextHop(for address: IPv4Address) -> NextHop { nextHop(for: .v4(address)) }

    /// The interface by which packets for `address` leave; nil when they do not.
    public func interface(toward address: IPAddress) -> InterfaceID? {
        let target = target(for: address)
        switch target.kind {
        case .link: return target.interface
        case .gateway:
            guard target.index < gatewayCount else { return nil }
            return adjacencies.interface(of: unsafe gateways[target.index])
        case .none, .local, .localAddress, .companion: return nil
        }
    }

    /// The longest packet that goes to `address` by an interface that takes `linkMTU`.
    public func mtu(toward address: IPAddress, linkMTU: UInt16) -> UInt16 {
        let mtuClass = target(for: address).mtuClass
        guard mtuClass > 0, mtuClass < mtuCount else { return linkMTU }
        return min(linkMTU, unsafe mtus[mtuClass])
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
