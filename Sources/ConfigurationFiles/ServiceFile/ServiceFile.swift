// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

/// What one service file says, each object with its place.
struct ServiceFile: Sendable {
    var objects = PlacedObjects()
    var diagnostics: [Diagnostic] = []
    private var keys: (any SourceReader)?
    /// Key files that were read, by path.
    private(set) var sources: [String: [UInt8]] = [:]
    /// Whether one of them could not be read for a reason that may pass by itself.
    private(set) var isPassing = false
    /// Whether some key file could not be read, so that the same octets may say more next time.
    private(set) var lacksKeys = false
    /// Mistakes that help a person; further objects are not looked at.
    static let mostDiagnostics = 200

    /// Decodes `bytes`; what cannot be decoded is left out and complained about.
    ///
    /// `keys` reads the files that `keyFile` names. What a file says that is not `isQuoted` is in no
    /// complaint.
    init(_ bytes: [UInt8], path file: String, keys: any SourceReader, isQuoted: Bool = true) {
        self.keys = keys
        read(bytes, file)
        // What was read is kept longer than where it was read from.
        self.keys = nil
        diagnostics.sort {
            ($0.location.line, $0.location.column) < ($1.location.line, $1.location.column)
        }
        if !isQuoted { diagnostics = diagnostics.map(\.withoutText) }
    }

    /// The same of a document that has been read, and that names no files.
    init(_ root: YAMLNode, path file: String) {
        keys = NoFiles()
        read(root, file)
        keys = nil
    }

    private mutating func read(_ bytes: [UInt8], _ file: String) {
        do throws(YAMLError) {
            if let root = try readYAML(bytes) { read(root, file) }
        } catch {
            let location = ObjectReader.location(file, error.place)
            diagnostics.append(Diagnostic(.error, at: location, path: "", error.message))
            objects.isIncomplete = true
        }
    }

    private mutating func read(_ root: YAMLNode, _ file: String) {
        guard var reader = reader(root, ServiceFileSchema.file, "", file) else {
            objects.isIncomplete = true
            return
        }
        for (key, read) in Self.lists {
            for (node, path) in reader.items(key) {
                read(&self, node, path, file)
                guard diagnostics.count < Self.mostDiagnostics else {
                    let place = ObjectReader.location(file, node.place)
                    let message = "what follows is not looked at"
                    diagnostics.append(Diagnostic(.error, at: place, path: path, message))
                    return
                }
            }
            if key == "addresses" {
                objects.isIncomplete = !diagnostics.isEmpty || !reader.diagnostics.isEmpty
            }
        }
        diagnostics += reader.diagnostics
    }

    private typealias Read = @Sendable (inout ServiceFile, YAMLNode, String, String) -> Void

    /// The lists of a file, in the order in which what they hold refers to each other.
    private static let lists: [(key: String, read: Read)] = [
        ("interfaces", { $0.readInterface($1, $2, $3) }),
        ("addresses", { $0.readAddress($1, $2, $3) }),
        ("routes", { $0.readRoute($1, $2, $3) }),
        ("neighbours", { $0.readNeighbour($1, $2, $3) }),
        ("sets", { $0.readSet($1, $2, $3) }),
        ("deny", { $0.readDenial($1, $2, $3) }),
        ("services", { $0.readService($1, $2, $3) }),
    ]

    /// One object of the list `key`, which stands at `path` of a request and names no files.
    init(_ node: YAMLNode, in key: String, path: String, request: String) {
        keys = NoFiles()
        for (list, read) in Self.lists where list == key { read(&self, node, path, request) }
        keys = nil
    }

    /// What a request that names a file is told.
    private struct NoFiles: SourceReader {
        func read(_ path: String) throws(SourceError) -> [UInt8] {
            throw SourceError(path: path, message: "a request names no files; give the key itself")
        }

        func glob(_ pattern: String) -> [String] { [] }
        func list(_ directory: String) -> [String] { [] }
        func isOutside(_ path: String, of main: String) -> Bool { true }
    }

    mutating func reader(
        _ node: YAMLNode,
        _ object: ServiceFileSchema.Object,
        _ path: String,
        _ file: String
    ) -> ObjectReader? {
        ObjectReader(node, object, path: path, file: file, into: &diagnostics)
    }

