// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Control
package import Model

/// Services as they run, and what command lines make of them: a draft of edits.
///
/// A forwarding mode belongs to a service here and to a real server in `ipvsadm`. So the first real
/// server decides: until then a service has a mode that its other options allow.
package struct ServiceTable: Sendable {
    package private(set) var services: [Service.Key: Service] = [:]
    let before: [Service.Key: Service]
    /// Services that are there, were there or come, in this order.
    private(set) var order: [Service.Key] = []
    /// Addresses of interfaces, by address, of those that are local addresses.
    private(set) var interfaces: [IPAddress: InterfaceAddress] = [:]
    let interfacesBefore: [IPAddress: InterfaceAddress]
    /// Whether whole services are restored: one that is there becomes what is said.
    var isRestoring = false

    package init(_ readings: ServiceReadings) {
        for reading in readings.services {
            services[reading.service.key] = reading.service
            order.append(reading.service.key)
        }
        before = services
        for address in readings.addresses { interfaces[address.prefix.address] = address }
        interfacesBefore = interfaces
    }

    /// Carries out one command line, or refuses it and stays as it is.
    package mutating func apply(_ change: ServiceChange) throws(Complaint) {
        switch change {
        case .addService(let key, let options): try add(key, options)
        case .editService(let key, let options):
            var service = try find(key)
            service.take(options)
            services[key] = service
        case .deleteService(let key):
            _ = try find(key)
            services[key] = nil
        case .clear:
            let locals = Set(services.values.flatMap(\.localAddresses))
            services = [:]
            for address in locals where isMade(address) { interfaces[address] = nil }
        case .addServer(let key, let options): try addServer(key, options)
        case .editServer(let key, let options): try editServer(key, options)
        case .deleteServer(let key, let options): try deleteServer(key, options)
        case .addLocalAddress(let key, let address, let interface):
            try addLocalAddress(key, address, interface)
        // It goes from the interface that it is on, whichever the command names.
        case .deleteLocalAddress(let key, let address, _): try deleteLocalAddress(key, address)
        }
    }

    // MARK: - Services

    private func find(_ key: Service.Key) throws(Complaint) -> Service {
        guard let service = services[key] else { throw .refusal("No such service: \(key)") }
        return service
    }

    private mutating func add(_ key: Service.Key, _ options: ServiceOptions) throws(Complaint) {
        var service = Service(key: key, name: key.usualName, mode: .dr)
        if let known = services[key] {
            // A service that was restored once is made by two lines.
            guard isRestoring, before[key] == known else {
                throw .refusal("Service already exists: \(key)")
            }
            service = known.cleared
        } else if before[key] == nil {
            order.append(key)
        }
        if case .match = key.selector { service.mode = .snat }
        service.take(options)
        services[key] = service
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
            service.localAddresses.append(options.address)
        } else {
            var backend = Backend(endpoint: endpoint)
            backend.take(options)
            service.backends.append(backend)
        }
        services[key] = service
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
        let endpoint = place(of: options, in: service)
        guard let place = service.targets.firstIndex(where: { $0.endpoint == endpoint }) else {
            throw .refusal("No such destination: \(endpoint) of \(key)")
        }
        if service.mode == .snat {
            try service.checkPublicAddress(options)
        } else {
            service.backends[place].take(options)
        }
        services[key] = service
    }

    private mutating func deleteServer(
        _ key: Service.Key,
        _ options: ServerOptions
    ) throws(Complaint) {
        var service = try find(key)
        let endpoint = place(of: options, in: service)
        guard let place = service.targets.firstIndex(where: { $0.endpoint == endpoint }) else {
            throw .refusal("No such destination: \(endpoint) of \(key)")
        }
        if service.mode == .snat {
            service.localAddresses.remove(at: place)
        } else {
            service.backends.remove(at: place)
        }
        services[key] = service
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
        services[key] = service
        guard let interface, interfaces[address] == nil else { return }
        interfaces[address] = InterfaceAddress(
            interface: interface,
            prefix: IPPrefix(host: address)
        )
    }

    private mutating func deleteLocalAddress(
        _ key: Service.Key,
        _ address: IPAddress
    ) throws(Complaint) {
        var service = try find(key)
        guard service.mode == .fnat, let place = service.localAddresses.firstIndex(of: address)
        else { throw .refusal("No such local address: \(address) of \(key)") }
        service.localAddresses.remove(at: place)
        services[key] = service
        guard isMade(address),
            !services.values.contains(where: { $0.localAddresses.contains(address) })
        else { return }
        interfaces[address] = nil
    }

    /// Whether an address is on its interface because `-P` has put it there: what others made stays,
    /// addresses with a network, and those of files.
    private func isMade(_ address: IPAddress) -> Bool {
        guard let known = interfaces[address] else { return false }
        return known.prefix.isHost && known.owner == .runtime
    }
}
