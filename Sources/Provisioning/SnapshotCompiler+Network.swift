// SPDX-License-Identifier: Apache-2.0
import Addressing
import Dataplane
import Model
import Networking
import Packet

extension SnapshotCompiler {
    /// Routes from the least to the most specific origin: a later equal prefix counts.
    mutating func compileNetwork(
        of state: DesiredState
    ) throws(ProvisioningError) -> CompiledNetwork {
        books.pinned = []
        let isIPv6Enabled = !state.settings.isOn("ipv6_defs.disable")
        let state = isIPv6Enabled ? state : state.withoutIPv6
        var network = CompiledNetwork(isIPv6Enabled: isIPv6Enabled)
        if isIPv6Enabled { try addAdvertisedRouter(to: &network) }
        for route in state.routes { try add(route, of: state, to: &network) }
        for address in state.addresses { try add(address, to: &network) }
        for neighbour in state.neighbours { try add(neighbour, to: &network) }
        for interface in books.interfaces where interface.isTunnel {
            addEverybody(on: interface, to: &network)
        }
        if isIPv6Enabled { addLinkLocalAddresses(of: state, to: &network) }
        for prefix in state.impliedAddresses {
            addImplied(prefix, of: state, to: &network)
        }
        // Removed local addresses stay ours until their last connection has ended.
        for (address, slot) in books.localSlots.slots.sorted(by: { $0.key < $1.key }) {
            addImplied(IPPrefix(host: address), of: state, to: &network)
            network.route(
                IPPrefix(host: address),
                to: RouteTarget(.localAddress, index: slot)
            )
        }
        let kernels = kernelAddresses(of: state)
        for own in network.addresses where books.localSlots.slots[own.address] == nil {
            let isKernel = kernels.contains(own.address) || isLinkLocal(own)
            network.route(
                own.isWholePrefix ? own.prefix : IPPrefix(host: own.address),
                to: RouteTarget(isKernel ? .companion : .local)
            )
        }
        return network
    }

    func interface(_ name: String) throws(ProvisioningError) -> Interface {
        guard let found = books.interfaces.first(where: { $0.name == name }) else {
            throw ProvisioningError("there is no interface '\(name)'")
        }
        return found
    }

    /// What the configuration calls an interface.
    func name(of interface: InterfaceID) -> String {
        books.interfaces.first { $0.id == interface }?.name ?? "?"
    }

    /// The port that carries an interface.
    func carrier(of interface: InterfaceID) -> Interface? {
        let port = InterfaceID(port: books.numbers.port(of: interface))
        return ports.first { $0.id == port }
    }

    /// Ports, then VLANs, then tunnels; those take no frames before `publish`.
    mutating func compileInterfaces(of state: DesiredState) throws(ProvisioningError) -> [Interface]
    {
        var result = ports
        for vlan in state.vlans {
            guard let port = ports.first(where: { $0.name == vlan.link }) else {
                throw ProvisioningError("there is no device '\(vlan.link)' for '\(vlan.name)'")
            }
            let tags = VLANTags(outer: UInt16(vlan.id), inner: UInt16(vlan.innerID ?? 0))
            guard let id = books.numbers.reserve(port: port.id.index, tags) else {
                throw ProvisioningError(
                    "more than \(InterfaceNumbers.capacity) VLANs since the start: restart to forget them"
                )
            }
            var interface = port
            (interface.name, interface.id) = (vlan.name, id)
            interface.mtu = min(vlan.mtu ?? port.mtu, port.mtu)
            interface.priority = vlan.priority
            result.append(interface)
        }
        for tunnel in state.tunnels { result.append(try interface(of: tunnel, among: result)) }
        let found = try companions?.prepare(companionRequests(of: state, result)) ?? []
        for index in ports.count..<result.count {
            result[index].hasCompanion = found.contains(result[index].id)
        }
        return result
    }

    /// By itself a VLAN has a companion where its port has one.
    private func companionRequests(
        of state: DesiredState,
        _ interfaces: [Interface]
    ) -> [CompanionRequest] {
        let vlans = zip(state.vlans, interfaces.dropFirst(ports.count))
        let tunnels = zip(state.tunnels, interfaces.dropFirst(ports.count + state.vlans.count))
        let settings = state.settings
        // What a VLAN has now is what its port has.
        return tunnels.filter { settings.wantsCompanion($0.0) }.map { request(of: $0, $1) }
            + vlans.filter { vlan, interface in
                settings.wantsCompanion(vlan)
                    && (vlan.companionType != .auto || interface.hasCompanion)
            }
            .map { request(of: $0, $1) }
    }

