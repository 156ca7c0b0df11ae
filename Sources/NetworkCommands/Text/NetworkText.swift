// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model

extension AddressFamily {
    /// `inet`, `inet6`.
    var word: String { self == .ipv4 ? "inet" : "inet6" }
}

extension AddressStatus {
    /// What `dpip addr show` prints of an address.
    func text(_ options: Options) -> String {
        let core = options.isVerbose ? "[0] " : ""
        let head =
            "\(core)\(prefix.address.family.word) \(prefix) scope \(scope.rawValue) \(interface)"
        var life = "     valid_lft forever preferred_lft forever"
        if options.wantsStatistics || options.isVerbose, let ports {
            life += " sa_used \(ports.used) sa_free \(ports.free) sa_miss \(ports.misses)"
        }
        let trouble = isDuplicate ? " duplicate" : ""
        return "\(head)\(trouble)\n\(life)\n"
    }
}

extension RouteStatus {
    /// What `dpip route show` prints of a route.
    var text: String {
        let head = destination.address.family.word
        guard destination.address.family == .ipv4 else {
            let words = [
                destination.length == 0 ? "default" : "\(destination)",
                gateway.map { "via \($0)" }, source.map { "src \($0)" }, "dev \(interface)",
                "mtu \(mtu)", "scope \(scope.rawValue)",
            ]
            return "\(head) \(words.compactMap(\.self).joined(separator: " "))\n"
        }
        let any = IPAddress.v4(.any)
        let onLink = isGiven && scope == .link ? " onlink" : ""
        return "\(head) \(destination) via \(gateway ?? any) src \(source ?? any) dev \(interface) "
            + "mtu \(mtu) tos 0 scope \(scope.rawValue) metric 0 proto auto\(onLink)\n"
    }
}

extension NeighbourStatus {
    /// The words of the old program for the states of RFC 4861.
    private static let words = [
        "incomplete": "SEND", "reachable": "REACHABLE", "stale": "PROBE", "probe": "DELAY",
        "failed": "NONE", "permanent": "REACHABLE",
    ]

    /// What `dpip neigh show` prints of a neighbour; all workers share one table.
    var text: String {
        let state = Self.words[state] ?? state.uppercased()
        let mac = macAddress.map(\.description) ?? "incomplate"
        let fixed = self.state == "permanent" ? "  static" : ""
        return "ip: \(address)  mac: \(mac)  state: \(state)  dev: \(interface)  core: 0\(fixed)\n"
    }
}

extension GroupStatus {
    /// What `dpip maddr show` prints of an interface.
    func text(isVerbose: Bool) -> String {
        func line(_ word: String, _ group: Group) -> String {
            var text = "    \(word) \(group.address)"
            if isVerbose { text += "\(group.isOfKernel ? " (+kni)" : "") refcnt \(group.users)" }
            return text + "\n"
        }
        return "\(interface):\n" + links.map { line("link", $0) }.joined()
            + addresses.map { line($0.address.contains(":") ? "inet6" : "inet", $0) }.joined()
    }
}

extension VLANInterface {
    /// What `dpip vlan show` prints of a VLAN.
    var text: String {
        let tags = innerID.map { "proto 802.1ad id \(id) inner \($0)" } ?? "proto 802.1q id \(id)"
        return "\(name) link \(link) \(tags)\n"
    }
}

extension TunnelInterface {
    /// What `dpip tunnel show` prints of a tunnel.
    var text: String {
        func flags(_ name: String, _ words: Words) -> String? {
            let set = [
                words.hasChecksum ? "csum" : nil, words.key == nil ? nil : "key",
                words.hasSequence ? "seq" : nil,
            ]
            .compactMap(\.self)
            return set.isEmpty ? nil : "\(name) \(set.joined(separator: ","))"
        }
        let parts = [
            "\(kind.rawValue) remote \(remote.map { "\($0)" } ?? "any")",
            "local \(local.map { "\($0)" } ?? "any")", link.map { "dev \($0)" },
            "ttl \(timeToLive == 0 ? "inherit" : "\(timeToLive)")",
            service.map { "tos 0x\(String($0, radix: 16))" }, flags("i_flags", input),
            flags("o_flags", output), input.key.map { "i_key \($0)" },
            output.key.map { "o_key \($0)" },
        ]
        return "\(name): " + parts.compactMap(\.self).joined(separator: " ") + "\n"
    }
}

