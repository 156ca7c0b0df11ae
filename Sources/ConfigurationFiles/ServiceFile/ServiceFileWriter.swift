// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Model
import YAML

/// Writes objects as service files have them; what is as by default is left out.
///
/// What was written is read back as the same, but for the owner: a test says so of random objects.
package struct ServiceFileWriter: Sendable {
    /// Whether keys of QUIC-LB are shown; else the file says that they are missing.
    private let showsSecrets: Bool

    package init(showsSecrets: Bool = false) { self.showsSecrets = showsSecrets }

    /// A service file with all objects of `state`.
    package func text(of state: DesiredState) -> String {
        let root = document(of: state)
        return root.fields.isEmpty ? "" : writeYAML(root)
    }

    func document(of state: DesiredState) -> YAMLNode {
        let interfaces = state.vlans.map(document) + state.tunnels.map(document)
        let lists: [(String, [YAMLNode])] = [
            ("interfaces", interfaces), ("addresses", state.addresses.map(document)),
            ("routes", state.routes.map(document)), ("neighbours", state.neighbours.map(document)),
            ("sets", state.sets.map(document)), ("deny", state.denials.map { .text($0.source) }),
            ("services", state.services.map(document)),
        ]
        return .mapping(lists.filter { !$0.1.isEmpty }.map { ($0.0, .list($0.1)) })
    }

    // MARK: - Network

    func document(of vlan: VLANInterface) -> YAMLNode {
        var tag = Fields()
        tag.text("link", vlan.link)
        tag.plain("id", vlan.id)
        tag.plain("innerID", vlan.innerID)
        tag.plain("priority", vlan.priority, unless: 0)
        tag.plain("mtu", vlan.mtu)
        return interface(vlan, "vlan", tag)
    }

    func document(of tunnel: TunnelInterface) -> YAMLNode {
        var fields = Fields()
        fields.text("kind", tunnel.kind.rawValue)
        fields.text("remote", tunnel.remote)
        fields.text("local", tunnel.local)
        fields.text("link", tunnel.link)
        for (prefix, words) in [("i", tunnel.input), ("o", tunnel.output)] {
            fields.text(prefix + "key", words.key)
            fields.plain(prefix + "csum", words.hasChecksum, unless: false)
            fields.plain(prefix + "seq", words.hasSequence, unless: false)
        }
        fields.plain("ttl", tunnel.timeToLive, unless: 0)
        fields.plain("tos", tunnel.service)
        fields.plain("mtu", tunnel.mtu)
        return interface(tunnel, "tunnel", fields)
    }

    private func interface(
        _ interface: some CompanionBearer,
        _ kind: String,
        _ inner: Fields
    ) -> YAMLNode {
        var fields = Fields()
        fields.text("name", interface.name)
        fields.node(kind, inner.node)
        fields.text("kniName", interface.companionName)
        fields.text("kniType", interface.companionType.rawValue, unless: "auto")
        return fields.node
    }

    func document(of address: InterfaceAddress) -> YAMLNode {
        .mapping([("interface", .text(address.interface)), ("address", .text(address.prefix))])
    }

    func document(of route: Route) -> YAMLNode {
        var fields = Fields()
        fields.text("to", route.destination)
        fields.text("via", route.gateway)
        fields.text("interface", route.interface)
        fields.plain("mtu", route.mtu)
        fields.text("scope", route.scope.rawValue, unless: RouteScope.global.rawValue)
        return fields.node
    }

    func document(of neighbour: Neighbour) -> YAMLNode {
        .mapping([
            ("interface", .text(neighbour.interface)), ("address", .text(neighbour.address)),
            ("mac", .text(neighbour.macAddress)),
        ])
    }

    func document(of set: AddressSet) -> YAMLNode {
        var fields = Fields()
        fields.text("name", set.name)
        fields.texts("entries", set.entries)
        return fields.node
    }

    func document(of denial: Denial) -> YAMLNode { .mapping([("source", .text(denial.source))]) }

    // MARK: - Services

    func document(of service: Service) -> YAMLNode {
        var fields = Fields()
        fields.text("name", service.name)
        write(service.key.selector, service.key.protocol, &fields)
        fields.text("protocol", service.key.protocol.rawValue)
        fields.text("mode", service.mode.rawValue)
        if let tunnel = service.tunnel { fields.node("tunnel", document(of: tunnel)) }
        fields.text("scheduler", service.scheduler.rawValue)
        let options = service.schedulerOptions
        fields.texts("schedulerFlags", options.flags.map(\.rawValue).sorted())
        fields.text("hashTarget", options.hashTarget?.rawValue)
        fields.plain("maglevTableSize", options.maglevTableSize)
        fields.text("slowStart", service.slowStart?.text)
        fields.texts("localAddresses", AddressRange.ranges(of: service.localAddresses))
        fields.plain("maxPortsPerSource", service.portsPerSource)
        fields.text("connectionTimeout", service.connectionTimeout?.text)
        fields.text("clientAddress", service.clientAddress?.rawValue)
        if let quic = service.quic { fields.node("quic", document(of: quic)) }
        if let persistence = service.persistence {
            let timeout = YAMLNode.text(persistence.timeout.text)
            fields.node(
                "persistence",
                .mapping([
                    ("timeout", timeout), ("mask", .plain(persistence.mask)),
                    ("maskV6", .plain(persistence.maskV6)),
                ])
            )
        }
        fields.plain("onePacket", service.isOnePacket, unless: false)
        write(service.protection, &fields)
        fields.texts("allow", service.access.allow)
        fields.texts("deny", service.access.deny)
        let backends = service.backends.map { document(of: $0, service.key.protocol) }
        if !backends.isEmpty { fields.node("backends", .list(backends)) }
        return fields.node
    }

    private func write(
        _ selector: ServiceSelector,
        _ transport: TransportProtocol,
        _ fields: inout Fields
    ) {
        switch selector {
        case .destination(let prefix, let ports):
            fields.text("address", prefix.isHost ? "\(prefix.address)" : "\(prefix)")
            if transport.hasPorts { fields.ports("port", ports) }
        case .mark(let mark): fields.plain("fwmark", mark)
        case .match(let match):
            var inner = Fields()
            inner.text("source", match.source)
            inner.text("destination", match.destination)
            if match.sourcePorts != .all { inner.ports("sourcePorts", match.sourcePorts) }
            if match.ports != .all { inner.ports("ports", match.ports) }
            inner.text("inputInterface", match.inputInterface)
            inner.text("outputInterface", match.outputInterface)
            fields.node("match", inner.node)
        }
    }

    private func document(of tunnel: Tunnel) -> YAMLNode {
        var fields = Fields()
        fields.text("type", tunnel.kind.rawValue)
        fields.plain("port", tunnel.port)
        fields.text("source", tunnel.source.map { $0.isHost ? "\($0.address)" : "\($0)" })
        fields.plain("checksum", tunnel.hasChecksum, unless: false)
        return fields.node
    }

    private func document(of quic: QUICOptions) -> YAMLNode {
        var fields = Fields()
        if quic.namesAddresses { fields.text("serverID", "dpvs") }
        let configurations = quic.configurations.map { configuration in
            var inner = Fields()
            inner.plain("configID", configuration.id)
            inner.plain("serverIDLength", configuration.serverIDLength)
            inner.plain("nonceLength", configuration.nonceLength)
            inner.text(
                "key",
                configuration.key.map { showsSecrets ? $0.octets.hexadecimal : "\($0)" }
            )
            return inner.node
        }
        if !configurations.isEmpty { fields.node("quicLB", .list(configurations)) }
        return fields.node
    }

    private func write(_ protection: Protection, _ fields: inout Fields) {
        fields.plain("maxConnections", protection.maxConnections)
        var limits = Fields()
        limits.plain("connections", protection.rateLimit.connections)
        limits.plain("packets", protection.rateLimit.packets)
        limits.plain("bits", protection.rateLimit.bits)
        if !limits.isEmpty { fields.node("rateLimit", limits.node) }
        fields.plain("packetShare", protection.packetShare)
        fields.plain("expireQuiescent", protection.expiresQuiescent, unless: false)
        fields.text("drainTimeout", protection.drainTimeout?.text)
        if let check = protection.healthCheck {
            fields.node("healthCheck", document(of: check))
        }
        fields.text("panic", protection.healthPanic.rawValue, unless: "serveAll")
        guard let check = protection.destCheck else { return }
        var inner = Fields()
        inner.plain("downNotice", check.downNotice)
        inner.plain("upNotice", check.upNotice)
        inner.text("downWait", check.downWait.text)
        inner.text("inhibit", check.inhibit.map { "\($0.lowerBound.text)..\($0.upperBound.text)" })
        if check.inhibit == nil { inner.plain("recovers", false) }
        fields.node("destCheck", inner.node)
    }

    /// The port is always said: without it, it is the service's.
    func document(of backend: Backend, _ transport: TransportProtocol) -> YAMLNode {
        var fields = Fields()
        fields.text("address", backend.endpoint.address)
        if transport.hasPorts, backend.endpoint.port != 0 {
            fields.plain("port", backend.endpoint.port)
        }
        fields.plain("weight", backend.weight)
        fields.text("serverID", backend.quicServerID?.hexadecimal)
        fields.plain("maxConnections", backend.maxConnections)
        fields.plain("minConnections", backend.minConnections)
        if let check = backend.healthCheck { fields.node("healthCheck", document(of: check)) }
        return fields.node
    }
}