    private func request(
        of bearer: some CompanionBearer,
        _ interface: Interface
    ) -> CompanionRequest {
        CompanionRequest(
            interface: interface.id,
            interfaceName: bearer.name,
            port: books.numbers.port(of: interface.id),
            name: bearer.companion,
            isNameGiven: bearer.companionName != nil,
            type: bearer.companionType,
            mtu: interface.mtu,
            isTunnel: interface.isTunnel
        )
    }

    // MARK: - Own addresses

    private mutating func add(
        _ address: InterfaceAddress,
        to network: inout CompiledNetwork
    ) throws(ProvisioningError) {
        let interface = try interface(address.interface)
        let own = address.prefix.address
        // fe80::/10 is on every link, so no table can say on which one a neighbour there is.
        let isLinkLocal = own.ipv6?.isLinkLocal ?? false
        if !address.prefix.isHost, !isLinkLocal {
            let target = try link(interface, own.family, mtu: nil, &network)
            network.route(address.prefix.network, to: target)
        }
        // The kernel has done so for its own, and nobody is on the link of a tunnel.
        let isProbed =
            own.family == .ipv6 && address.owner != .kernel && !interface.isTunnel
        network.add(OwnAddress(own, prefix: address.prefix, on: interface.id, isProbed: isProbed))
    }

    /// Own addresses where the kernel decides on what is not balanced: those that it has.
    ///
    /// While that is not known, those of interfaces: a refusal would end what the kernel has under
    /// way. An address of services is ours alone then.
    private func kernelAddresses(of state: DesiredState) -> Set<IPAddress> {
        let companions = Set(books.interfaces.filter(\.hasCompanion).map(\.name))
        let held = state.addresses.filter { own in
            guard companions.contains(own.interface) else { return false }
            let isOfService = { (service: Service) in
                service.prefix?.contains(own.prefix.address) ?? false
            }
            return own.isInKernel ?? !state.services.contains(where: isOfService)
        }
        return Set(held.map(\.prefix.address))
    }

    /// Whether `own` is the link-local address of a port, which its companion makes for itself, too.
    private func isLinkLocal(_ own: OwnAddress) -> Bool {
        own.address.ipv6?.isLinkLocal == true && own.interface.map(hasCompanion) == true
    }

    /// Whether an interface has a side in the kernel.
    private func hasCompanion(_ interface: InterfaceID) -> Bool {
        books.interfaces.first { $0.id == interface }?.hasCompanion ?? false
    }

    private mutating func addLinkLocalAddresses(
        of state: DesiredState,
        to network: inout CompiledNetwork
    ) {
        books.takenAddresses.formUnion(books.news.duplicates.map(\.address))
        for interface in books.interfaces {
            let made = books.linkLocalAddresses.address(
                of: interface,
                state.settings,
                taken: books.takenAddresses
            )
            guard let address = made, let prefix = IPPrefix(.v6(address), length: 64) else {
                continue
            }
            network.add(
                OwnAddress(.v6(address), prefix: prefix, on: interface.id, isProbed: true)
            )
        }
    }

    /// An address that is ours because a service says so, or all addresses of a network.
    private func addImplied(
        _ prefix: IPPrefix,
        of state: DesiredState,
        to network: inout CompiledNetwork
    ) {
        let connected = state.addresses.first { link in
            link.prefix.contains(prefix.address) && link.prefix.length <= prefix.length
        }
        let interface = connected.flatMap { link in
            books.interfaces.first { $0.name == link.interface }
        }
        network.add(
            OwnAddress(
                prefix.address,
                prefix: prefix,
                on: interface?.id,
                isWholePrefix: !prefix.isHost
            )
        )
    }

    // MARK: - Neighbours

    /// Asking for its adjacency makes room for it; the first answer may come before `publish`.
    private func add(
        _ neighbour: Neighbour,
        to network: inout CompiledNetwork
    ) throws(ProvisioningError) {
        let interface = try interface(neighbour.interface).id
        guard neighbours.adjacency(for: neighbour.address, on: interface, isPinned: false) != nil
        else {
            throw ProvisioningError("no room for neighbour \(neighbour.key)")
        }
        network.neighbours.append(
            PermanentNeighbour(neighbour.address, on: interface, macAddress: neighbour.macAddress)
        )
    }

    // MARK: - Routes

