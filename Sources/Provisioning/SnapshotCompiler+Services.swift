// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Timing

extension SnapshotCompiler {
    /// Compiles what changed; the rest is the same object as before.
    ///
    /// Afterwards `books.services` has the services of `state`, and slots that it does not name are
    /// let go: each is released when the last connection that knows it has ended.
    ///
    /// - Returns: whether the same services stand in the same order as before.
    mutating func compileServices(
        of state: DesiredState,
        at now: Instant
    ) throws(ProvisioningError) -> Bool {
        let form = ClientAddressForm(state.settings)
        let isSameForm = form == books.clientAddressForm
        books.clientAddressForm = form
        let before = books.services
        var services: [KnownService] = []
        services.reserveCapacity(state.services.count)
        var hasSameKeys = before.count == state.services.count
        var hasSameLocals = true
        for (index, service) in state.services.enumerated() {
            var known = index < before.count ? before[index] : nil
            if isSameForm, let known, isCurrent(known, service) {
                services.append(known)
                continue
            }
            if known?.service.key != service.key {
                hasSameKeys = false
                known = books.service(service.key)
            }
            if isSameForm, let known, isCurrent(known, service) {
                services.append(known)
                continue
            }
            let rule = ClientAddressRule(service, form)
            let weights = books.slowStart.weights(of: service, at: now)
            let source = try source(of: service, weights, rule)
            touched.append(service)
            dropped.formUnion(known?.service.backendKeys ?? [])
            if known?.service.localAddresses != service.localAddresses { hasSameLocals = false }
            let compiled: CompiledService
            if let known, known.compiled.source == source {
                compiled = known.compiled
            } else {
                compiled = try compile(source, of: service)
            }
            services.append(KnownService(service, compiled))
        }
        books.services = services
        books.traits = services.reduce(into: []) { $0.formUnion($1.traits) }
        if !hasSameKeys {
            let places = services.enumerated().map { ($0.element.service.key, $0.offset) }
            books.servicePlaces = Dictionary(places) { first, _ in first }
        }
        letGo(hasSameKeys ? [] : before.filter { books.servicePlaces[$0.service.key] == nil })
        if !hasSameLocals || !removed.isEmpty {
            books.localSlots.retire(allBut: Set(state.services.flatMap(\.localAddresses)))
        }
        return hasSameKeys
    }

    private func compile(
        _ source: CompiledService.Source,
        of service: Service
    ) throws(ProvisioningError) -> CompiledService {
        let made = CompiledService(
            source,
            steering: engine.steering,
            workers: engine.workerCount
        )
        guard let made else {
            throw ProvisioningError("no memory for the QUIC routes of \(service.key)")
        }
        return made
    }

    /// Whether nothing that a service is compiled from has changed.
    private func isCurrent(
        _ known: KnownService,
        _ service: Service
    ) -> Bool {
        known.service == service && !known.isRamping
            && (books.slowStart.isEmpty || !books.slowStart.isRamping(service.key))
    }

    /// Lets go what belongs to services and backends that the state does not have any more.
    private mutating func letGo(_ services: [KnownService]) {
        removed = services.map(\.service)
        for service in removed {
            books.serviceSlots.retire(service.key)
            books.persistenceIdentities[service.key] = nil
            books.gone[service.key] = service.withoutBackends
            dropped.formUnion(service.backendKeys)
        }
        for service in touched {
            dropped.subtract(service.backendKeys)
            books.gone[service.key] = nil
            if service.persistence == nil { books.persistenceIdentities[service.key] = nil }
        }
        for key in dropped { books.backendSlots.retire(key) }
    }

    private mutating func source(
        of service: Service,
        _ weights: [Int],
        _ clientAddress: ClientAddressRule
    ) throws(ProvisioningError) -> CompiledService.Source {
        let targets = service.targets
        guard targets.count <= Scheduler.memberLimit else {
            throw ProvisioningError("more than \(Scheduler.memberLimit) backends of \(service.key)")
        }
        guard let slot = books.serviceSlots.slot(for: service.key) else {
            throw ProvisioningError("more than \(books.serviceSlots.capacity) services")
        }
        var backends: [CompiledService.BackendRecordSource] = []
        for (backend, weight) in zip(targets, weights) {
            let key = BackendKey(service: service.key, endpoint: backend.endpoint)
            guard let slot = books.backendSlots.slot(for: key) else {
                throw ProvisioningError("more than \(books.backendSlots.capacity) backends")
            }
            backends.append(
                .init(
                    address: backend.endpoint.address,
                    port: backend.endpoint.port,
                    weight: weight,
                    slot: slot,
                    quicServerID: backend.quicServerID
                )
            )
        }
        var locals: [CompiledService.LocalAddressSource] = []
        for address in service.localAddresses {
            locals.append(.init(address: address, slot: try localSlot(for: address)))
        }
        return .init(
            slot: slot,
            mode: service.mode,
            clientAddress: clientAddress,
            scheduler: service.scheduler,
            schedulerOptions: service.schedulerOptions,
            backends: backends,
            localAddresses: locals,
            quic: service.quic,
            options: try options(of: service),
            limits: ServiceLimits(service.protection)
        )
    }

    private mutating func localSlot(for address: IPAddress) throws(ProvisioningError) -> Int {
        guard let slot = books.localSlots.slot(for: address) else {
            throw ProvisioningError("more than \(books.localSlots.capacity) local addresses")
        }
        let isReused = slot < books.pools.count
        if isReused, books.pools[slot].family == address.family { return slot }
        let made = LocalPorts(
            address.family,
            steering: engine.steering.of(isIPv6: address.family == .ipv6),
            workers: engine.workerCount,
            subPools: subPools
        )
        guard let made else {
            throw ProvisioningError("no memory for the ports of local address \(address)")
        }
        // A slot's last owner may have been of the other family; snapshots that name its ports keep
        // them.
        if isReused { books.pools[slot] = made } else { books.pools.append(made) }
        return slot
    }
}

extension ConnectionKind {
    init(_ mode: ForwardingMode) {
        switch mode {
        case .fnat: self = .fnat
        case .nat: self = .nat
        case .snat: self = .snat
        case .dr: self = .direct
        case .tunnel: self = .tunnel
        }
    }
}

extension ClientAddressRule {
    /// What `service` asks for; only FNAT hides the client.
    init(_ service: Service, _ form: ClientAddressForm) {
        let mode: BackendAddressMode
        switch service.effectiveClientAddress {
        case _ where service.mode != .fnat: mode = .none
        case .none: mode = .none
        case .toa: mode = .tcpOption
        case .uoa where form.usesOption: mode = .udpOption
        case .uoa: mode = .udpHeader
        case .uoaOption: mode = .udpOption
        case .proxyV1: mode = .proxyV1
        case .proxyV2: mode = .proxyV2
        case .proxyV1Insecure: mode = .proxyV1Insecure
        case .proxyV2Insecure: mode = .proxyV2Insecure
        }
        self.init(mode, repeats: form.repeats)
    }
}

/// How clients' addresses are told over UDP: `ipvs_defs/udp`.
struct ClientAddressForm: Equatable {
    /// Whether `uoa` is an option of IPv4.
    var usesOption: Bool
    /// How many packets carry it.
    var repeats: UInt8

    init(_ settings: Settings) {
        usesOption = settings.text("ipvs_defs.udp.uoa_mode") == "ipo"
        repeats = UInt8(clamping: settings.integer("ipvs_defs.udp.uoa_max_trail"))
    }
}
