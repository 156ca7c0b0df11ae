// SPDX-License-Identifier: Apache-2.0
import Addressing
import Balancing
import Containers
import Dataplane
import Model
import Networking
import Timing

/// Which packets belong to which service.
extension SnapshotCompiler {
    /// A service with the identifiers of the interfaces that it names.
    func entry(of known: KnownService) throws(ProvisioningError) -> Layout.ServiceEntry {
        var entry = Layout.ServiceEntry(known: known)
        if known.traits.contains(.namesInterfaces),
            case .match(let match) = known.service.key.selector
        {
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
        guard books.traits.contains(.isPersistent) else { return [] }
        let persistent = state.services.filter { $0.persistence != nil }
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
    mutating func options(of service: Service) throws(ProvisioningError) -> ServiceOptions? {
        let access = try access(of: service)
        guard
            service.persistence != nil || service.isOnePacket || service.mode == .snat
                || !access.isEmpty
        else { return nil }
        let workers = engine.workerCount
        let share = (service.effectivePortsPerSource + workers - 1) / workers
        return ServiceOptions(
            persistence: persistenceRule(of: service),
            isOnePacket: service.isOnePacket,
            portsPerSource: service.mode == .snat ? UInt32(clamping: share) : .max,
            access: access
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

/// The table of services of the published snapshot, and what it was made from.
struct ServiceIndex {
    let table: Owned<ServiceTable>
    private let entries: [Layout.ServiceEntry]

    init(_ entries: [Layout.ServiceEntry]) {
        self.init(entries, Owned(ServiceTable(entries)) { $0.destroy() })
    }

    private init(_ entries: [Layout.ServiceEntry], _ table: Owned<ServiceTable>) {
        self.entries = entries
        self.table = table
    }

    /// That of `new` entries: the same, or a copy with some other records, where the keys are those
    /// of before.
    func following(to new: [Layout.ServiceEntry]) -> ServiceIndex {
        guard new.count == entries.count else { return ServiceIndex(new) }
        var rules: [ServiceRanges.Rule] = []
        for (before, after) in zip(entries, new) {
            guard before.input == after.input, before.output == after.output else {
                return ServiceIndex(new)
            }
            if before.known === after.known { continue }
            guard before.key == after.key, let rule = after.rule else { return ServiceIndex(new) }
            if before.compiled !== after.compiled { rules.append(rule) }
        }
        if rules.isEmpty { return ServiceIndex(new, table) }
        guard let copy = table.handle.replacing(rules) else { return ServiceIndex(new) }
        return ServiceIndex(new, Owned(copy) { $0.destroy() })
    }
}

extension Layout.ServiceEntry {
    /// Protocols without ports have one of each family.
    fileprivate var flowProtocol: FlowProtocol? {
        FlowProtocol(
            key.protocol.ipProtocol(for: key.address),
            isIPv6: key.family == .ipv6
        )
    }

    /// Of a service that is found by its own address.
    fileprivate var rule: ServiceRanges.Rule? {
        guard case .destination(let prefix, let ports) = key.selector, let flowProtocol else {
            return nil
        }
        return ServiceRanges.Rule(
            prefix: prefix.network,
            ports: ports.first...ports.last,
            protocol: flowProtocol,
            record: compiled.record
        )
    }

    /// Of a service that is found by what packets to others are like.
    fileprivate var match: ServiceMatches.Rule? {
        guard case .match(let match) = key.selector, let flowProtocol else { return nil }
        return ServiceMatches.Rule(
            sources: match.source.first...match.source.last,
            destinations: match.destination.first...match.destination.last,
            sourcePorts: match.sourcePorts.first...match.sourcePorts.last,
            ports: match.ports.first...match.ports.last,
            protocol: flowProtocol,
            input: input,
            output: output,
            record: compiled.record
        )
    }
}

extension ServiceTable {
    /// Services with a firewall mark are in no table: no packet has one.
    fileprivate init(_ entries: [Layout.ServiceEntry]) {
        self.init(entries.compactMap(\.rule), matches: entries.compactMap(\.match))
    }
}
