// SPDX-License-Identifier: Apache-2.0
import Addressing

/// Checks what takes more than one field or object to see; the same for files, commands and requests.
package struct StateChecker: Sendable {
    let settings: Settings
    let objects: PlacedObjects
    package private(set) var diagnostics: [Diagnostic] = []
    /// Own addresses, and networks whose addresses are all ours; of all services.
    private(set) var ownHosts: Set<IPAddress> = []
    /// Addresses of services.
    private(set) var virtualHosts: Set<IPAddress> = []
    /// Gateways of routes that are local addresses of services.
    private(set) var localGateways: Set<IPAddress> = []
    private(set) var ownNetworks: [IPPrefix] = []
    let setNames: Set<String>
    private let cache: CheckCache

    /// `cache` has what was said of services that did not change.
    package init(_ objects: PlacedObjects, settings: Settings, _ cache: CheckCache) {
        self.settings = settings
        self.objects = objects
        setNames = Set(objects.sets.map(\.value.name))
        self.cache = cache
    }

    var vlans: [Located<VLANInterface>] { objects.vlans }
    var tunnels: [Located<TunnelInterface>] { objects.tunnels }
    var addresses: [Located<InterfaceAddress>] { objects.addresses }
    var routes: [Located<Route>] { objects.routes }
    var neighbours: [Located<Neighbour>] { objects.neighbours }
    var sets: [Located<AddressSet>] { objects.sets }
    private var services: [Located<Service>] { objects.services }
    var isIncomplete: Bool { objects.isIncomplete }

    /// Leaves everything there is to say in `diagnostics`.
    package mutating func check() {
        let census = cache.census(of: self)
        (ownHosts, ownNetworks) = (census.ownHosts, census.ownNetworks)
        virtualHosts = census.virtualHosts
        checkUnique(vlans, "name") { $0.name }
        checkUnique(vlans, "vlan") { $0.way }
        checkTunnels()
        checkUnique(addresses, "address") { Self.scoped($0.prefix.address, $0.interface) }
        checkUnique(routes, "to") { $0.destination.network.description }
        checkUnique(neighbours, "address") { $0.key.description }
        if !census.isUnambiguous { checkIdentities(census) }
        for vlan in vlans { check(vlan) }
        checkCompanions()
        for address in addresses { check(address) }
        let gateways = Set(routes.compactMap(\.value.gateway))
        if !gateways.isEmpty {
            let locals = services.lazy.flatMap(\.value.localAddresses)
            localGateways = Set(locals.filter(gateways.contains))
        }
        for route in routes { check(route) }
        for neighbour in neighbours { check(neighbour) }
        checkSets()
        for denial in objects.denials { check(denial) }
        checkServices()
    }

    /// Leaves nothing said.
    mutating func forget() { diagnostics = [] }

    package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    // MARK: - Twice

    mutating func checkUnique<Value, Name: Hashable & CustomStringConvertible>(
        _ objects: [Located<Value>],
        _ field: String,
        _ name: (Value) -> Name
    ) {
        var first: [Name: TextLocation] = [:]
        for object in objects {
            let key = name(object.value)
            let location = object.location(of: field)
            if let other = first[key] {
                report(
                    location,
                    object.path,
                    "is there twice: first at \(other)",
                    key.description
                )
            } else {
                first[key] = location
            }
        }
    }

    /// What services are found by, and their names.
    private mutating func checkIdentities(_ census: Census) {
        let before = diagnostics.count
        checkUnique(services, "address") { $0.key }
        // A copy of a service has the same name, too: one complaint is enough.
        let copies = Set(diagnostics[before...].map(\.path))
        checkUnique(services.filter { !copies.contains($0.path) }, "name") { $0.name }
        checkUnambiguous()
        if diagnostics.count == before { cache.keep(census) }
    }

    private mutating func checkUnambiguous() {
        var known: [IPPrefix: [Located<Service>]] = [:]
        for object in services {
            guard let prefix = object.value.key.prefix else { continue }
            let other = known[prefix]?.first { $0.value.isAmbiguous(with: object.value) }
            known[prefix, default: []].append(object)
            guard let other else { continue }
            let ports = "\(other.value.key.ports) at \(other.location(of: "port"))"
            report(
                object.location(of: "port"),
                object.path + ".port",
                "overlaps with ports of the same address: \(ports)",
                object.value.key.portText,
                "ports inside the others, around them, or beside them"
            )
        }
    }

    // MARK: - Services

    /// What is said of a service hangs on the service and its surroundings alone, so one that was
    /// checked in the same surroundings is not checked again.
    private mutating func checkServices() {
        let surroundings = cache.remembered(Surroundings(self))
        for service in services where !service.isBroken {
            if let known = service.memory?.diagnostics(in: surroundings) {
                diagnostics += known
                continue
            }
            let before = diagnostics.count
            check(service)
            service.memory?.keep(Array(diagnostics[before...]), in: surroundings)
        }
    }

    mutating func check(_ object: Located<Service>) {
        let service = object.value
        checkSelector(of: object)
        let localPlace = object.location(of: "localAddresses")
        var seen: Set<IPAddress> = []
        // A range in the file is many addresses here, so that their places are not those of the file.
        let path = "\(object.path).localAddresses"
        for address in service.localAddresses where checkUsable(address, localPlace, path) {
            checkHost(address, localPlace, path)
            checkLink(of: address, localPlace, path)
            if !seen.insert(address).inserted {
                report(localPlace, path, "is there twice", address.description)
            }
            if service.key.prefix?.contains(address) == true {
                report(localPlace, path, "is the service's own address", address.description)
            } else if virtualHosts.contains(address) {
                warn(
                    localPlace,
                    path,
                    "is the address of a service, too: who sees it cannot tell them apart",
                    address.description,
                    "an address that no service has"
                )
            }
        }
        checkTimeout(of: object)
        for problem in service.quicProblems {
            report(object.location(of: "quic"), object.path + ".quic", problem)
        }
        let unusable = checkBackends(of: object)
        checkMode(of: object, except: unusable)
        checkClientAddress(of: object)
        checkScheduling(of: object)
        checkProtection(of: object)
        checkAccess(of: object)
        noteIdleFields(of: object)
    }

    private mutating func noteIdleFields(of object: Located<Service>) {
        for idle in object.value.idleFields {
            let backend = idle.backend.map { "backends[\($0)]." } ?? ""
            let first = idle.field.prefix { $0 != "." }
            note(
                object.location(of: idle.backend == nil ? String(first) : "backends"),
                "\(object.path).\(backend)\(idle.field)",
                "has no effect: \(idle.reason)",
                idle.value
            )
        }
    }

    /// What an association or a query may be silent for is fixed.
    private mutating func checkTimeout(of object: Located<Service>) {
        let number = object.value.key.protocol
        guard let timeout = object.value.connectionTimeout else { return }
        if timeout < .seconds(1) {
            report(
                object.location(of: "connectionTimeout"),
                object.path + ".connectionTimeout",
                "would end connections as soon as they are silent",
                timeout.text,
                "1s or more"
            )
        }
        guard number != .tcp, number != .udp else { return }
        report(
            object.location(of: "connectionTimeout"),
            object.path + ".connectionTimeout",
            "does not exist over \(number.rawValue)",
            timeout.text,
            "no connectionTimeout, or protocol tcp or udp"
        )
    }

    private mutating func checkSelector(of object: Located<Service>) {
        let service = object.value
        let path = object.path + ".address"
        switch service.key.selector {
        case .destination(let prefix, _):
            let place = object.location(of: "address")
            checkUsable(prefix.address, place, path)
            if prefix.isHost {
                checkHost(prefix.address, place, path)
            } else {
                checkOverlap(prefix, place, path)
            }
            if prefix.address.ipv6?.isLinkLocal == true {
                let message = "is link-local, and clients behind a router never reach it"
                report(place, path, message, prefix.description, "an address of a wider scope")
            }
            if prefix != prefix.network {
                report(
                    place,
                    path,
                    "has bits set beyond its length",
                    prefix.description,
                    nil,
                    prefix.network.description
                )
            }
        case .match(let match):
            let place = object.location(of: "match")
            for interface in [match.inputInterface, match.outputInterface] {
                if let interface { checkInterface(interface, place, object.path + ".match") }
            }
        case .mark: break
        }
        for problem in service.selectionProblems {
            let field =
                switch problem.attribute {
                case .mode: "mode"
                case .match: "match"
                case .localAddresses: "localAddresses"
                case .backends: "backends"
                case .persistence: "persistence"
                case .onePacket: "onePacket"
                case .portsPerSource: "maxPortsPerSource"
                }
            report(object, field, problem.message, problem.value, problem.accepted)
        }
    }

    /// Complains about `field` of a service; `path` tells a part of it.
    private mutating func report(
        _ object: Located<Service>,
        _ field: String,
        at path: String? = nil,
        _ message: String,
        _ value: String?,
        _ accepted: String?
    ) {
        let place = object.location(of: field)
        report(place, "\(object.path).\(path ?? field)", message, value, accepted)
    }

    /// `unusable` backends have been complained about.
    private mutating func checkMode(of object: Located<Service>, except unusable: Set<Int>) {
        for problem in object.value.modeProblems {
            if case .backend(let index) = problem.attribute, unusable.contains(index) { continue }
            let (field, path) =
                switch problem.attribute {
                case .localAddresses: ("localAddresses", "localAddresses")
                case .tunnel: ("tunnel", "tunnel")
                case .backend(let index): ("backends", "backends[\(index)]")
                }
            if problem.severity == .warning {
                let place = object.location(of: field)
                warn(
                    place,
                    "\(object.path).\(path)",
                    problem.message,
                    problem.value,
                    problem.accepted
                )
            } else {
                report(object, field, at: path, problem.message, problem.value, problem.accepted)
            }
        }
    }

    private mutating func checkScheduling(of object: Located<Service>) {
        for problem in object.value.schedulingProblems {
            let field =
                switch problem.attribute {
                case .flags: "schedulerFlags"
                case .hashTarget: "hashTarget"
                case .maglevTableSize: "maglevTableSize"
                case .slowStart: "slowStart"
                }
            report(object, field, problem.message, problem.value, problem.accepted)
        }
    }

    private mutating func checkProtection(of object: Located<Service>) {
        for problem in object.value.protectionProblems {
            let backend = problem.backend.map { ".backends[\($0)]" } ?? ""
            report(
                object.location(of: problem.backend == nil ? problem.field : "backends"),
                "\(object.path)\(backend).\(problem.field)",
                problem.message,
                problem.value,
                problem.accepted
            )
        }
    }

    private mutating func checkClientAddress(of object: Located<Service>) {
        let service = object.value
        guard let mode = service.clientAddress else { return }
        let location = object.location(of: "clientAddress")
        let path = object.path + ".clientAddress"
        if service.mode != .fnat, mode != .none {
            let keeps = service.mode == .snat ? "has no backends to tell it" : "keeps it as it is"
            report(
                location,
                path,
                "is of no use with mode \(service.mode.rawValue), which \(keeps)",
                mode.rawValue,
                "mode fnat, or no clientAddress"
            )
            return
        }
        if !mode.protocols.contains(service.key.protocol) {
            report(
                location,
                path,
                "does not exist over \(service.key.protocol.rawValue)",
                mode.rawValue,
                ClientAddressMode.modes(of: service.key.protocol).map(\.rawValue)
                    .joined(separator: ", ")
            )
        }
        if mode == .uoaOption, service.key.family == .ipv6 {
            report(
                location,
                path,
                "has no room for the address of an IPv6 client",
                mode.rawValue,
                nil,
                ClientAddressMode.uoa.rawValue
            )
        }
    }

    /// Gives the places of backends whose address no host can have.
    private mutating func checkBackends(of object: Located<Service>) -> Set<Int> {
        var unusable: Set<Int> = []
        let service = object.value
        let place = object.location(of: "backends")
        let locals = Set(service.localAddresses)
        var seen: Set<Endpoint> = []
        for (index, backend) in service.backends.enumerated() {
            let path = "\(object.path).backends[\(index)]"
            guard checkUsable(backend.endpoint.address, place, path) else {
                unusable.insert(index)
                continue
            }
            checkHost(backend.endpoint.address, place, path)
            if !seen.insert(backend.endpoint).inserted {
                report(place, path, "is there twice", backend.endpoint.description)
            }
            let address = backend.endpoint.address
            if isOwn(address) || locals.contains(address) {
                report(
                    place,
                    path,
                    "is an address of the balancer itself",
                    backend.endpoint.address.description
                )
            } else {
                checkReach(of: address, service.mode, place, path)
            }
        }
        return unusable
    }

    // MARK: - Every address

    /// Whether an interface or a service has it.
    func isOwn(_ address: IPAddress) -> Bool {
        ownHosts.contains(address) || ownNetworks.contains { $0.contains(address) }
    }

    /// Whether a host can have the address; one that none can have is complained about.
    @discardableResult
    mutating func checkUsable(
        _ address: IPAddress,
        _ location: TextLocation,
        _ path: String
    ) -> Bool {
        let isUnusable =
            switch address {
            case .v4(let address):
                address.isMulticast || address.isLoopback || address == .any
                    || address == .broadcast
            case .v6(let address):
                address.isMulticast || address == .any || address == .loopback
                    || address.isIPv4Mapped
            }
        guard isUnusable else { return true }
        report(
            location,
            path,
            "cannot be the address of a host on a network",
            address.description,
            "a unicast address"
        )
        return false
    }

    mutating func report(
        _ location: TextLocation,
        _ path: String,
        _ message: String,
        _ value: String? = nil,
        _ accepted: String? = nil,
        _ suggestion: String? = nil
    ) {
        say(.error, location, path, message, value, accepted, suggestion)
    }

    /// The same of what is applied, though it is hardly meant so.
    mutating func warn(
        _ location: TextLocation,
        _ path: String,
        _ message: String,
        _ value: String? = nil,
        _ accepted: String? = nil
    ) {
        say(.warning, location, path, message, value, accepted)
    }

    /// The same of what is accepted and does nothing.
    mutating func note(
        _ location: TextLocation,
        _ path: String,
        _ message: String,
        _ value: String? = nil
    ) {
        say(.notInEffect, location, path, message, value)
    }

    private mutating func say(
        _ severity: Diagnostic.Severity,
        _ location: TextLocation,
        _ path: String,
        _ message: String,
        _ value: String?,
        _ accepted: String? = nil,
        _ suggestion: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                severity,
                at: location,
                path: path,
                message,
                value: value,
                accepted: accepted,
                suggestion: suggestion
            )
        )
    }
}
