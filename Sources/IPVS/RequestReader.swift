// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

extension Request {
    /// Reads a command line; `words` are those behind the name of the program.
    package init(_ words: [String]) throws(Complaint) {
        var reader = RequestReader(try CommandLineWords(words))
        self.init(try reader.action())
        isExact = reader.has(.exact)
        isUnsorted = reader.has(.noSort)
        isJSON = reader.has(.json)
        instance = try reader.value(of: .instance)
        socket = try reader.value(of: .socket)
        remarks = reader.remarks
    }
}

/// Reads the options of one command line as a request.
struct RequestReader {
    let words: CommandLineWords
    var remarks: [String] = []

    init(_ words: CommandLineWords) { self.words = words }

    func has(_ option: Option) -> Bool { words.options.contains { $0.option == option } }

    /// The value of an option that stands once at most.
    func value(of option: Option) throws(Complaint) -> String? {
        let values = words.options.filter { $0.option == option }
        if values.count > 1 { throw Complaint("\(option.words) stands there twice") }
        return values.first?.value
    }

    private func demand(_ option: Option, _ what: String) throws(Complaint) -> String {
        guard let text = try value(of: option) else {
            throw Complaint("\(commandWords) needs \(option.words) \(what)")
        }
        return text
    }

    private var commandWords: String { words.command?.words ?? "a list" }

    // MARK: - Commands

    mutating func action() throws(Complaint) -> Request.Action {
        let command = words.command ?? .list
        try checkOptions(of: command)
        if command != .set, let word = words.rest.first {
            throw Complaint("'\(word.printable)' belongs to no option")
        }
        switch command {
        case .addService: return .change(.addService(try service(), try newServiceOptions()))
        case .editService: return .change(.editService(try service(), try serviceOptions()))
        case .deleteService: return .change(.deleteService(try service()))
        case .clear: return .change(.clear)
        case .addServer: return .change(.addServer(try service(), try serverOptions()))
        case .editServer: return .change(.editServer(try service(), try serverOptions()))
        case .deleteServer: return .change(.deleteServer(try service(), try serverOptions()))
        case .addLocalAddress:
            let address = try localAddress()
            return .change(
                .addLocalAddress(try service(), address, interface: try value(of: .interface))
            )
        case .deleteLocalAddress:
            let address = try localAddress()
            return .change(
                .deleteLocalAddress(try service(), address, interface: try value(of: .interface))
            )
        case .getLocalAddresses: return .localAddresses(of: try optionalService())
        case .list: return try listing()
        case .zero: return .zero(try optionalService())
        case .save: return .save
        case .restore: return .restore
        case .getDenied: return .clientLists(.denied)
        case .getAllowed: return .clientLists(.allowed)
        case .addDenied: return .change(.addClient(try service(), .denied, try client(.denied)))
        case .deleteDenied:
            return .change(.deleteClient(try service(), .denied, try client(.denied)))
        case .addAllowed: return .change(.addClient(try service(), .allowed, try client(.allowed)))
        case .deleteAllowed:
            return .change(.deleteClient(try service(), .allowed, try client(.allowed)))
        case .set, .startDaemon, .stopDaemon: return try withoutEffect(command)
        case .help: return .help
        case .version: return .version
        default: throw Complaint("\(command.words) is no command")
        }
    }

    private func localAddress() throws(Complaint) -> IPAddress {
        try Value.address(try demand(.localAddress, "ADDRESS"), .localAddress)
    }

    private mutating func listing() throws(Complaint) -> Request.Action {
        let service = try optionalService()
        if has(.worker) {
            _ = try Value.number(try demand(.worker, "N"), 0...65535, .worker)
            remarks.append("--cpu has no effect: the numbers are those of all workers together")
        }
        if has(.connections) || has(.socketPair) {
            let pair = try value(of: .socketPair).map(Value.socketPair)
            return .connections(of: service, pair)
        }
        let views: [(Option, Request.View)] = [
            (.statistics, .statistics), (.rate, .rates), (.thresholds, .thresholds),
            (.persistentConnections, .persistence), (.timeout, .timeouts), (.daemon, .daemons),
        ]
        let chosen = views.filter { has($0.0) }
        if chosen.count > 1 {
            throw Complaint("\(chosen[0].0.words) and \(chosen[1].0.words) do not go together")
        }
        return .list(chosen.first?.1 ?? .connections, of: service)
    }

