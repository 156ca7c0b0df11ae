// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
package import Model
import Timing

/// A compiled service and what it was made from; snapshots share it as long as that is the same.
final class CompiledService: Sendable {
    let source: Source
    let record: ServiceRecord

    /// All that the record depends on.
    struct Source: Equatable, Sendable {
        var slot: Int
        var mode: ForwardingMode
        var clientAddress: ClientAddressRule
        var scheduler: SchedulerKind
        var schedulerOptions: SchedulerOptions
        var backends: [BackendRecordSource]
        var localAddresses: [LocalAddressSource]
        var quic: QUICOptions?
        var options: ServiceOptions?
        var limits: ServiceLimits
    }

    struct BackendRecordSource: Equatable, Sendable {
        var address: IPAddress
        var port: UInt16
        var weight: Int
        var slot: Int
        var quicServerID: [UInt8]?
    }

    struct LocalAddressSource: Equatable, Sendable {
        var address: IPAddress
        var slot: Int
    }

    /// Nil when memory is short.
    init?(_ source: Source, steering: FamilySteering, workers: Int) {
        var quic: QUICRouting?
        if let options = source.quic {
            quic = QUICRouting(
                namesAddresses: options.namesAddresses,
                options.configurations.compactMap { Self.configuration($0, source.backends) },
                workers: workers
            )
            if quic == nil { return nil }
        }
        self.source = source
        record = ServiceRecord(
            slot: UInt32(source.slot),
            kind: ConnectionKind(source.mode),
            clientAddress: source.clientAddress,
            backends: source.backends.map {
                BackendRecord(
                    address: $0.address,
                    port: $0.port,
                    slot: UInt32($0.slot),
                    steering: steering
                )
            },
            scheduler: Scheduler(
                source.scheduler,
                source.schedulerOptions,
                source.backends.map {
                    ScheduledBackend(
                        endpoint: Endpoint($0.address, $0.port),
                        weight: $0.weight,
                        slot: UInt32($0.slot)
                    )
                }
            ),
            localAddresses: source.localAddresses.map {
                LocalAddressRecord(
                    address: $0.address,
                    slot: UInt16($0.slot),
                    steering: steering
                )
            },
            quic: quic,
            options: source.options,
            limits: source.limits
        )
    }

    deinit { record.destroy() }

    private static func configuration(
        _ configuration: QUICOptions.Configuration,
        _ backends: [BackendRecordSource]
    ) -> QUICRouter.Configuration? {
        let format = QUICRoutableFormat(
            rotation: UInt8(configuration.id),
            serverIDLength: configuration.serverIDLength,
            nonceLength: configuration.nonceLength,
            key: configuration.key?.octets
        )
        guard let format else { return nil }
        let servers = backends.enumerated()
            .compactMap { place, backend in
                backend.quicServerID.flatMap { QUICServerID($0) }.map { ($0, UInt32(place)) }
            }
        return .init(format, backends: Dictionary(servers) { first, _ in first })
    }
}

