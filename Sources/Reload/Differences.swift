// SPDX-License-Identifier: Apache-2.0
import Addressing
import Model

// Attributes of one object that differ between two versions of it: "scheduler rr → wrr".

extension VLANInterface {
    func differences(from old: Self) -> [String] {
        [
            phrase("way", old.way, way),
            phrase("priority", old.priority, priority),
            phrase("companion", old.companion, companion),
            phrase("companion type", old.companionType.rawValue, companionType.rawValue),
            phrase("owner", old.owner, owner),
        ]
        .compactMap(\.self)
    }
}

extension TunnelInterface {
    func differences(from old: Self) -> [String] {
        [
            phrase("way", old.way, way),
            phrase("arriving", Self.text(old.input), Self.text(input)),
            phrase("sent", Self.text(old.output), Self.text(output)),
            phrase("ttl", old.timeToLive, timeToLive),
            phrase(
                "tos",
                old.service.map(String.init) ?? "inherit",
                service.map(String.init) ?? "inherit"
            ),
            phrase(
                "mtu",
                old.mtu.map(String.init) ?? "by itself",
                mtu.map(String.init) ?? "by itself"
            ),
            phrase("companion", old.companion, companion),
            phrase("companion type", old.companionType.rawValue, companionType.rawValue),
            phrase("owner", old.owner, owner),
        ]
        .compactMap(\.self)
    }

    private static func text(_ words: Words) -> String {
        let key = words.key.map { "key \($0)" } ?? "no key"
        return key + (words.hasChecksum ? ", checksum" : "")
            + (words.hasSequence ? ", sequence" : "")
    }
}

extension InterfaceAddress {
    func differences(from old: Self) -> [String] {
        [
            phrase("prefix", old.prefix, prefix),
            phrase("owner", old.owner, owner),
            phrase("kernel", old.kernel, kernel),
        ]
        .compactMap(\.self)
    }

    private var kernel: String { isInKernel.map { $0 ? "has it" : "lacks it" } ?? "unknown" }
}

extension Route {
    /// ` via 10.0.0.254 on eth0`.
    var way: String {
        (gateway.map { " via \($0)" } ?? "") + (interface.map { " on \($0)" } ?? "")
            + (scope == .global ? "" : " scope \(scope.rawValue)")
    }

    func differences(from old: Self) -> [String] {
        [
            phrase("gateway", text(old.gateway), text(gateway)),
            phrase("interface", text(old.interface), text(interface)),
            phrase("mtu", text(old.mtu), text(mtu)),
            phrase("scope", old.scope.rawValue, scope.rawValue),
            phrase("owner", old.owner, owner),
        ]
        .compactMap(\.self)
    }
}

extension Neighbour {
    func differences(from old: Self) -> [String] {
        [
            phrase("mac", old.macAddress, macAddress),
            phrase("owner", old.owner, owner),
        ]
        .compactMap(\.self)
    }
}

extension Service {
    /// Backends are not looked at.
    func differences(from old: Self) -> [String] {
        [
            phrase("name", old.name, name),
            phrase("mode", old.mode.rawValue, mode.rawValue),
            phrase("tunnel", text(old.tunnel), text(tunnel)),
            phrase("scheduler", old.scheduler.rawValue, scheduler.rawValue),
            phrase("scheduler flags", old.schedulerOptions.list, schedulerOptions.list),
            phrase(
                "hash target",
                text(old.schedulerOptions.hashTarget?.rawValue),
                text(schedulerOptions.hashTarget?.rawValue)
            ),
            phrase(
                "maglev table size",
                text(old.schedulerOptions.maglevTableSize),
                text(schedulerOptions.maglevTableSize)
            ),
            phrase("slow start", text(old.slowStart), text(slowStart)),
            phrase("local addresses", list(old.localAddresses), list(localAddresses)),
            phrase("connection timeout", text(old.connectionTimeout), text(connectionTimeout)),
            phrase(
                "client address",
                old.effectiveClientAddress.rawValue,
                effectiveClientAddress.rawValue
            ),
            quicDifference(from: old),
            phrase("persistence", text(old.persistence), text(persistence)),
            phrase("one packet", old.isOnePacket, isOnePacket),
            phrase("ports per source", text(old.portsPerSource), text(portsPerSource)),
            phrase("owner", old.owner, owner),
        ]
        .compactMap(\.self) + protection.differences(from: old.protection)
    }
}

extension Protection {
    fileprivate func differences(from old: Self) -> [String] {
        [
            phrase("max connections", text(old.maxConnections), text(maxConnections)),
            phrase(
                "connections a second",
                text(old.rateLimit.connections),
                text(rateLimit.connections)
            ),
            phrase("packets a second", text(old.rateLimit.packets), text(rateLimit.packets)),
            phrase("bits a second", text(old.rateLimit.bits), text(rateLimit.bits)),
            phrase("packet share", text(old.packetShare), text(packetShare)),
            phrase("expire quiescent", old.expiresQuiescent, expiresQuiescent),
            phrase("drain timeout", text(old.drainTimeout), text(drainTimeout)),
            phrase("dest check", text(old.destCheck), text(destCheck)),
        ]
        .compactMap(\.self)
    }
}

extension Backend {
    /// `weight 1 → 2, max connections (none) → 100`.
    func differences(from old: Self) -> [String] {
        [
            phrase("weight", old.weight, weight),
            phrase("max connections", text(old.maxConnections), text(maxConnections)),
            phrase("min connections", text(old.minConnections), text(minConnections)),
            phrase("server id", text(old.quicServerID), text(quicServerID)),
        ]
        .compactMap(\.self)
    }
}

extension Service {
    /// Keys are not told, only that they changed.
    private func quicDifference(from old: Self) -> String? {
        guard quic != old.quic else { return nil }
        let (before, after) = (old.quic?.words, quic?.words)
        return before == after
            ? "quic keys changed" : "quic \(text(before)) → \(text(after))"
    }
}

extension QUICOptions {
    fileprivate var words: String {
        let ids = configurations.map {
            "\($0.id): \($0.serverIDLength)+\($0.nonceLength)\($0.key == nil ? "" : " encrypted")"
        }
        return ((namesAddresses ? ["addresses"] : []) + ids).joined(separator: ", ")
    }
}

extension Tunnel: CustomStringConvertible {
    /// `gue port 6080 from 10.0.0.1/32 with checksum`.
    package var description: String {
        kind.rawValue + (port.map { " port \($0)" } ?? "") + (source.map { " from \($0)" } ?? "")
            + (hasChecksum ? " with checksum" : "")
    }
}

extension SchedulerOptions {
    fileprivate var list: String {
        flags.isEmpty ? "(none)" : flags.map(\.rawValue).sorted().joined(separator: " ")
    }
}

private func phrase<Value: Equatable>(_ name: String, _ old: Value, _ new: Value) -> String? {
    old == new ? nil : "\(name) \(old) → \(new)"
}

private func text(_ value: (some CustomStringConvertible)?) -> String {
    value?.description ?? "(none)"
}

private func list(_ addresses: [IPAddress]) -> String {
    addresses.isEmpty ? "(none)" : addresses.map(\.description).joined(separator: " ")
}
