// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model

/// What command lines make of services.
///
/// A forwarding mode belongs to a service here and to a real server in `ipvsadm`. So the first real
/// server decides: until then a service has a mode that its other options allow.
package struct ServiceTable: Sendable {
    package var draft: ServiceDraft
    /// Whether whole services are restored: one that is there becomes what is said.
    let isRestoring: Bool
    /// Services that a line has begun to restore.
    private var restored: Set<Service.Key> = []
    /// What was said and has no effect, a sentence each.
    private(set) var remarks: [String] = []

    package init(_ draft: ServiceDraft, isRestoring: Bool = false) {
        self.draft = draft
        self.isRestoring = isRestoring
    }

    /// Carries out one command line, or refuses it and stays as it is.
    package mutating func apply(_ change: ServiceChange) throws(Complaint) {
        switch change {
        case .addService(let key, let options): try add(key, options)
        case .editService(let key, let options):
            var service = try find(key)
            try service.take(options)
            draft.put(service)
        case .deleteService(let key):
            let service = try find(key)
            draft.remove(key)
            removeAddresses(of: [service])
        case .clear:
            let services = draft.services
            for service in services { draft.remove(service.key) }
            removeAddresses(of: services)
        case .addServer(let key, let options): try addServer(key, options)
        case .editServer(let key, let options): try editServer(key, options)
        case .deleteServer(let key, let options): try deleteServer(key, options)
        case .addLocalAddress(let key, let address, let interface):
            try addLocalAddress(key, address, interface)
        // It goes from the interface that it is on, whichever the command names.
        case .deleteLocalAddress(let key, let address, _): try deleteLocalAddress(key, address)
        case .addClient(let key, let list, let client):
            var service = try find(key)
            // One that is there already is no mistake, as with local addresses.
            if !service.access[keyPath: list.path].contains(client) {
                service.access[keyPath: list.path].append(client)
            }
            draft.put(service)
        case .deleteClient(let key, let list, let client):
            var service = try find(key)
            guard let place = service.access[keyPath: list.path].firstIndex(of: client) else {
                throw .refusal("No such entry: \(client.tool) of \(key)")
            }
            service.access[keyPath: list.path].remove(at: place)
            draft.put(service)
        }
    }

    // MARK: - Services

    private mutating func find(_ key: Service.Key) throws(Complaint) -> Service {
        guard let service = draft.service(key) else {
            throw .refusal("No such service: \(key)")
        }
        return service
    }

    private mutating func add(_ key: Service.Key, _ options: ServiceOptions) throws(Complaint) {
        var service = Service(key: key, name: key.usualName, mode: .dr)
        if let known = draft.service(key) {
            // A service that was restored once is made by two lines.
            guard isRestoring, !restored.contains(key) else {
                throw .refusal("Service already exists: \(key)")
            }
            service = known.cleared
        }
        if case .match = key.selector { service.mode = .snat }
        try service.take(options)
        if isRestoring { restored.insert(key) }
        draft.put(service)
    }

    // MARK: - Real servers

    private func place(of options: ServerOptions, in service: Service) -> Endpoint {
        let port = service.key.selector.backendPort
        switch service.mode {
        case .dr, .tunnel: return Endpoint(options.address, port)
        case .snat: return Endpoint(options.address, 0)
        case .fnat, .nat: return Endpoint(options.address, options.port ?? port)
        }
    }

    private mutating func addServer(
        _ key: Service.Key,
        _ options: ServerOptions
    ) throws(Complaint) {
        var service = try find(key)
        try service.settle(options.mode ?? .dr, options.tunnel)
        let endpoint = place(of: options, in: service)
        guard !service.targets.contains(where: { $0.endpoint == endpoint }) else {
            throw .refusal("Destination already exists: \(endpoint) of \(key)")
        }
        if service.mode == .snat {
            try service.checkPublicAddress(options)
            remarks += service.unusedWords(of: options)
            service.localAddresses.append(options.address)
        } else {
            var backend = Backend(endpoint: endpoint)
            remarks += backend.take(options)
            service.backends.append(backend)
        }
        draft.put(service)
    }

    private mutating func editServer(
        _ key: Service.Key,
        _ options: ServerOptions
    ) throws(Complaint) {
        var service = try find(key)
        if let mode = options.mode, mode != service.mode, service.backends.count == 1,
            service.backends[0].endpoint.address == options.address
        {
            let kept = service.backends
            service.backends = []
            try service.settle(mode, options.tunnel)
            service.backends = kept.map {
                var backend = $0
                backend.endpoint = place(of: options, in: service)
                return backend
            }
        } else if let mode = options.mode {
            try service.settle(mode, options.tunnel)
        }
        let index = try find(options, in: service)
        if service.mode == .snat {
            try service.checkPublicAddress(options)
            remarks += service.unusedWords(of: options)
        } else {
            remarks += service.backends[index].take(options)
        }
        draft.put(service)
    }

    private mutating func deleteServer(
        _ key: Service.Key,
        _ options: ServerOptions
    ) throws(Complaint) {
        var service = try find(key)
        let place = try find(options, in: service)
        if service.mode == .snat {
            service.localAddresses.remove(at: place)
        } else {
            service.backends.remove(at: place)
        }
        draft.put(service)
    }

    private func find(_ options: ServerOptions, in service: Service) throws(Complaint) -> Int {
        let endpoint = place(of: options, in: service)
        guard let place = service.targets.firstIndex(where: { $0.endpoint == endpoint }) else {
            throw .refusal("No such destination: \(endpoint) of \(service.key)")
        }
        return place
    }

    // MARK: - Local addresses

    /// An address that is there already is no mistake: scripts add the same one for many services.
    private mutating func addLocalAddress(
        _ key: Service.Key,
        _ address: IPAddress,
        _ interface: String?
    ) throws(Complaint) {
        var service = try find(key)
        if service.mode == .snat {
            throw .refusal(
                "\(key) translates sources: its public addresses come by -a -r ADDRESS -J"
            )
        }
        try service.settle(.fnat, nil)
        if !service.localAddresses.contains(address) { service.localAddresses.append(address) }
        draft.put(service)
        guard let interface, draft.interfaceAddress(address) == nil else { return }
        draft.put(InterfaceAddress(interface: interface, prefix: IPPrefix(host: address)))
    }

    private mutating func deleteLocalAddress(
        _ key: Service.Key,
        _ address: IPAddress
    ) throws(Complaint) {
        var service = try find(key)
        guard service.mode == .fnat, let place = service.localAddresses.firstIndex(of: address)
        else { throw .refusal("No such local address: \(address) of \(key)") }
        service.localAddresses.remove(at: place)
        draft.put(service)
        removeAddresses([address])
    }

    private mutating func removeAddresses(of services: [Service]) {
        removeAddresses(
            services.reduce(into: []) { addresses, service in
                if service.mode == .fnat { addresses.formUnion(service.localAddresses) }
            }
        )
    }

    /// Takes away those that `-P` has put on interfaces and that no service has any more: what others
    /// made stays, addresses with a network, and those of files.
    private mutating func removeAddresses(_ addresses: Set<IPAddress>) {
        let made = addresses.sorted()
            .compactMap { draft.interfaceAddress($0) }
            .filter { $0.prefix.isHost && $0.owner == .runtime }
        guard !made.isEmpty else { return }
        let used = draft.services.reduce(into: Set<IPAddress>()) { used, service in
            used.formUnion(service.localAddresses)
        }
        for address in made where !used.contains(address.prefix.address) {
            draft.remove(address.key)
        }
    }
}

extension Request.ClientList {
    var path: WritableKeyPath<AccessLists, [AddressSource]> {
        switch self {
        case .denied: \.deny
        case .allowed: \.allow
        }
    }
}

extension AddressSource {
    /// `192.0.2.1` or `ipset:NAME`.
    var tool: String {
        switch self {
        case .set(let name): "ipset:\(name)"
        case .range(let range): "\(range)"
        }
    }
}
