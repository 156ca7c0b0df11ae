// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Timing

extension SnapshotCompiler {
    /// Compiles what changed; the rest is the same object as before.
    mutating func compileServices(
        of state: DesiredState,
        at now: Instant
    ) throws(ProvisioningError) -> [Service.Key: CompiledService] {
        var result: [Service.Key: CompiledService] = [:]
        result.reserveCapacity(state.services.count)
        for service in state.services {
            let source = try source(
                of: service,
                books.slowStart.weights(of: service, at: now),
                ClientAddressRule(service, state.settings)
            )
            if let known = books.compiled[service.key], known.source == source {
                result[service.key] = known
            } else {
                let made = CompiledService(
                    source,
                    steering: engine.steering,
                    workers: engine.workerCount
                )
                guard let made else {
                    throw ProvisioningError("no memory for the QUIC routes of \(service.key)")
                }
                result[service.key] = made
            }
        }
        return result
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
    ///
    /// `uoa` follows `ipvs_defs/udp`: which form, and how many packets carry it.
    init(_ service: Service, _ settings: Settings) {
        let mode: BackendAddressMode
        switch service.effectiveClientAddress {
        case _ where service.mode != .fnat: mode = .none
        case .none: mode = .none
        case .toa: mode = .tcpOption
        case .uoa where settings.text("ipvs_defs.udp.uoa_mode") == "ipo": mode = .udpOption
        case .uoa: mode = .udpHeader
        case .uoaOption: mode = .udpOption
        case .proxyV1: mode = .proxyV1
        case .proxyV2: mode = .proxyV2
        case .proxyV1Insecure: mode = .proxyV1Insecure
        case .proxyV2Insecure: mode = .proxyV2Insecure
        }
        let repeats = settings.integer("ipvs_defs.udp.uoa_max_trail")
        self.init(mode, repeats: UInt8(clamping: repeats))
    }
}