    private mutating func withoutEffect(_ command: Option) throws(Complaint) -> Request.Action {
        if command == .set {
            guard words.rest.count == 3, words.rest.allSatisfy({ Int(digits: $0) != nil }) else {
                throw Complaint("--set needs three numbers of seconds: TCP TCPFIN UDP")
            }
            remarks.append(
                "--set has no effect: timeouts are items of dpvs.conf, ipvs_defs.tcp.timeout and "
                    + "ipvs_defs.udp.timeout"
            )
        } else {
            guard let state = words.commandValue, state == "master" || state == "backup" else {
                throw Complaint("\(command.words) needs master or backup")
            }
            remarks.append(
                "\(command.words) has no effect: no connections are sent to another balancer"
            )
        }
        return .nothing
    }

    /// `ADDRESS` or `ipset:NAME`.
    private func client(_ option: Option) throws(Complaint) -> AddressSource {
        let text = try demand(option, "ADDRESS|ipset:NAME")
        if text.hasPrefix("ipset:") {
            let name = String(text.dropFirst("ipset:".count))
            if AddressSet.isName(name) { return .set(name) }
            throw Complaint(
                "\(option.words): '\(name.printable)' is no name of a set; accepted: "
                    + AddressSet.namingRule
            )
        }
        if let range = AddressRange(text) { return .range(range) }
        throw Complaint(
            "\(option.words): '\(text.printable)' is no address; accepted: an address, a network, a "
                + "range of two addresses, or ipset:NAME"
        )
    }

    // MARK: - Services

    private static let selectors: [(option: Option, transport: TransportProtocol)] = [
        (.tcp, .tcp), (.udp, .udp), (.sctp, .sctp), (.icmp, .icmp), (.icmpv6, .icmp),
        (.mark, .tcp), (.match, .tcp),
    ]

    private static let remarkOfFamily =
        "-6 has no effect: a mark is of both families here, and nobody marks packets yet"

    private mutating func service() throws(Complaint) -> Service.Key {
        guard let key = try optionalService() else {
            throw Complaint(
                "\(commandWords) needs a service: -t HOST:PORT, -u HOST:PORT, --sctp-service HOST:PORT, "
                    + "-q HOST, -1 HOST, -f MARK or -H MATCH"
            )
        }
        return key
    }

    private mutating func optionalService() throws(Complaint) -> Service.Key? {
        let present = Self.selectors.filter { has($0.option) }
        guard let (option, transport) = present.first else {
            if has(.ipv6) { throw Complaint("-6 goes together with -f MARK") }
            return nil
        }
        if present.count > 1 {
            throw Complaint("\(option.words) and \(present[1].option.words) are two services")
        }
        if has(.ipv6), option != .mark { throw Complaint("-6 goes together with -f MARK") }
        let text = try value(of: option) ?? ""
        switch option {
        case .match: return try Value.match(text)
        case .mark:
            if has(.ipv6), !remarks.contains(Self.remarkOfFamily) {
                remarks.append(Self.remarkOfFamily)
            }
            guard let mark = UInt32(digits: text), mark > 0 else {
                throw Complaint("-f: '\(text.printable)' is no mark; accepted: 1...4294967295")
            }
            return Service.Key(.mark(mark), transport)
        default: return try Value.service(text, transport, option)
        }
    }

    private mutating func newServiceOptions() throws(Complaint) -> ServiceOptions {
        var options = try serviceOptions()
        options.scheduler = options.scheduler ?? .wlc
        let key = try service()
        if case .destination = key.selector, key.protocol.hasPorts, key.ports == .all,
            options.persistence == nil
        {
            throw Complaint("port 0, which is every port, needs persistence: -p")
        }
        return options
    }

