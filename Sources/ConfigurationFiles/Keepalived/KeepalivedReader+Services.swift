// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

extension KeepalivedReader {
    /// The service of one address or mark of a virtual server.
    mutating func make(_ entry: Entry, _ draft: VirtualServerDraft, _ statement: Statement) {
        var service = draft.template
        let transport = service.key.protocol
        if service.mode == .snat {
            return report(
                .error,
                statement,
                "has lb_kind SNAT, which needs match",
                nil,
                "match NAME"
            )
        }
        switch entry {
        case .mark(let mark):
            service.key = Service.Key(.mark(mark), transport)
            service.name = service.key.description
        case .address(let address, let port):
            let ports: PortRange = port == 0 ? .all : PortRange(port)
            service.key = Service.Key(.destination(IPPrefix(host: address), ports), transport)
            service.name = ServiceFile.name(of: service.key)
            if port == 0, !draft.isPersistent, transport.hasPorts {
                service.persistence = Persistence()
            }
        }
        if let persistence = draft.persistence { service.persistence = persistence }
        if let length = draft.granularity {
            if service.key.family == .ipv6 {
                service.persistence?.maskV6 = length
            } else if length <= 32 {
                service.persistence?.mask = length
            }
        }
        for line in draft.realServers { addBackend(line, draft, to: &service) }
        put(fitting(service, statement), statement)
    }

    /// Source NAT: real servers are its public addresses.
    mutating func makeMatch(_ name: String, _ draft: VirtualServerDraft, _ statement: Statement) {
        let family =
            draft.sourceRange?.0.family ?? draft.destinationRange?.0.family ?? .ipv4
        let (source, sourcePorts) = draft.sourceRange ?? (.any(family), .all)
        let (destination, ports) = draft.destinationRange ?? (.any(family), .all)
        var service = draft.template
        let hasPorts = service.key.protocol.hasPorts
        let match = TrafficMatch(
            source: source,
            destination: destination,
            sourcePorts: hasPorts ? sourcePorts : .all,
            ports: hasPorts ? ports : .all,
            inputInterface: draft.inputInterface,
            outputInterface: draft.outputInterface
        )
        service.key = Service.Key(.match(match), service.key.protocol)
        service.name = name
        if let persistence = draft.persistence { service.persistence = persistence }
        if service.mode == .snat {
            service.scheduler = .rr
            for line in draft.realServers {
                guard let address = backendAddress(line) else { continue }
                service.localAddresses.append(address)
            }
        } else {
            for line in draft.realServers { addBackend(line, draft, to: &service) }
        }
        put(fitting(service, statement), statement)
    }

    private mutating func backendAddress(_ line: Statement) -> IPAddress? {
        guard let word = line.values.first else {
            report(.error, line, "has no address", nil, "IP PORT")
            return nil
        }
        if let address = IPAddress(word.text) { return address }
        let place = Statement(keyword: line.keyword, location: word.location)
        report(.error, place, "is no address", word.text, "an IP address")
        return nil
    }

    /// `real_server IP [PORT] { ... }`.
    private mutating func addBackend(
        _ line: Statement,
        _ draft: VirtualServerDraft,
        to service: inout Service
    ) {
        guard let address = backendAddress(line),
            let own = readPort(line.values.dropFirst().first, line)
        else { return }
        let servicePort = service.key.selector.backendPort
        var port = own == 0 ? servicePort : own
        if service.mode == .dr || service.mode == .tunnel, port != servicePort {
            if own != 0, servicePort != 0 {
                report(
                    .warning,
                    line,
                    "has another port than the service, which \(service.mode.rawValue) keeps",
                    "\(own)",
                    "\(servicePort)"
                )
            }
            port = servicePort
        }
        if !service.key.protocol.hasPorts { port = 0 }
        var backend = Backend(endpoint: Endpoint(address, port))
        var timing = draft.checks
        var checks: [HealthCheck] = []
        for child in line.children ?? [] {
            if timing.take(child) || takeOfServer(child, &backend) { continue }
            guard KeepalivedWords.checkers.contains(child.keyword) else {
                warnUnknown(child, "a keyword of real_server", KeepalivedWords.realServer)
                continue
            }
        }
        for child in line.children ?? [] where KeepalivedWords.checkers.contains(child.keyword) {
            checks += readChecker(child, timing, asked: own == 0 ? port : own, backend)
        }
        if !checks.isEmpty { backend.healthCheck = .own(checks) }
        if let least = backend.minConnections, least > backend.maxConnections ?? 0 {
            backend.minConnections = nil
        }
        if service.backends.contains(where: { $0.endpoint == backend.endpoint }) {
            let text = backend.endpoint.description
            return report(.warning, line, "is there twice; the first one counts", text)
        }
        service.backends.append(backend)
    }

