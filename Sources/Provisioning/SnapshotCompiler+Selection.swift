// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Networking
import Timing

/// Which packets belong to which service.
extension SnapshotCompiler {
    /// A service with the identifiers of the interfaces that it names.
    func entry(of known: KnownService) throws(ProvisioningError) -> Layout.ServiceEntry {
        var entry = Layout.ServiceEntry(known: known)
        if known.service.prefix == nil, case .match(let match) = known.service.key.selector {
            entry.input = try identifier(of: match.inputInterface)
            entry.output = try identifier(of: match.outputInterface)
        }
        return entry
    }

    private func identifier(of interface: String?) throws(ProvisioningError) -> InterfaceID? {
        guard let interface else { return nil }
        return try self.interface(interface).id
    }

    /// Where each backend of a persistent service stands, by slot.
    mutating func places(of state: DesiredState) -> [BackendPlace?] {
        let persistent = state.services.filter { $0.persistence != nil }
        guard !persistent.isEmpty else { return [] }
        var places: [BackendPlace?] = Array(repeating: nil, count: books.backendSlots.bound)
        for service in persistent {
            let rule = persistenceRule(of: service)
            for (index, target) in service.targets.enumerated() {
                let key = BackendKey(service: service.key, endpoint: target.endpoint)
                guard let slot = books.backendSlots.slots[key] else { continue }
                places[slot] = BackendPlace(index: UInt16(index), persistence: rule)
            }
        }
        return places
    }

    /// nil: the service asks for nothing out of the common.
    mutating func options(of service: Service) -> ServiceOptions? {
        guard service.persistence != nil || service.isOnePacket || service.mode == .snat else {
            return nil
        }
        let workers = engine.workerCount
        let share = (service.effectivePortsPerSource + workers - 1) / workers
        return ServiceOptions(
            persistence: persistenceRule(of: service),
            isOnePacket: service.isOnePacket,
            portsPerSource: service.mode == .snat ? UInt32(clamping: share) : .max
        )
    }

    private mutating func persistenceRule(of service: Service) -> PersistenceRule? {
        guard let persistence = service.persistence else { return nil }
        return PersistenceRule(
            identity: books.persistenceIdentity(of: service.key),
            timeout: ticks(covering: persistence.timeout),
            ipv4Length: persistence.mask,
            ipv6Length: persistence.maskV6,
            usesDestination: service.key.prefix != nil
        )
    }
}

extension ServiceTable {
    /// Services with a firewall mark are in no table: no packet has one.
    init(_ entries: [Layout.ServiceEntry]) {
        var rules: [ServiceRanges.Rule] = []
        var matches: [ServiceMatches.Rule] = []
        for entry in entries {
            let key = entry.key
            let number = FlowProtocol(
                key.protocol.ipProtocol(for: key.address),
                isIPv6: key.family == .ipv6
            )
            guard let number else { continue }
            switch key.selector {
            case .destination(let prefix, let ports):
                rules.append(
                    ServiceRanges.Rule(
                        prefix: prefix.network,
                        ports: ports.first...ports.last,
                        protocol: number,
                        record: entry.compiled.record
                    )
                )
            case .match(let match):
                matches.append(
                    ServiceMatches.Rule(
                        sources: match.source.first...match.source.last,
                        destinations: match.destination.first...match.destination.last,
                        sourcePorts: match.sourcePorts.first...match.sourcePorts.last,
                        ports: match.ports.first...match.ports.last,
                        protocol: number,
                        input: entry.input,
                        output: entry.output,
                        record: entry.compiled.record
                    )
                )
            case .mark: break
            }
        }
        self.init(rules, matches: matches)
    }
}
