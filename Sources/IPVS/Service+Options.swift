// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

extension Service.Key {
    /// What a service is called that has got no name.
    var usualName: String {
        guard case .destination = selector else { return description }
        let address = "\(`protocol`.rawValue)-\(addressText)"
        return `protocol`.hasPorts ? "\(address)-\(portText)" : address
    }
}

extension ServiceSelector {
    /// The port of a real server that has none of its own; 0: the one that clients ask.
    var backendPort: UInt16 {
        guard case .destination(_, let ports) = self else { return 0 }
        return ports.single ?? 0
    }
}

extension Service {
    /// Itself as `-A` makes it, with what `ipvsadm` cannot say.
    var cleared: Service {
        var service = self
        service.mode = .dr
        service.tunnel = nil
        service.scheduler = .wlc
        service.schedulerOptions = SchedulerOptions()
        service.localAddresses = []
        service.connectionTimeout = nil
        service.clientAddress = nil
        service.quic = nil
        service.persistence = nil
        service.isOnePacket = false
        service.protection.expiresQuiescent = false
        service.protection.destCheck = nil
        service.access = AccessLists()
        service.backends = []
        return service
    }

    /// Takes what options say, and keeps what they do not name.
    mutating func take(_ options: ServiceOptions) throws(Complaint) {
        if let kind = options.scheduler, kind != scheduler {
            scheduler = kind
            // Flags and hash targets belong to one scheduler.
            schedulerOptions = SchedulerOptions()
        }
        if let flags = options.schedulerFlags { schedulerOptions.flags = flags }
        if let target = options.hashTarget { schedulerOptions.hashTarget = target }
        try takePersistence(options)
        if options.isOnePacket { isOnePacket = true }
        if options.expiresQuiescent { protection.expiresQuiescent = true }
        if options.readsQUIC { quic = quic ?? QUICOptions(namesAddresses: true) }
        if let seconds = options.connectionTimeout {
            connectionTimeout = seconds == 0 ? nil : .seconds(seconds)
        }
        if let mode = options.clientAddress { clientAddress = mode }
        switch options.destCheck {
        case .on(let check): protection.destCheck = check
        case .off: protection.destCheck = nil
        case nil: break
        }
        guard backends.isEmpty, localAddresses.isEmpty, mode == .dr || mode == .fnat else { return }
        // What only some modes have is as good as naming one of them.
        let needsRewriting = protection.destCheck != nil || clientAddress != nil
        mode = needsRewriting ? .fnat : isOnePacket ? .dr : mode
    }

    private mutating func takePersistence(_ options: ServiceOptions) throws(Complaint) {
        switch options.persistence {
        case .exactly(0): persistence = nil
        case .exactly(let seconds):
            persistence = persistence ?? Persistence()
            persistence?.timeout = .seconds(seconds)
        case .usual:
            persistence = persistence ?? Persistence()
            persistence?.timeout = Persistence.defaultTimeout
        case nil: break
        }
        guard let mask = options.mask else { return }
        if persistence == nil {
            throw Complaint("-M says who counts as one client of a persistent service: it needs -p")
        }
        if key.family == .ipv4 { persistence?.mask = mask } else { persistence?.maskV6 = mask }
    }

    /// Gives the service the mode of a real server or a local address that comes, or refuses it.
    mutating func settle(_ wanted: ForwardingMode, _ newTunnel: Tunnel?) throws(Complaint) {
        let isBare = backends.isEmpty && localAddresses.isEmpty
        if wanted != mode, !isBare {
            let what =
                backends.isEmpty
                ? "local addresses, which mean \(mode.tool)" : "\(mode.tool) servers"
            throw .refusal(
                "\(key) has \(what), and a service has one forwarding mode: \(wanted.tool) is refused"
            )
        }
        if wanted == .snat, case .destination = key.selector {
            throw .refusal("\(key) cannot translate sources: -J goes together with -H")
        }
        if isBare { mode = wanted }
        if mode == .tunnel, backends.isEmpty { tunnel = newTunnel }
        if mode != .tunnel { tunnel = nil }
        if let newTunnel, newTunnel != tunnel {
            throw .refusal("\(key) has another kind of tunnel already, and a service has one")
        }
    }

    func checkPublicAddress(_ options: ServerOptions) throws(Complaint) {
        if options.weight == 0 {
            throw .refusal(
                "a public address has no weight: -d takes \(options.address) away when its "
                    + "connections have ended"
            )
        }
        if (options.maxConnections ?? 0) > 0 || (options.minConnections ?? 0) > 0 {
            throw .refusal("a public address has no thresholds")
        }
    }

    /// What a public address has no use for: a sentence each.
    func unusedWords(of options: ServerOptions) -> [String] {
        var remarks: [String] = []
        if let weight = options.weight, weight != 1 {
            remarks.append(
                "-w \(weight) has no effect: public addresses of \(key) are used alike"
            )
        }
        if let port = options.port, port != 0 {
            remarks.append(
                "port \(port) of \(options.address) has no effect: a public address has ports of its own"
            )
        }
        return remarks
    }
}

extension Backend {
    /// Takes what options say, and keeps what they do not name.
    ///
    /// - Returns: what has no effect, a sentence each.
    mutating func take(_ options: ServerOptions) -> [String] {
        if let weight = options.weight { self.weight = weight }
        if let most = options.maxConnections { maxConnections = most == 0 ? nil : most }
        if let least = options.minConnections { minConnections = least == 0 ? nil : least }
        guard maxConnections == nil, let least = minConnections else { return [] }
        minConnections = nil
        return [
            options.minConnections == nil
                ? "-y \(least) of \(endpoint) goes with -x: without that nobody is too full"
                : "-y \(least) has no effect without -x: \(endpoint) is never too full"
        ]
    }
}

extension ForwardingMode {
    /// As `ipvsadm` lists it.
    var tool: String {
        switch self {
        case .fnat: "FullNat"
        case .dr: "Route"
        case .tunnel: "Tunnel"
        case .nat: "Masq"
        case .snat: "SNAT"
        }
    }

    /// The option of `-a`.
    var option: String {
        switch self {
        case .fnat: "-b"
        case .dr: "-g"
        case .tunnel: "-i"
        case .nat: "-m"
        case .snat: "-J"
        }
    }
}