extension LinkDiscoveryStatus {
    /// What `dpip lldp show neigh` prints of a port.
    var neighbourText: String {
        if !isOn { return "\(port): link-layer discovery is off\n" }
        if neighbours.isEmpty { return "\(port): nobody has been heard\n" }
        return neighbours.map { "\(port):\n\($0.fields)" }.joined(separator: "\n")
    }

    /// What `dpip lldp show local` prints of a port.
    var localText: String {
        guard let own, isOn else { return "\(port): link-layer discovery is off\n" }
        return "\(port):\n\(own.fields)"
    }
}

extension LinkDiscoveryStatus.Neighbour {
    /// The fields of the message, a line each.
    fileprivate var fields: String {
        let addresses = managementAddresses.map(\.description).joined(separator: " ")
        let lines = [
            ("Chassis ID", chassis), ("Port ID", port), ("Time To Live", "\(expiresIn)"),
            ("Port Description", portDescription), ("System Name", systemName),
            ("System Description", systemDescription),
            ("System Capabilities", capabilities.joined(separator: " ")),
            ("Management Address", addresses),
        ]
        let organisations = organisationFields.map { ("Organisation", $0) }
        return (lines + organisations).filter { !$0.1.isEmpty }
            .map { "    \($0.0): \($0.1.printable)\n" }
            .joined()
    }
}

extension MemoryStatus {
    /// What `dpip eal-mem show` prints.
    func text(of command: MemoryCommand) -> String {
        switch command {
        case .segments: segmentTable
        case .zones: zoneTable
        case .pools: poolTable
        case .rings: ringTable
        }
    }

    private var segmentTable: String {
        var table = TextTable(
            .right("socket_id"),
            .right("iova"),
            .right("virt_addr"),
            .right("len"),
            .right("hugepage_size"),
            .right("nchannel"),
            .right("nrank")
        )
        for segment in segments {
            table.append(
                "\(segment.socket)",
                segment.busAddress,
                segment.virtualAddress,
                "\(segment.length)",
                "\(segment.pageSize)",
                "\(segment.channels)",
                "\(segment.ranks)"
            )
        }
        return table.text(width: .max)
    }

    private var zoneTable: String {
        var table = TextTable(
            .right("id"),
            .left("name"),
            .right("iova"),
            .right("virt_addr"),
            .right("len"),
            .right("hugepage"),
            .right("socket")
        )
        for (number, zone) in zones.enumerated() {
            table.append(
                "\(number)",
                zone.name,
                zone.busAddress,
                zone.virtualAddress,
                "\(zone.length)",
                "\(zone.pageSize)",
                "\(zone.socket)"
            )
        }
        return table.text(width: .max)
    }

    private var poolTable: String {
        var table = TextTable(
            .left("name"),
            .right("flags"),
            .right("elt_size"),
            .right("header"),
            .right("trailer"),
            .right("private"),
            .right("size"),
            .right("used"),
            .right("Mem(MB)")
        )
        for pool in pools {
            let element = pool.elementSize + pool.headerSize + pool.trailerSize
            table.append(
                pool.name,
                "0x" + String(pool.flags, radix: 16),
                "\(pool.elementSize)",
                "\(pool.headerSize)",
                "\(pool.trailerSize)",
                "\(pool.privateSize)",
                "\(pool.size)",
                "\(pool.used)",
                "\(element * pool.size >> 20)"
            )
        }
        return table.text(width: .max)
    }

    private var ringTable: String {
        var table = TextTable(
            .left("name"),
            .right("flags"),
            .right("size"),
            .right("used"),
            .right("avail")
        )
        for ring in rings {
            table.append(
                ring.name,
                "0x" + String(ring.flags, radix: 16),
                "\(ring.size)",
                "\(ring.used)",
                "\(ring.available)"
            )
        }
        return table.text(width: .max)
    }
}