    func located<Value>(_ value: Value, _ reader: ObjectReader) -> Located<Value> {
        let fields = reader.object.keys.filter { reader.node($0) != nil }
            .map { ($0, reader.location(of: $0)) }
        return Located(
            value,
            path: reader.path,
            at: ObjectReader.location(reader.file, reader.place),
            fields: Dictionary(uniqueKeysWithValues: fields),
            isBroken: !reader.diagnostics.isEmpty,
            isRemembered: true
        )
    }

    /// The octets of a file that `key` names; complains where there are none.
    mutating func readFile(
        _ path: String,
        for key: String,
        _ place: YAMLNode.Place,
        _ reader: inout ObjectReader
    ) -> [UInt8]? {
        guard let keys else { return nil }
        do throws(SourceError) {
            let bytes = try keys.read(path)
            sources[path] = bytes
            return bytes
        } catch {
            isPassing = isPassing || error.isPassing
            lacksKeys = true
            reader.report(place, key, "cannot be read: \(error.message)", path)
            return nil
        }
    }

    // MARK: - Objects

    private mutating func readInterface(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.interface, path, file) else { return }
        defer { diagnostics += reader.diagnostics }
        let name = reader.text("name")
        let companionName = reader.text("kniName")
        let companionType: CompanionType? = reader.choice("kniType")
        guard (reader.node("vlan") == nil) != (reader.node("tunnel") == nil) else {
            reader.reportKinds()
            return
        }
        if reader.node("tunnel") != nil {
            guard let name else {
                if reader.node("name") == nil { reader.reportMissing("name") }
                _ = readTunnel("", nil, .auto, &reader, file)
                return
            }
            if let tunnel = readTunnel(name, companionName, companionType ?? .auto, &reader, file) {
                objects.tunnels.append(located(tunnel, reader))
            }
            return
        }
        guard var inner = reader.object("vlan") else { return }
        defer { reader.absorb(inner) }
        let link = inner.text("link")
        let id = inner.integer("id")
        let innerID = inner.integer("innerID")
        let priority = inner.integer("priority")
        let mtu = inner.integer("mtu")
        guard let link, let id else { return }
        let vlan = VLANInterface(
            name: name ?? VLANInterface.name(link: link, id: id, innerID: innerID),
            link: link,
            id: id,
            innerID: innerID,
            priority: priority ?? 0,
            mtu: mtu,
            companionName: companionName,
            companionType: companionType ?? .auto,
            owner: .file(file)
        )
        objects.vlans.append(located(vlan, reader))
    }

    private mutating func readAddress(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.address, path, file) else { return }
        defer { diagnostics += reader.diagnostics }
        let interface = reader.text("interface")
        let prefix = reader.prefix("address")
        guard let interface, let prefix else { return }
        let address = InterfaceAddress(interface: interface, prefix: prefix, owner: .file(file))
        objects.addresses.append(located(address, reader))
    }

    private mutating func readRoute(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.route, path, file) else { return }
        defer { diagnostics += reader.diagnostics }
        let gateway = reader.address("via")
        let destination = reader.destination("to", gateway?.family ?? .ipv4)
        let route = Route(
            destination: destination ?? .any(.ipv4),
            gateway: gateway,
            interface: reader.text("interface"),
            mtu: reader.integer("mtu"),
            scope: reader.choice("scope") ?? .global,
            owner: .file(file)
        )
        if destination != nil { objects.routes.append(located(route, reader)) }
    }

    private mutating func readNeighbour(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.neighbour, path, file) else { return }
        defer { diagnostics += reader.diagnostics }
        let interface = reader.text("interface")
        let address = reader.address("address")
        let macAddress = reader.macAddress("mac")
        guard let interface, let address, let macAddress else { return }
        let neighbour = Neighbour(
            interface: interface,
            address: address,
            macAddress: macAddress,
            owner: .file(file)
        )
        objects.neighbours.append(located(neighbour, reader))
    }

    private mutating func readService(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.service, path, file) else { return }
        let before = diagnostics.count
        defer { diagnostics += reader.diagnostics }
        let `protocol`: TransportProtocol = reader.choice("protocol") ?? .tcp
        let selector = Self.readSelector(&reader, `protocol`)
        let protection = readProtection(&reader)
        var backends: [Backend] = []
        for (node, path) in reader.items("backends") {
            let backend = readBackend(
                node,
                path,
                file,
                `protocol`,
                servicePort: selector?.backendPort,
                check: protection.healthCheck
            )
            if let backend {
                backends.append(backend)
            }
        }
        let mode: ForwardingMode = reader.choice("mode") ?? .fnat
        let tunnel = reader.node("tunnel").flatMap { readTunnel($0, path + ".tunnel", file) }
        let scheduler = reader.scheduler("scheduler") ?? .rr
        let options = SchedulerOptions(
            flags: Set(reader.choices("schedulerFlags")),
            hashTarget: reader.choice("hashTarget"),
            maglevTableSize: reader.integer("maglevTableSize")
        )
        let slowStart = reader.duration("slowStart")
        let quic = reader.node("quic").flatMap { readQUIC($0, path + ".quic", file) }
        let name = reader.text("name")
        let locals = reader.addresses("localAddresses")
        let timeout = reader.duration("connectionTimeout")
        let clientAddress: ClientAddressMode? = reader.choice("clientAddress")
        let persistence = readPersistence(&reader)
        let isOnePacket = reader.flag("onePacket") ?? false
        let portsPerSource = reader.integer("maxPortsPerSource")
        let access = readAccess(&reader)
        guard let selector else { return }
        let key = Service.Key(selector, `protocol`)
        let service = Service(
            key: key,
            name: name ?? Self.name(of: key),
            mode: mode,
            tunnel: tunnel,
            scheduler: scheduler,
            schedulerOptions: options,
            slowStart: slowStart,
            localAddresses: locals,
            connectionTimeout: timeout,
            clientAddress: clientAddress,
            quic: quic,
            persistence: persistence,
            isOnePacket: isOnePacket,
            portsPerSource: portsPerSource,
            protection: protection,
            access: access,
            backends: backends,
            owner: .file(file)
        )
        var object = located(service, reader)
        object.isBroken = object.isBroken || diagnostics.count > before
        objects.services.append(object)
    }

    // MARK: - QUIC

    private mutating func readQUIC(
        _ node: YAMLNode,
        _ path: String,
        _ file: String
    ) -> QUICOptions? {
        guard var reader = reader(node, ServiceFileSchema.quic, path, file) else { return nil }
        defer { diagnostics += reader.diagnostics }
        let layout: QUICLayout? = reader.choice("serverID")
        var options = QUICOptions(namesAddresses: layout == .dpvs)
        for (node, path) in reader.items("quicLB") {
            if let configuration = readConfiguration(node, path, file) {
                options.configurations.append(configuration)
            }
        }
        return options
    }

    /// Words of `serverID`.
    private enum QUICLayout: String {
        case dpvs
    }

    private mutating func readConfiguration(
        _ node: YAMLNode,
        _ path: String,
        _ file: String
    ) -> QUICOptions.Configuration? {
        let object = ServiceFileSchema.quicConfiguration
        guard var reader = reader(node, object, path, file) else { return nil }
        defer { diagnostics += reader.diagnostics }
        let id = reader.integer("configID")
        let serverIDLength = reader.integer("serverIDLength")
        let nonceLength = reader.integer("nonceLength")
        let key = reader.quicKey { readFile($0, for: "keyFile", $1, &$2) }
        guard let id, let serverIDLength, let nonceLength else { return nil }
        return .init(
            id: id,
            serverIDLength: serverIDLength,
            nonceLength: nonceLength,
            key: key
        )
    }

    static func name(of key: Service.Key) -> String {
        guard case .destination = key.selector else { return key.description }
        guard key.protocol.hasPorts else { return "\(key.protocol.rawValue)-\(key.addressText)" }
        return "\(key.protocol.rawValue)-\(key.addressText)-\(key.portText)"
    }

    /// Exactly one of `address`, `match` and `fwmark` says which packets are meant.
    static func readSelector(
        _ reader: inout ObjectReader,
        _ protocol: TransportProtocol
    ) -> ServiceSelector? {
        let ways = ["address", "match", "fwmark"].filter { reader.node($0) != nil }
        guard let way = ways.first else {
            reader.reportMissing("address")
            return nil
        }
        for other in ways.dropFirst() {
            reader.report(
                reader.node(other)?.place ?? reader.place,
                other,
                "does not go together with \(way)",
                nil,
                "one of address, match and fwmark"
            )
        }
        let ports = `protocol`.hasPorts ? reader.ports("port") : reader.noPorts(`protocol`)
        switch way {
        case "address":
            let prefix = reader.network("address")
            if `protocol`.hasPorts, reader.node("port") == nil { reader.reportMissing("port") }
            guard let prefix, let ports else { return nil }
            return .destination(prefix, ports)
        case "match": return readMatch(&reader, `protocol`).map { .match($0) }
        default: return reader.integer("fwmark").flatMap(UInt32.init(exactly:)).map { .mark($0) }
        }
    }

    private static func readMatch(
        _ reader: inout ObjectReader,
        _ protocol: TransportProtocol
    ) -> TrafficMatch? {
        guard var match = reader.object("match") else { return nil }
        defer { reader.absorb(match) }
        for key in ["sourcePorts", "ports"] where !`protocol`.hasPorts {
            guard let node = match.node(key) else { continue }
            match.report(node.place, key, "do not exist over icmp", node.text, "no ports")
        }
        let source = match.range("source")
        let destination = match.range("destination")
        let family = source?.family ?? destination?.family ?? .ipv4
        return TrafficMatch(
            source: source ?? .any(family),
            destination: destination ?? .any(family),
            sourcePorts: match.ports("sourcePorts") ?? .all,
            ports: match.ports("ports") ?? .all,
            inputInterface: match.text("inputInterface"),
            outputInterface: match.text("outputInterface")
        )
    }

    private func readPersistence(_ reader: inout ObjectReader) -> Persistence? {
        guard var inner = reader.object("persistence") else { return nil }
        defer { reader.absorb(inner) }
        var persistence = Persistence()
        if let timeout = inner.duration("timeout") {
            if timeout > .zero, timeout <= Persistence.longest {
                persistence.timeout = timeout
            } else {
                inner.report(
                    inner.node("timeout")?.place ?? inner.place,
                    "timeout",
                    "is out of range",
                    inner.node("timeout")?.text,
                    "1ms...31d"
                )
            }
        }
        if let mask = inner.integer("mask") { persistence.mask = mask }
        if let mask = inner.integer("maskV6") { persistence.maskV6 = mask }
        return persistence
    }

    private mutating func readTunnel(
        _ node: YAMLNode,
        _ path: String,
        _ file: String
    ) -> Tunnel? {
        guard var reader = reader(node, ServiceFileSchema.tunnel, path, file) else { return nil }
        defer { diagnostics += reader.diagnostics }
        return Tunnel(
            kind: reader.choice("type") ?? .ipip,
            port: reader.integer("port").flatMap(UInt16.init(exactly:)),
            source: reader.network("source"),
            hasChecksum: reader.flag("checksum") ?? false
        )
    }

    mutating func readBackend(
        _ node: YAMLNode,
        _ path: String,
        _ file: String,
        _ protocol: TransportProtocol,
        servicePort: UInt16?,
        check: HealthCheck?
    ) -> Backend? {
        guard var reader = reader(node, ServiceFileSchema.backend, path, file) else { return nil }
        defer { diagnostics += reader.diagnostics }
        let address = reader.address("address")
        // A service without a port has complained already.
        let port = reader.port(`protocol`, default: Int(servicePort ?? 0))
        let weight = reader.integer("weight") ?? 1
        let serverID = reader.hexadecimal("serverID")
        let most = reader.integer("maxConnections")
        let least = reader.integer("minConnections")
        let own = readBackendCheck(&reader, of: check)
        guard let address, let port = port.flatMap(UInt16.init(exactly:)) else { return nil }
        return Backend(
            endpoint: Endpoint(address, port),
            weight: weight,
            maxConnections: most,
            minConnections: least,
            quicServerID: serverID,
            healthCheck: own
        )
    }
}

extension ServiceSelector {
    /// The port of a backend that names none: the service's, or 0 for the one that clients ask.
    var backendPort: UInt16 {
        guard case .destination(_, let ports) = self else { return 0 }
        return ports.single ?? 0
    }
}
