// SPDX-License-Identifier: Apache-2.0
import Addressing
import CNetlink
import Glibc

/// Asks the kernel for everything there is, by the object caches of libnl.
///
/// Owns a socket in the network namespace in which it was made; one thread at a time.
@safe
struct NetlinkReader: ~Copyable {
    private let socket: OpaquePointer

    init() throws(NetlinkError) {
        unsafe socket = try openNetlinkSocket()
    }

    deinit { unsafe nl_socket_free(socket) }

    /// What the interfaces of these names have, and the numbers that they have now.
    func read(_ names: Set<String>) throws(NetlinkError) -> (view: KernelView, indices: Set<Int32>)
    {
        var links: [Int32: KernelView.Link] = [:]
        try unsafe forEach("links", { unsafe rtnl_link_alloc_cache(socket, AF_UNSPEC, &$0) }) {
            guard let (index, link) = unsafe Self.link($0, names) else { return }
            links[index] = link
        }
        let indices = Set(links.keys)
        guard !indices.isEmpty else { return (KernelView(), []) }
        try unsafe forEach("addresses", { unsafe rtnl_addr_alloc_cache(socket, &$0) }) {
            let index = unsafe rtnl_addr_get_ifindex($0)
            guard indices.contains(index), let address = unsafe Self.address($0) else { return }
            links[index]?.addresses.append(address)
        }
        try unsafe forEach("routes", { unsafe rtnl_route_alloc_cache(socket, AF_UNSPEC, 0, &$0) }) {
            guard let (index, path) = unsafe Self.path($0, indices) else { return }
            links[index]?.routes.append(path)
        }
        try unsafe forEach("neighbours", { unsafe rtnl_neigh_alloc_cache(socket, &$0) }) {
            let index = unsafe rtnl_neigh_get_ifindex($0)
            guard indices.contains(index), let found = unsafe Self.neighbour($0) else { return }
            links[index]?.neighbours.append(found)
        }
        // Made anew, which brings what was found into order.
        let ordered = links.values.map {
            KernelView.Link(
                name: $0.name,
                isUp: $0.isUp,
                mtu: $0.mtu,
                addresses: $0.addresses,
                routes: $0.routes,
                neighbours: $0.neighbours
            )
        }
        return (KernelView(links: ordered), indices)
    }

    private func forEach(
        _ what: String,
        _ fill: (inout OpaquePointer?) -> Int32,
        _ body: (OpaquePointer) -> Void
    ) throws(NetlinkError) {
        var cache: OpaquePointer?
        let result = unsafe fill(&cache)
        guard result >= 0, let cache = unsafe cache else {
            throw NetlinkError("reading \(what)", result)
        }
        defer { unsafe nl_cache_free(cache) }
        var next = unsafe nl_cache_get_first(cache)
        while let object = unsafe next {
            unsafe body(object)
            unsafe next = nl_cache_get_next(object)
        }
    }

    // MARK: - From libnl's objects

    private static func link(
        _ object: OpaquePointer,
        _ names: Set<String>
    ) -> (Int32, KernelView.Link)? {
        guard let text = unsafe rtnl_link_get_name(object) else { return nil }
        let name = unsafe String(cString: text)
        guard names.contains(name) else { return nil }
        let isUp = unsafe rtnl_link_get_flags(object) & UInt32(IFF_UP.rawValue) != 0
        let link = KernelView.Link(
            name: name,
            isUp: isUp,
            mtu: Int(unsafe rtnl_link_get_mtu(object))
        )
        return (unsafe rtnl_link_get_ifindex(object), link)
    }

    private static func address(_ object: OpaquePointer) -> KernelView.Address? {
        let flags = unsafe rtnl_addr_get_flags(object)
        func has(_ flag: Int32) -> Bool { flags & UInt32(flag) != 0 }
        // An optimistic address may be used before it is proven (RFC 4429 section 3.3).
        let isUnproven = has(IFA_F_TENTATIVE) && !has(IFA_F_OPTIMISTIC)
        guard !isUnproven, !has(IFA_F_DADFAILED),
            unsafe rtnl_addr_get_scope(object) < Int32(RT_SCOPE_HOST.rawValue),
            let address = unsafe IPAddress(rtnl_addr_get_local(object)),
            address.ipv6?.isLinkLocal != true,
            let prefix = IPPrefix(
                address,
                length: Int(unsafe rtnl_addr_get_prefixlen(object))
            )
        else { return nil }
        // libnl tells of a peer only when it is not the address itself.
        let hasPeer = unsafe rtnl_addr_get_peer(object) != nil
        let hasNetwork = !hasPeer && !has(IFA_F_NOPREFIXROUTE)
        return KernelView.Address(prefix, hasNetwork: hasNetwork)
    }

    /// nil: not a permanent one of a host.
    private static func neighbour(_ object: OpaquePointer) -> KernelView.Neighbour? {
        guard unsafe rtnl_neigh_get_state(object) & Int32(NUD_PERMANENT) != 0,
            unsafe rtnl_neigh_get_flags(object) & UInt32(NTF_PROXY) == 0,
            let address = unsafe IPAddress(rtnl_neigh_get_dst(object)),
            let macAddress = unsafe MACAddress(rtnl_neigh_get_lladdr(object)),
            !macAddress.isMulticast, macAddress != .zero
        else { return nil }
        return KernelView.Neighbour(address, at: macAddress)
    }