    private mutating func serviceOptions() throws(Complaint) -> ServiceOptions {
        let key = try service()
        var options = ServiceOptions()
        options.scheduler = try value(of: .scheduler).map(Value.scheduler)
        options.schedulerFlags = try value(of: .schedulerFlags).map(Value.schedulerFlags)
        options.hashTarget = try value(of: .hashTarget).map(Value.hashTarget)
        if has(.persistent) {
            let most = Int(Persistence.longest.components.seconds)
            let least = words.command == .editService ? 0 : 1
            options.persistence = .usual
            if let text = try value(of: .persistent) {
                options.persistence = .exactly(try Value.number(text, least...most, .persistent))
            }
        }
        options.mask = try value(of: .netmask)
            .map { text throws(Complaint) in
                try Value.mask(text, key.family)
            }
        options.isOnePacket = has(.onePacket)
        options.expiresQuiescent = has(.expireQuiescent)
        options.readsQUIC = has(.quic)
        let checks = words.options.filter { $0.option == .destCheck }.compactMap(\.value)
        if !checks.isEmpty { options.destCheck = try Value.destCheck(checks) }
        options.connectionTimeout = try value(of: .connectionTimeout)
            .map { text throws(Complaint) in
                try Value.number(text, 0...31_536_000, .connectionTimeout)
            }
        options.clientAddress = try value(of: .proxyProtocol).map(Value.clientAddress)
        try readSYNProxy(key)
        if let name = try value(of: .persistenceEngine) {
            remarks.append(
                "--pe \(name.printable) has no effect: addresses alone tell clients apart"
            )
        }
        return options
    }

    private mutating func readSYNProxy(_ key: Service.Key) throws(Complaint) {
        switch try value(of: .synProxy) {
        case nil, "disable": break
        case "enable" where key.protocol != .tcp:
            remarks.append("-j has no effect: only TCP has SYNs")
        case "enable":
            throw .refusal("-j enable: there is no SYN proxy here yet: nothing is done")
        case let text?:
            throw Complaint("-j: '\(text.printable)' is not enable or disable")
        }
    }

    // MARK: - Real servers

    private static let modes: [(option: Option, mode: ForwardingMode)] = [
        (.direct, .dr), (.tunnel, .tunnel), (.nat, .nat), (.fullNAT, .fnat), (.sourceNAT, .snat),
    ]

    private func serverOptions() throws(Complaint) -> ServerOptions {
        let (address, port) = try Value.server(try demand(.server, "HOST[:PORT]"))
        var options = ServerOptions(address, port: port)
        let modes = Self.modes.filter { has($0.option) }
        if modes.count > 1 {
            throw Complaint(
                "\(modes[0].option.words) and \(modes[1].option.words) do not go together"
            )
        }
        options.mode = modes.first?.mode
        options.tunnel = try tunnel(options.mode)
        options.weight = try value(of: .weight)
            .map { text throws(Complaint) in
                try Value.number(text, Backend.weights, .weight)
            }
        let counts = 0...Protection.connectionCounts.upperBound
        options.maxConnections = try value(of: .upperThreshold)
            .map { text throws(Complaint) in
                try Value.number(text, counts, .upperThreshold)
            }
        options.minConnections = try value(of: .lowerThreshold)
            .map { text throws(Complaint) in
                try Value.number(text, counts, .lowerThreshold)
            }
        return options
    }

    private func tunnel(_ mode: ForwardingMode?) throws(Complaint) -> Tunnel? {
        let kind = try value(of: .tunnelType).map(Value.tunnelKind)
        let port = try value(of: .tunnelPort)
            .map { text throws(Complaint) in
                try Value.number(text, 1...65535, .tunnelPort)
            }
        if has(.tunnelRemoteChecksum) {
            throw .refusal("--tun-remcsum: there is no remote checksum offload here")
        }
        guard kind != nil || port != nil || has(.tunnelChecksum) else { return nil }
        guard mode == .tunnel else {
            throw Complaint("--tun-type and the like go together with -i")
        }
        return Tunnel(
            kind: kind ?? .ipip,
            port: port.map(UInt16.init),
            hasChecksum: has(.tunnelChecksum)
        )
    }
}
