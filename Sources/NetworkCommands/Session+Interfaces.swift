// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model

extension Session {
    // MARK: - VLANs

    func run(_ command: VLANCommand) async throws {
        var edits = EditList()
        switch command {
        case .show(let wanted):
            try await show {
                let found = try await links(named: nil).compactMap(\.vlan).filter(wanted.contains)
                if found.isEmpty, wanted != .init() {
                    throw CommandFailure("there is no such VLAN")
                }
                return found
            } _: { vlans in
                vlans.map(\.text).joined()
            }
        case .add(_, _, _, isServiceTag: true):
            throw CommandFailure(
                "802.1ad has two tags, and this command one: dpvs edit add interface vlan.link=DEVICE "
                    + "vlan.id=OUTER vlan.innerID=INNER"
            )
        case .add(let name, let link, let id, _):
            edits.append(
                .add,
                "interface",
                [
                    "name": name.map { .text($0) },
                    "vlan": .object(["link": .text(link), "id": .number(id)]),
                ]
            )
        case .del(let wanted):
            let found = try await links(named: nil).compactMap(\.vlan).filter(wanted.contains)
            guard let vlan = found.first else { throw CommandFailure("there is no such VLAN") }
            edits.append(.remove, "interface", ["name": .text(vlan.name)])
        }
        try await apply(edits)
    }

    // MARK: - Tunnels

    func run(_ command: TunnelCommand) async throws {
        var edits = EditList()
        switch command {
        case .show(let wanted):
            try await show {
                let found = try await tunnels().filter(wanted.contains)
                if found.isEmpty, let name = wanted.name {
                    throw CommandFailure("there is no tunnel '\(name)'")
                }
                return found
            } _: { tunnels in
                tunnels.map(\.text).joined()
            }
        case .add(let settings):
            edits.append(.add, "interface", settings.fields(isChange: false))
        case .change(let settings):
            try await demandTunnel(settings.name)
            edits.append(.set, "interface", settings.fields(isChange: true))
        case .replace(let settings):
            if try await tunnels().contains(where: { $0.name == settings.name }) {
                edits.append(.remove, "interface", ["name": .text(settings.name)])
            }
            edits.append(.add, "interface", settings.fields(isChange: false))
        case .del(let name):
            try await demandTunnel(name)
            edits.append(.remove, "interface", ["name": .text(name)])
        }
        try await apply(edits)
    }

    private func tunnels() async throws -> [TunnelInterface] {
        try await links(named: nil).compactMap(\.tunnel)
    }

    private func demandTunnel(_ name: String) async throws {
        guard try await tunnels().contains(where: { $0.name == name }) else {
            throw CommandFailure("there is no tunnel '\(name)'")
        }
    }

    // MARK: - The rest

    func run(_ command: DiscoveryCommand) async throws {
        let (device, isLocal) =
            switch command {
            case .local(let device): (device, true)
            case .neighbours(let device): (device, false)
            }
        try await show {
            let all = try await client.get("/v1/lldp", as: [LinkDiscoveryStatus].self)
            let found = all.filter { device == nil || $0.port == device }
            if found.isEmpty, let device { throw noDevice(device, among: all.map(\.port)) }
            return found
        } _: { ports in
            ports.map { isLocal ? $0.localText : $0.neighbourText }.joined(separator: "\n")
        }
    }

    func run(_ command: MemoryCommand) async throws {
        try await show {
            try await client.get("/v1/memory", as: MemoryStatus.self)
        } _: { memory in
            memory.text(of: command)
        }
    }

    func run(_ command: IPv6Command) async throws {
        throw CommandFailure(
            "packets are not counted by their version of IP: dpip link show cpu -s has both together"
        )
    }
}

extension VLANCommand.Selection {
    fileprivate func contains(_ vlan: VLANInterface) -> Bool {
        (name ?? vlan.name) == vlan.name && (link ?? vlan.link) == vlan.link
            && (id ?? vlan.id) == vlan.id
    }
}

extension TunnelCommand.Selection {
    fileprivate func contains(_ tunnel: TunnelInterface) -> Bool {
        (name ?? tunnel.name) == tunnel.name && (kind ?? tunnel.kind) == tunnel.kind
            && (device == nil || device == tunnel.link)
    }
}

extension TunnelCommand.Settings {
    /// What an edit says of the tunnel: what is not there stays in a change, else it is the default.
    func fields(isChange: Bool) -> [String: EditList.Value?] {
        let usual = isChange ? EditList.Value.none : nil
        func end(_ end: End?) -> EditList.Value? {
            switch end {
            case nil: nil
            case .any: usual
            case .address(let address): .text("\(address)")
            }
        }
        var tunnel: [String: EditList.Value] = [:]
        tunnel["kind"] = kind.map { .text($0.rawValue) }
        tunnel["remote"] = end(remote)
        tunnel["local"] = end(local)
        tunnel["link"] = device.map { .text($0) }
        tunnel["ikey"] = inputKey.map { .text("\($0)") }
        tunnel["okey"] = outputKey.map { .text("\($0)") }
        for (flag, letters) in [(TunnelCommand.Flag.sequence, "seq"), (.checksum, "csum")] {
            if inputFlags.contains(flag) { tunnel["i" + letters] = .flag(true) }
            if outputFlags.contains(flag) { tunnel["o" + letters] = .flag(true) }
        }
        tunnel["ttl"] = timeToLive.map { .number($0) }
        tunnel["tos"] = service.flatMap { $0 < 0 ? usual : .number($0) }
        return ["name": .text(name), "tunnel": .object(tunnel)]
    }
}