extension Provisioner {
    /// Compiles what changed; the rest is the same object as before.
    func compileServices(
        of state: DesiredState,
        _ slowStart: SlowStart,
        at now: Instant
    ) throws(ProvisioningError) -> [Service.Key: CompiledService] {
        var result: [Service.Key: CompiledService] = [:]
        result.reserveCapacity(state.services.count)
        for service in state.services {
            let source = try source(
                of: service,
                slowStart.weights(of: service, at: now),
                ClientAddressRule(service, state.settings)
            )
            if let known = compiled[service.key], known.source == source {
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

    /// Lets go of every slot that `state`, now published, does not name; each is released when the
    /// last connection that knows it has ended.
    func retireSlots(allBut state: DesiredState) {
        let locals = state.services.flatMap(\.localAddresses)
        localSlots.retire(allBut: Set(locals))
        serviceSlots.retire(allBut: Set(state.services.map(\.key)))
        backendSlots.retire(allBut: Set(state.services.flatMap(Self.backendKeys)))
        let persistent = Set(state.services.filter { $0.persistence != nil }.map(\.key))
        persistenceIdentities = persistenceIdentities.filter { persistent.contains($0.key) }
    }

    /// Which compiled object each service has, for tests of what is shared.
    package var compiledIdentities: [Service.Key: ObjectIdentifier] {
        compiled.mapValues { ObjectIdentifier($0) }
    }

    private static func backendKeys(of service: Service) -> [BackendKey] {
        service.targets.map { BackendKey(service: service.key, endpoint: $0.endpoint) }
    }

    private func source(
        of service: Service,
        _ weights: [Int],
        _ clientAddress: ClientAddressRule
    ) throws(ProvisioningError) -> CompiledService.Source {
        let targets = service.targets
        guard targets.count <= Scheduler.memberLimit else {
            throw ProvisioningError("more than \(Scheduler.memberLimit) backends of \(service.key)")
        }
        guard let slot = serviceSlots.slot(for: service.key) else {
            throw ProvisioningError("more than \(serviceSlots.capacity) services")
        }
        var backends: [CompiledService.BackendRecordSource] = []
        for (backend, weight) in zip(targets, weights) {
            let key = BackendKey(service: service.key, endpoint: backend.endpoint)
            guard let slot = backendSlots.slot(for: key) else {
                throw ProvisioningError("more than \(backendSlots.capacity) backends")
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

    private func localSlot(for address: IPAddress) throws(ProvisioningError) -> Int {
        guard let slot = localSlots.slot(for: address) else {
            throw ProvisioningError("more than \(localSlots.capacity) local addresses")
        }
        let isReused = slot < pools.count
        if isReused, families[slot] == address.family { return slot }
        let steering = engine.steering.of(isIPv6: address.family == .ipv6)
        let made = (0..<engine.workerCount)
            .compactMap {
                LocalPortPool(worker: $0, steering: steering, subPools: subPools)
            }
        guard made.count == engine.workerCount else {
            throw ProvisioningError("no memory for the ports of local address \(address)")
        }
        if isReused {
            // Its last owner was of the other family; no worker names the pools any more.
            pools[slot].forEach { $0.destroy() }
            pools[slot] = made
            families[slot] = address.family
        } else {
            pools.append(made)
            families.append(address.family)
        }
        return slot
    }

    // MARK: - Slots that nobody needs any more

    /// Gives back the slots of removed backends whose connections have all ended.
    func releaseBackends() {
        for key in backendSlots.retired {
            guard let number = backendSlots.slots[key] else { continue }
            let slot = UInt32(number)
            // One counter, because a connection that moves from inactive to active between two
            // readings is in neither; a claim lasts from before the first packet to the end.
            guard engine.total(BackendCounter.claimed, slot: slot) == 0 else { continue }
            var totals = retiredTotals[key.service] ?? Array(repeating: 0, count: 8)
            for counter in BackendCounter.allCases {
                totals[counter.rawValue] &+= engine.total(counter, slot: slot)
            }
            retiredTotals[key.service] = totals
            engine.clear(slot: slot)
            encapsulations[number] = nil
            backendSlots.release(key)
        }
        let inUse = Set(backendSlots.slots.keys.map(\.service))
        for key in serviceSlots.retired where !inUse.contains(key) {
            if let slot = serviceSlots.slots[key] { engine.clear(serviceSlot: UInt32(slot)) }
            serviceSlots.release(key)
            retiredTotals[key] = nil
        }
    }

    /// Gives back the slots of removed local addresses whose ports are all free.
    func releaseLocalAddresses() -> Bool {
        var released = false
        for address in localSlots.retired {
            guard let slot = localSlots.slots[address], pools[slot].allSatisfy({ $0.used == 0 })
            else { continue }
            localSlots.release(address)
            released = true
        }
        return released
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
