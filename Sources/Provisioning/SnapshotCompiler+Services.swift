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
    mutating func compileServices(
        of state: DesiredState,
        at now: Instant
    ) throws(ProvisioningError) {
        let form = ClientAddressForm(state.settings)
        let isSameForm = form == books.clientAddressForm
        books.clientAddressForm = form
        let before = books.order
        books.order = []
        books.order.reserveCapacity(state.services.count)
        for (index, service) in state.services.enumerated() {
            if isSameForm, index < before.count, isCurrent(before[index], service) {
                books.order.append(before[index])
                continue
            }
            let known = books.services[service.key]
            if isSameForm, let known, isCurrent(known, service) {
                books.order.append(known)
                continue
            }
            let rule = ClientAddressRule(service, form)
            let weights = books.slowStart.weights(of: service, at: now)
            let source = try source(of: service, weights, rule)
            touched.append(service)
            dropped.formUnion(known?.service.backendKeys ?? [])
            let compiled: CompiledService
            if let known, known.compiled.source == source {
                compiled = known.compiled
            } else {
                compiled = try compile(source, of: service)
            }
            let new = KnownService(service, compiled)
            books.services[service.key] = new
            books.order.append(new)
        }
        letGo(allBut: state)
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

    private mutating func letGo(allBut state: DesiredState) {
        let hasRemoved = books.services.count != state.services.count
        if hasRemoved {
            let wanted = Set(state.services.map(\.key))
            for (key, known) in books.services where !wanted.contains(key) {
                books.services[key] = nil
                books.serviceSlots.retire(key)
                books.persistenceIdentities[key] = nil
                books.gone[key] = known.service.withoutBackends
                dropped.formUnion(known.service.backendKeys)
            }
        }
        for service in touched {
            dropped.subtract(service.backendKeys)
            books.gone[service.key] = nil
            if service.persistence == nil { books.persistenceIdentities[service.key] = nil }
        }
        for key in dropped { books.backendSlots.retire(key) }
        // Local addresses are those of the state before.
        if touched.isEmpty, !hasRemoved { return }
        books.localSlots.retire(allBut: Set(state.services.flatMap(\.localAddresses)))
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
            options: options(of: service),
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
