// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Dataplane
import Model
import Timing

/// Which packets belong to which service.
extension Provisioner {
    /// Services with a firewall mark are in no table: no packet has one.
    func serviceTable(
        of state: DesiredState,
        _ services: [Service.Key: CompiledService]
    ) throws(ProvisioningError) -> ServiceTable {
        var rules: [ServiceRanges.Rule] = []
        var matches: [ServiceMatches.Rule] = []
        for service in state.services {
            let key = service.key
            guard
                let record = services[key]?.record,
                let number = FlowProtocol(
                    key.protocol.ipProtocol(for: key.address),
                    isIPv6: key.family == .ipv6
                )
            else { continue }
            switch key.selector {
            case .destination(let prefix, let ports):
                rules.append(
                    ServiceRanges.Rule(
                        prefix: prefix.network,
                        ports: ports.first...ports.last,
                        protocol: number,
                        record: record
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
                        input: try port(of: match.inputInterface),
                        output: try port(of: match.outputInterface),
                        record: record
                    )
                )
            case .mark: break
            }
        }
        return ServiceTable(rules, matches: matches)
    }

    private func port(of interface: String?) throws(ProvisioningError) -> UInt16? {
        guard let interface else { return nil }
        return UInt16(try index(of: interface))
    }

    /// Where each backend of a persistent service stands, by slot.
    func places(of state: DesiredState) -> [BackendPlace?] {
        let persistent = state.services.filter { $0.persistence != nil }
        guard !persistent.isEmpty else { return [] }
        var places: [BackendPlace?] = Array(repeating: nil, count: backendSlots.bound)
        for service in persistent {
            let rule = persistenceRule(of: service)
            for (index, target) in service.targets.enumerated() {
                let key = BackendKey(service: service.key, endpoint: target.endpoint)
                guard let slot = backendSlots.slots[key] else { continue }
                places[slot] = BackendPlace(index: UInt16(index), persistence: rule)
            }
        }
        return places
    }

    /// nil: the service asks for nothing out of the common.
    func options(of service: Service) -> ServiceOptions? {
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

    private func persistenceRule(of service: Service) -> PersistenceRule? {
        guard let persistence = service.persistence else { return nil }
        return PersistenceRule(
            identity: persistenceIdentity(of: service.key),
            timeout: ticks(covering: persistence.timeout),
            ipv4Length: persistence.mask,
            ipv6Length: persistence.maskV6,
            usesDestination: service.key.prefix != nil
        )
    }
}