    private mutating func add(
        _ route: Route,
        of state: DesiredState,
        to network: inout CompiledNetwork
    ) throws(ProvisioningError) {
        let family = route.destination.address.family
        let target: RouteTarget
        if route.scope == .kniHost {
            target = try companion(of: route)
        } else if let gateway = route.gateway {
            let way = try way(to: gateway, on: route.interface, state)
            if let tunnel = books.interfaces.first(where: { $0.id == way }), tunnel.isTunnel {
                target = try link(tunnel, family, mtu: route.mtu, &network)
            } else {
                target = network.gateway(
                    try neighbour(gateway, on: way),
                    mtuClass: try mtuClass(route.mtu, &network)
                )
            }
        } else if let interface = route.interface {
            target = try link(self.interface(interface), family, mtu: route.mtu, &network)
        } else {
            throw ProvisioningError("route \(route.destination) has no gateway and no interface")
        }
        network.route(route.destination, to: target)
    }

    /// What is on the link of an interface; behind a tunnel, everything is its other end's.
    private mutating func link(
        _ interface: Interface,
        _ family: AddressFamily,
        mtu: Int?,
        _ network: inout CompiledNetwork
    ) throws(ProvisioningError) -> RouteTarget {
        guard interface.isTunnel else {
            let mtuClass = try mtuClass(mtu, &network)
            return .link(interface.id, mtuClass: mtuClass)
        }
        let handle = try neighbour(IPPrefix.any(family).address, on: interface.id)
        return network.gateway(handle, mtuClass: try mtuClass(mtu, &network))
    }

    private func mtuClass(
        _ mtu: Int?,
        _ network: inout CompiledNetwork
    ) throws(ProvisioningError) -> Int {
        guard let mtuClass = network.mtuClass(mtu) else {
            throw ProvisioningError("more than \(RouteTarget.mtuClasses - 1) MTUs among the routes")
        }
        return mtuClass
    }

    /// Nowhere, when the interface has no companion.
    private func companion(of route: Route) throws(ProvisioningError) -> RouteTarget {
        guard let interface = route.interface else {
            throw ProvisioningError("route \(route.destination) to the kernel has no interface")
        }
        let named = try self.interface(interface)
        return named.hasCompanion ? .companion(named.id) : .none
    }

    /// The default router that offers itself; a configured default route comes after it and counts.
    private mutating func addAdvertisedRouter(
        to network: inout CompiledNetwork
    ) throws(ProvisioningError) {
        guard let router = books.news.routers.first else { return }
        let handle = try neighbour(router.address, on: router.interface)
        network.route(.any(.ipv6), to: network.gateway(handle))
    }

    private mutating func neighbour(
        _ gateway: IPAddress,
        on interface: InterfaceID
    ) throws(ProvisioningError) -> AdjacencyHandle {
        books.pinned.insert(NeighbourPlace(gateway, on: interface))
        guard let handle = neighbours.adjacency(for: gateway, on: interface, isPinned: true) else {
            throw ProvisioningError("no room for gateway \(gateway) among the neighbours")
        }
        return handle
    }

    /// The interface behind which a gateway is.
    private func way(
        to gateway: IPAddress,
        on interface: String?,
        _ state: DesiredState
    ) throws(ProvisioningError) -> InterfaceID {
        if let interface { return try self.interface(interface).id }
        if gateway.ipv6?.isLinkLocal == true {
            throw ProvisioningError(
                "gateway \(gateway) is on every link: give the route an interface"
            )
        }
        guard let link = state.addresses.first(where: { $0.prefix.contains(gateway) }) else {
            throw ProvisioningError("gateway \(gateway) is on no link: give the route an interface")
        }
        return try self.interface(link.interface).id
    }
}

extension DesiredState {
    /// Addresses and networks that are ours because a service has them.
    fileprivate var impliedAddresses: [IPPrefix] {
        let isImplied = settings.text("global_defs.service_addresses") == "implied"
        return services.compactMap { $0.prefix }.filter { isImplied || !$0.isHost }
    }

    /// Without what the kernel has on books.interfaces that are gone: it will hear of that soon.
    func withoutStrayKernel(_ ports: [Interface]) -> DesiredState {
        let known = Set(ports.map(\.name) + vlans.map(\.name) + tunnels.map(\.name))
        var state = self
        state.addresses.removeAll { $0.owner == .kernel && !known.contains($0.interface) }
        state.neighbours.removeAll { $0.owner == .kernel && !known.contains($0.interface) }
        state.routes.removeAll { route in
            route.owner == .kernel && route.interface.map { !known.contains($0) } == true
        }
        return state
    }

    /// What is left with `ipv6_defs/disable`.
    fileprivate var withoutIPv6: DesiredState {
        var state = self
        state.addresses.removeAll { $0.prefix.address.family == .ipv6 }
        state.routes.removeAll { $0.destination.address.family == .ipv6 }
        state.neighbours.removeAll { $0.address.family == .ipv6 }
        state.services.removeAll { $0.key.family == .ipv6 }
        return state
    }
}
