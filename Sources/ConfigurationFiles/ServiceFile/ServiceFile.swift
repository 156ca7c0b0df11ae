// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model
import YAML

/// What one service file says, each object with its place.
struct ServiceFile {
    struct Located<Value> {
        var value: Value
        var path: String
        var location: SourceLocation
        /// Places of single fields, for complaints that take several objects to see.
        var fields: [String: SourceLocation] = [:]

        func location(of field: String) -> SourceLocation { fields[field] ?? location }
    }

    var addresses: [Located<InterfaceAddress>] = []
    var routes: [Located<Route>] = []
    var services: [Located<Service>] = []
    var diagnostics: [Diagnostic] = []

    /// Decodes `bytes`; what cannot be decoded is left out and complained about.
    init(_ bytes: [UInt8], path file: String) {
        let root: YAMLNode
        do throws(YAMLError) {
            guard let node = try readYAML(bytes) else { return }
            root = node
        } catch {
            let location = ObjectReader.location(file, error.place)
            diagnostics.append(Diagnostic(.error, at: location, path: "", error.message))
            return
        }
        guard var reader = reader(root, ServiceFileSchema.file, "", file) else { return }
        for (node, path) in reader.items("addresses") { readAddress(node, path, file) }
        for (node, path) in reader.items("routes") { readRoute(node, path, file) }
        for (node, path) in reader.items("services") { readService(node, path, file) }
        diagnostics += reader.diagnostics
        diagnostics.sort {
            ($0.location.line, $0.location.column) < ($1.location.line, $1.location.column)
        }
    }

    private mutating func reader(
        _ node: YAMLNode,
        _ object: ServiceFileSchema.Object,
        _ path: String,
        _ file: String
    ) -> ObjectReader? {
        ObjectReader(node, object, path: path, file: file, into: &diagnostics)
    }

    private func located<Value>(_ value: Value, _ reader: ObjectReader) -> Located<Value> {
        let fields = reader.object.keys.filter { reader.node($0) != nil }
            .map { ($0, reader.location(of: $0)) }
        return Located(
            value: value,
            path: reader.path,
            location: ObjectReader.location(reader.file, reader.place),
            fields: Dictionary(uniqueKeysWithValues: fields)
        )
    }

    // MARK: - Objects

    private mutating func readAddress(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.address, path, file) else { return }
        defer { diagnostics += reader.diagnostics }
        let interface = reader.text("interface")
        let prefix = reader.prefix("address")
        guard let interface, let prefix else { return }
        let address = InterfaceAddress(interface: interface, prefix: prefix, owner: .file(file))
        addresses.append(located(address, reader))
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
            owner: .file(file)
        )
        if destination != nil { routes.append(located(route, reader)) }
    }

    private mutating func readService(_ node: YAMLNode, _ path: String, _ file: String) {
        guard var reader = reader(node, ServiceFileSchema.service, path, file) else { return }
        defer { diagnostics += reader.diagnostics }
        let address = reader.address("address")
        let port = reader.integer("port")
        let `protocol`: TransportProtocol = reader.choice("protocol") ?? .tcp
        var backends: [Backend] = []
        for (node, path) in reader.items("backends") {
            if let backend = readBackend(node, path, file, servicePort: port) {
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
        let name = reader.text("name")
        let locals = reader.addresses("localAddresses")
        let timeout = reader.duration("connectionTimeout")
        let clientAddress: ClientAddressMode? = reader.choice("clientAddress")
        let protection = readProtection(&reader)
        guard let address, let port = port.flatMap(UInt16.init(exactly:)) else { return }
        let service = Service(
            key: .init(address: address, port: port, protocol: `protocol`),
            name: name ?? "\(`protocol`.rawValue)-\(address)-\(port)",
            mode: mode,
            tunnel: tunnel,
            scheduler: scheduler,
            schedulerOptions: options,
            slowStart: slowStart,
            localAddresses: locals,
            connectionTimeout: timeout,
            clientAddress: clientAddress,
            protection: protection,
            backends: backends,
            owner: .file(file)
        )
        services.append(located(service, reader))
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
            source: reader.source("source")
        )
    }

    private mutating func readBackend(
        _ node: YAMLNode,
        _ path: String,
        _ file: String,
        servicePort: Int?
    ) -> Backend? {
        guard var reader = reader(node, ServiceFileSchema.backend, path, file) else { return nil }
        defer { diagnostics += reader.diagnostics }
        let address = reader.address("address")
        let port = reader.integer("port") ?? servicePort
        let weight = reader.integer("weight") ?? 1
        let most = reader.integer("maxConnections")
        let least = reader.integer("minConnections")
        guard let address, let port = port.flatMap(UInt16.init(exactly:)) else { return nil }
        return Backend(
            endpoint: Endpoint(address, port),
            weight: weight,
            maxConnections: most,
            minConnections: least
        )
    }
}