    /// Takes what a real server says of itself, when it is that.
    private mutating func takeOfServer(_ line: Statement, _ backend: inout Backend) -> Bool {
        switch line.keyword {
        case "weight":
            guard let weight = line.number, Backend.weights.contains(weight) else {
                let accepted = Backend.weights.accepted
                report(.error, line, "is no weight", line.values.first?.text, accepted)
                return true
            }
            backend.weight = weight
        case "uthreshold": backend.maxConnections = line.number.flatMap { $0 > 0 ? $0 : nil }
        case "lthreshold": backend.minConnections = line.number.flatMap { $0 > 0 ? $0 : nil }
        case "inhibit_on_failure", "snmp_name", "name", "lvs_method", "lb_kind": break
        case "notify_up", "notify_down":
            report(.notInEffect, line, "runs nothing: dpvs watch tells of every verdict")
        default: return false
        }
        return true
    }

    // MARK: - What does not fit

    /// The service without what does not fit together, each with a warning.
    private mutating func fitting(_ service: Service, _ statement: Statement) -> Service {
        var service = service
        if service.mode != .fnat {
            if !service.localAddresses.isEmpty, service.mode != .snat {
                service.localAddresses = []
            }
            service.clientAddress = nil
        } else if let mode = service.clientAddress,
            !mode.protocols.contains(service.key.protocol)
        {
            warn("proxy_protocol does not exist over \(service.key.protocol.rawValue)", statement)
            service.clientAddress = nil
        }
        if service.mode != .tunnel { service.tunnel = nil }
        if !service.selectionProblems.isEmpty {
            for problem in service.selectionProblems { mend(problem, &service, statement) }
        }
        for problem in service.schedulingProblems {
            warn("\(problem.value) \(problem.message)", statement)
            switch problem.attribute {
            case .flags:
                service.schedulerOptions.flags = service.schedulerOptions.flags.filter {
                    $0.scheduler == service.scheduler
                }
            case .hashTarget: service.schedulerOptions.hashTarget = nil
            case .maglevTableSize: service.schedulerOptions.maglevTableSize = nil
            case .slowStart: service.slowStart = nil
            }
        }
        if !service.quicProblems.isEmpty {
            warn("quic \(service.quicProblems.joined(separator: ", "))", statement)
            service.quic = nil
        }
        dropUnfitBackends(&service, statement)
        return service
    }

    private mutating func mend(
        _ problem: SelectionProblem,
        _ service: inout Service,
        _ statement: Statement
    ) {
        switch problem.attribute {
        case .onePacket:
            warn("ops \(problem.message)", statement)
            service.isOnePacket = false
        case .persistence:
            warn("persistence_timeout \(problem.message)", statement)
            service.persistence = nil
        case .portsPerSource: service.portsPerSource = nil
        case .mode, .match, .localAddresses, .backends: break
        }
    }

    private mutating func dropUnfitBackends(_ service: inout Service, _ statement: Statement) {
        var unfit: Set<Int> = []
        for problem in service.modeProblems where problem.severity == .error {
            guard case .backend(let index) = problem.attribute else { continue }
            unfit.insert(index)
            let endpoint = service.backends[index].endpoint
            warn("real_server \(endpoint) \(problem.message), and is left out", statement)
        }
        for problem in service.protectionProblems {
            warn("\(problem.field) \(problem.message)", statement)
            guard let index = problem.backend else { continue }
            if problem.field == "healthCheck" { service.backends[index].healthCheck = nil }
        }
        guard !unfit.isEmpty else { return }
        service.backends = service.backends.enumerated().filter { !unfit.contains($0.offset) }
            .map(\.element)
    }

    private mutating func warn(_ text: String, _ statement: Statement) {
        let place = Statement(keyword: statement.title, location: statement.location)
        report(.warning, place, text)
    }
}

/// Addresses that cannot be what the file says of them, of all services together.
extension KeepalivedReader {
    /// Takes addresses of real servers out of local addresses, where a range holds them by mistake,
    /// and real servers away that are no other node.
    mutating func settleAddresses() {
        let servers = Set(objects.services.flatMap { $0.value.backends.map(\.endpoint.address) })
        let virtual = Set(objects.services.compactMap { $0.value.prefix?.address })
        for index in objects.services.indices {
            var service = objects.services[index].value
            let locals = service.localAddresses.filter { !servers.contains($0) }
            let count = service.localAddresses.count - locals.count
            let backends = service.backends.filter { backend in
                !virtual.contains(backend.endpoint.address) && backend.endpoint.address.isOfHost
            }
            guard count > 0 || backends.count < service.backends.count else { continue }
            let place = Statement(
                keyword: objects.services[index].path,
                location: objects.services[index].location
            )
            if count > 0 {
                let message = "local addresses that are real servers are left out"
                report(.warning, place, message, "\(count)")
            }
            for backend in service.backends where !backends.contains(backend) {
                let message = "real_server \(backend.endpoint) is no other node, and is left out"
                report(.warning, place, message)
            }
            service.localAddresses = locals
            service.backends = backends
            objects.services[index].value = service
        }
    }
}

extension IPAddress {
    /// Whether a node on a network can have it.
    fileprivate var isOfHost: Bool {
        switch self {
        case .v4(let address):
            !address.isMulticast && !address.isLoopback && address != .any && address != .broadcast
        case .v6(let address):
            !address.isMulticast && address != .any && address != .loopback
        }
    }
}