/// The pairs of a mapping that is being written; what is nil is not there.
struct Fields {
    private var pairs: [(String, YAMLNode)] = []

    var isEmpty: Bool { pairs.isEmpty }
    var node: YAMLNode { .mapping(pairs) }

    mutating func node(_ key: String, _ node: YAMLNode) { pairs.append((key, node)) }

    mutating func text<Value: CustomStringConvertible & Equatable>(
        _ key: String,
        _ value: Value?,
        unless standard: Value? = nil
    ) {
        if let value, value != standard { pairs.append((key, .text(value))) }
    }

    mutating func texts(_ key: String, _ values: [some CustomStringConvertible]) {
        if !values.isEmpty { pairs.append((key, .list(values.map { .text($0) }))) }
    }

    mutating func plain<Value: CustomStringConvertible & Equatable>(
        _ key: String,
        _ value: Value?,
        unless standard: Value? = nil
    ) {
        if let value, value != standard { pairs.append((key, .plain(value))) }
    }

    mutating func ports(_ key: String, _ ports: PortRange) {
        pairs.append((key, ports.single == nil ? .text(ports) : .plain(ports)))
    }
}

extension [UInt8] {
    var hexadecimal: String {
        map { octet in
            let digits = String(octet, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        .joined()
    }
}

extension AddressRange {
    /// The addresses as service files write them: those that follow each other as one range.
    fileprivate static func ranges(of addresses: [IPAddress]) -> [String] {
        var ranges: [(first: IPAddress, last: IPAddress)] = []
        for address in addresses {
            if let last = ranges.last?.last, last.next == address {
                ranges[ranges.count - 1].last = address
            } else {
                ranges.append((address, address))
            }
        }
        return ranges.map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }
    }
}