    private static func path(
        _ object: OpaquePointer,
        _ indices: Set<Int32>
    ) -> (Int32, KernelView.Path)? {
        guard unsafe rtnl_route_get_table(object) == UInt32(RT_TABLE_MAIN.rawValue),
            unsafe rtnl_route_get_type(object) == UInt8(RTN_UNICAST),
            unsafe rtnl_route_get_flags(object) & UInt32(RTM_F_CLONED) == 0,
            unsafe rtnl_route_get_tos(object) == 0,
            let destination = unsafe destination(of: object),
            let hop = unsafe nextHop(of: object, indices)
        else { return nil }
        var mtu: UInt32 = 0
        let hasMTU = unsafe rtnl_route_get_metric(object, Int32(RTAX_MTU), &mtu) >= 0 && mtu > 0
        let path = KernelView.Path(
            destination,
            gateway: hop.gateway,
            metric: unsafe rtnl_route_get_priority(object),
            mtu: hasMTU ? Int(mtu) : nil
        )
        return (hop.index, path)
    }

    /// nil: of another family, or a link-local one.
    private static func destination(of route: OpaquePointer) -> IPPrefix? {
        let family = unsafe Int32(rtnl_route_get_family(route))
        guard family == AF_INET || family == AF_INET6 else { return nil }
        guard let target = unsafe rtnl_route_get_dst(route),
            let address = unsafe IPAddress(target)
        else { return .any(family == AF_INET ? .ipv4 : .ipv6) }
        guard address.ipv6?.isLinkLocal != true, address.ipv6?.isMulticast != true else {
            return nil
        }
        return IPPrefix(address, length: Int(unsafe nl_addr_get_prefixlen(target)))?.network
    }

    /// Of several the heaviest, and the first of those: a route of the dataplane has one gateway.
    private static func nextHop(
        of route: OpaquePointer,
        _ indices: Set<Int32>
    ) -> (index: Int32, gateway: IPAddress?)? {
        var best: (index: Int32, gateway: IPAddress?)?
        var bestWeight = -1
        for number in 0..<max(0, unsafe rtnl_route_get_nnexthops(route)) {
            guard let hop = unsafe rtnl_route_nexthop_n(route, number) else { continue }
            let index = unsafe rtnl_route_nh_get_ifindex(hop)
            let weight = Int(unsafe rtnl_route_nh_get_weight(hop))
            // A gateway of the other family (RFC 8950) is none that the dataplane knows.
            guard indices.contains(index), weight > bestWeight,
                unsafe rtnl_route_nh_get_flags(hop) & UInt32(RTNH_F_DEAD) == 0,
                unsafe rtnl_route_nh_get_via(hop) == nil
            else { continue }
            best = (index, unsafe IPAddress(rtnl_route_nh_get_gateway(hop)))
            bestWeight = weight
        }
        return best
    }
}

extension MACAddress {
    /// Reads a link-layer address of libnl; nil when it is absent or not of Ethernet.
    fileprivate init?(_ address: OpaquePointer?) {
        guard let address = unsafe address, unsafe nl_addr_get_len(address) == 6,
            let bytes = unsafe nl_addr_get_binary_addr(address)
        else { return nil }
        let octets = unsafe UnsafeRawBufferPointer(start: bytes, count: 6)
        self.init(rawValue: unsafe octets.reduce(0) { $0 << 8 | UInt64($1) })
    }
}

extension IPAddress {
    /// Reads an address of libnl; nil when it is absent, empty, or of another family.
    init?(_ address: OpaquePointer?) {
        guard let address = unsafe address, let bytes = unsafe nl_addr_get_binary_addr(address)
        else { return nil }
        let raw = UnsafeRawPointer(bytes)
        switch unsafe (nl_addr_get_family(address), nl_addr_get_len(address)) {
        case (AF_INET, 4):
            let value = unsafe raw.loadUnaligned(as: UInt32.self)
            self = .v4(IPv4Address(rawValue: UInt32(bigEndian: value)))
        case (AF_INET6, 16):
            let high = unsafe raw.loadUnaligned(as: UInt64.self)
            let low = unsafe raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            self = .v6(IPv6Address(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low)))
        default: return nil
        }
    }
}

/// A connected rtnetlink socket of libnl, in the network namespace of the calling thread.
@unsafe
func openNetlinkSocket() throws(NetlinkError) -> OpaquePointer {
    guard let socket = unsafe nl_socket_alloc() else {
        throw NetlinkError("nl_socket_alloc", -NLE_NOMEM)
    }
    let result = unsafe nl_connect(socket, NETLINK_ROUTE)
    guard result >= 0 else {
        unsafe nl_socket_free(socket)
        throw NetlinkError("nl_connect", result)
    }
    return unsafe socket
}

extension NetlinkError {
    /// From a negative result, in libnl's own numbers.
    init(_ call: String, _ result: Int32) {
        self.init(call: call, reason: unsafe String(cString: nl_geterror(result)))
    }
}
