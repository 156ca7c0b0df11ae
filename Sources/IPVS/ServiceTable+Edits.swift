// SPDX-License-Identifier: Apache-2.0
import Addressing
package import Control
import Model

extension ServiceTable {
    private typealias Fields = [String: EditList.Value?]

    /// The edits that make what runs this table.
    package var edits: EditList {
        var list = EditList()
        appendAddresses(to: &list)
        for key in order {
            switch (before[key], services[key]) {
            case (nil, let service?): list.append(.add, "service", whole(service))
            case (_?, nil): list.append(.remove, "service", Self.selector(key))
            case (let old?, let new?): append(old, new, to: &list)
            case (nil, nil): break
            }
        }
        return list
    }

    private func appendAddresses(to list: inout EditList) {
        for (address, new) in interfaces.sorted(by: { $0.key < $1.key })
        where interfacesBefore[address] == nil {
            list.append(.put, "address", fields(of: new))
        }
        for (address, old) in interfacesBefore.sorted(by: { $0.key < $1.key })
        where interfaces[address] == nil {
            list.append(.remove, "address", fields(of: old))
        }
    }

    private func fields(of address: InterfaceAddress) -> Fields {
        ["interface": .text(address.interface), "address": .text("\(address.prefix)")]
    }

    private func append(_ old: Service, _ new: Service, to list: inout EditList) {
        let changed = Self.options(of: new)
            .filter { name, value in
                Self.options(of: old)[name] != value
            }
        if !changed.isEmpty {
            let fields: Fields = changed.mapValues { $0 }
            list.append(.set, "service", Self.selector(new.key).merging(fields) { $1 })
        }
        let here = Dictionary(old.backends.map { ($0.endpoint, $0) }) { first, _ in first }
        let wanted = Set(new.backends.map(\.endpoint))
        for backend in old.backends where !wanted.contains(backend.endpoint) {
            list.append(.remove, "backend", name(backend.endpoint, in: new.key))
        }
        for backend in new.backends where here[backend.endpoint] != backend {
            let verb: EditList.Verb = here[backend.endpoint] == nil ? .add : .set
            let fields = name(backend.endpoint, in: new.key)
            list.append(verb, "backend", fields.merging(Self.options(of: backend)) { $1 })
        }
    }

    private func whole(_ service: Service) -> Fields {
        var fields = Self.selector(service.key)
        for (name, value) in Self.options(of: service) { fields[name] = value.said }
        if !service.backends.isEmpty {
            fields["backends"] = .list(
                service.backends.map { backend in
                    let fields = Self.place(backend.endpoint)
                        .merging(Self.options(of: backend)) { $1 }
                    return .object(fields.compactMapValues { $0?.said })
                }
            )
        }
        return fields
    }

    // MARK: - What finds objects

    private static func selector(_ key: Service.Key) -> Fields {
        var fields: Fields = ["protocol": .text(key.protocol.rawValue)]
        switch key.selector {
        case .destination(let prefix, let ports):
            fields["address"] = .text(key.addressText)
            assert(prefix == prefix.network)
            if key.protocol.hasPorts { fields["port"] = .ports(ports) }
        case .mark(let mark): fields["fwmark"] = .number(Int(mark))
        case .match(let match):
            var inner: [String: EditList.Value] = ["source": .text("\(match.source)")]
            if match.destination != .any(match.source.family) {
                inner["destination"] = .text("\(match.destination)")
            }
            if match.sourcePorts != .all { inner["sourcePorts"] = .ports(match.sourcePorts) }
            if match.ports != .all { inner["ports"] = .ports(match.ports) }
            inner["inputInterface"] = match.inputInterface.map { .text($0) }
            inner["outputInterface"] = match.outputInterface.map { .text($0) }
            fields["match"] = .object(inner)
        }
        return fields
    }

    private static func place(_ endpoint: Endpoint) -> Fields {
        [
            "address": .text("\(endpoint.address)"),
            "port": endpoint.port == 0 ? nil : .number(Int(endpoint.port)),
        ]
    }

    private func name(_ endpoint: Endpoint, in service: Service.Key) -> Fields {
        Self.place(endpoint).merging(["service": .text("\(service)")]) { $1 }
    }

    // MARK: - What `ipvsadm` says of them

    private static func options(of backend: Backend) -> Fields {
        [
            "weight": .number(backend.weight),
            "maxConnections": backend.maxConnections.map { .number($0) } ?? EditList.Value.none,
            "minConnections": backend.minConnections.map { .number($0) } ?? EditList.Value.none,
        ]
    }

    /// Without backends; what is as by default is none.
    private static func options(of service: Service) -> [String: EditList.Value] {
        let flags = service.schedulerOptions.flags.map(\.rawValue).sorted()
        return [
            "mode": .text(service.mode.rawValue),
            "tunnel": service.tunnel.map(value) ?? .none,
            "scheduler": .text(service.scheduler.rawValue),
            "schedulerFlags": flags.isEmpty ? .none : .list(flags.map { .text($0) }),
            "hashTarget": service.schedulerOptions.hashTarget.map { .text($0.rawValue) } ?? .none,
            "maglevTableSize": service.schedulerOptions.maglevTableSize.map { .number($0) }
                ?? .none,
            "localAddresses": service.localAddresses.isEmpty
                ? .none : .list(service.localAddresses.map { .text("\($0)") }),
            "connectionTimeout": service.connectionTimeout.map { .text($0.text) } ?? .none,
            "clientAddress": service.clientAddress.map { .text($0.rawValue) } ?? .none,
            "quic": service.quic.map { _ in .object(["serverID": .text("dpvs")]) } ?? .none,
            "persistence": service.persistence.map(value) ?? .none,
            "onePacket": service.isOnePacket ? .flag(true) : .none,
            "expireQuiescent": service.protection.expiresQuiescent ? .flag(true) : .none,
            "destCheck": service.protection.destCheck.map(value) ?? .none,
        ]
    }

    private static func value(_ tunnel: Tunnel) -> EditList.Value {
        .object([
            "type": .text(tunnel.kind.rawValue),
            "port": tunnel.port.map { .number(Int($0)) } ?? .none,
            "source": tunnel.source.map { .text($0.isHost ? "\($0.address)" : "\($0)") } ?? .none,
            "checksum": tunnel.hasChecksum ? .flag(true) : .none,
        ])
    }

    private static func value(_ persistence: Persistence) -> EditList.Value {
        .object([
            "timeout": .text(persistence.timeout.text),
            "mask": .number(persistence.mask),
            "maskV6": .number(persistence.maskV6),
        ])
    }

    private static func value(_ check: DestCheck) -> EditList.Value {
        var fields: [String: EditList.Value] = [
            "downNotice": .number(check.downNotice), "upNotice": .number(check.upNotice),
            "downWait": .text(check.downWait.text),
        ]
        if let inhibit = check.inhibit {
            fields["inhibit"] = .text("\(inhibit.lowerBound.text)..\(inhibit.upperBound.text)")
            fields["recovers"] = EditList.Value.none
        } else {
            fields["inhibit"] = EditList.Value.none
            fields["recovers"] = .flag(false)
        }
        return .object(fields)
    }
}

extension EditList.Value {
    /// Without what is as by default; nil: all of it is.
    fileprivate var said: EditList.Value? {
        switch self {
        case .none: return nil
        case .object(let fields): return .object(fields.compactMapValues(\.said))
        default: return self
        }
    }

    fileprivate static func ports(_ ports: PortRange) -> EditList.Value {
        ports.single.map { .number(Int($0)) } ?? .text("\(ports)")
    }
}
