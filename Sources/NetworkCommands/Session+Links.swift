// SPDX-License-Identifier: Apache-2.0
import Addressing
import Control
import Model

extension Session {
    func run(_ command: LinkCommand) async throws {
        switch command {
        case .show(let device): try await showLinks(device)
        case .bondStatus(let device):
            let link = try await links(named: device)[0]
            guard let bond = link.bond else {
                throw CommandFailure("'\(device)' is no bond, and only bonds have a status")
            }
            try await show({ bond }, { $0.text(of: link) })
        case .lcores(let number): try await showLcores(number)
        case .set(let device, let item): try await set(device, item)
        case .addSlave(let bond, let slave), .delSlave(let bond, let slave):
            _ = try await links(named: bond)
            throw CommandFailure(
                "the devices of a bond are fixed at the start: netif_defs { bonding \(bond) "
                    + "{ slave \(slave) } } of dpvs.conf"
            )
        }
    }

    private func showLinks(_ device: String?) async throws {
        let wantsDriver = options.isVerbose
        let ask = { try await links(named: device, details: wantsDriver) }
        if options.wantsStatistics, let interval = options.interval {
            try await showRates(every: interval, ask, \.name) { links, earlier, seconds in
                links.map { link in
                    let title = links.count > 1 ? "\(link.name):\n" : ""
                    let before = earlier[link.name]?.counters ?? link.counters
                    return title
                        + link.counters.rates(
                            since: before,
                            seconds: seconds,
                            isColoured: options.isColoured
                        )
                }
                .joined()
            }
            return
        }
        let all = try await client.get("/v1/links", as: [LinkStatus].self).map(\.name)
        try await show(ask) { links in
            links.map { link in
                let number = (all.firstIndex(of: link.name) ?? 0) + 1
                var text = link.basics(number: number)
                if options.wantsStatistics { text += link.counters.columns + link.buffers }
                if options.isVerbose {
                    text += options.wantsStatistics ? link.driverText : link.details
                }
                return text
            }
            .joined()
        }
    }

    private func showLcores(_ number: Int?) async throws {
        let ask = {
            let lcores = try await client.get("/v1/workers", as: [LcoreStatus].self)
            guard let number else { return lcores }
            let found = lcores.filter { $0.lcore == number }
            if found.isEmpty {
                let known = lcores.map { "cpu\($0.lcore)" }.joined(separator: ", ")
                throw CommandFailure("there is no lcore \(number); accepted: cpu, \(known)")
            }
            return found
        }
        if options.wantsStatistics, let interval = options.interval {
            try await showRates(every: interval, ask, \.lcore) { lcores, earlier, seconds in
                lcores.filter { $0.role == .worker }
                    .map { lcore in
                        let before = earlier[lcore.lcore]?.counters ?? lcore.counters
                        return "\(lcore.lcore + 1): cpu\(lcore.lcore)\n"
                            + lcore.counters.rates(
                                since: before,
                                seconds: seconds,
                                isColoured: options.isColoured
                            )
                    }
                    .joined()
            }
            return
        }
        try await show(ask) { lcores in
            func text(_ lcore: LcoreStatus) -> String {
                let counters = options.wantsStatistics && lcore.role == .worker
                return lcore.basics(number: lcore.lcore + 1)
                    + (counters ? lcore.counters.columns : "")
            }
            if number != nil { return lcores.map(text).joined() }
            let control = lcores.filter { $0.role == .control }
            let workers = lcores.filter { $0.role == .worker }
            return "<< Controll Plane >>\n" + control.map(text).joined() + "<< Data Plane >>\n"
                + workers.map(text).joined()
        }
    }

    /// Looks every `interval` seconds and writes what happened since the look before.
    private func showRates<Row: Codable & Sendable, Key: Hashable>(
        every interval: Int,
        _ ask: () async throws -> [Row],
        _ key: (Row) -> Key,
        _ text: (_ rows: [Row], _ earlier: [Key: Row], _ seconds: Double) -> String
    ) async throws {
        let clock = ContinuousClock()
        var before = (rows: try await ask(), time: clock.now)
        var left = options.count ?? .max
        while left > 0 {
            try await Task.sleep(for: .seconds(interval))
            let now = (rows: try await ask(), time: clock.now)
            let seconds = (now.time - before.time) / Duration.seconds(1)
            let earlier = Dictionary(before.rows.map { (key($0), $0) }) { first, _ in first }
            try write(
                options.isJSON
                    ? ControlJSON.text(now.rows) : text(now.rows, earlier, seconds).printableLines
            )
            before = now
            left -= 1
        }
    }

    // MARK: - Switches

    private func set(_ device: String, _ item: LinkCommand.Item) async throws {
        let link = try await links(named: device)[0]
        switch item {
        case .flag(let flag, let isOn): try await set(link, flag, isOn)
        case .address(let address):
            try refuse(link.macAddress != address, "the address of a device", "is the device's own")
        case .bondMode(let mode):
            let bond = try bond(of: link)
            try refuse(bond.mode != mode, "the mode of a bond", conf(link, "mode \(mode)"))
        case .bondPrimary(let primary):
            let bond = try bond(of: link)
            let item = conf(link, "primary \(primary)")
            try refuse(bond.primary != primary, "the primary slave of a bond", item)
        case .bondPolicy(let policy):
            let bond = try bond(of: link)
            // The file has the names of the kernel's bonds.
            let word = ["layer23": "layer2+3", "layer34": "layer3+4"][policy] ?? policy
            let isSame = [word, policy].contains(bond.transmitPolicy)
            try refuse(
                !isSame,
                "the transmit policy of a bond",
                conf(link, "xmit_policy \(bond.transmitPolicy.contains("+") ? word : policy)")
            )
        case .bondMonitor(let interval):
            _ = try bond(of: link)
            try refuse(true, "the interval of looking", conf(link, "monitor_interval \(interval)"))
        case .bondDelay(_, let delay):
            _ = try bond(of: link)
            try refuse(
                delay != 0,
                "the delay of a slave",
                "is 0: a slave that comes or goes counts at once"
            )
        }
    }

    private func set(
        _ link: LinkStatus,
        _ flag: LinkCommand.Flag,
        _ isOn: Bool
    ) async throws {
        var switches = LinkSwitches()
        switch flag {
        case .promisc: switches.isPromiscuous = isOn
        case .allmulticast: switches.receivesAllMulticast = isOn
        case .link:
            if link.isUp == isOn, link.kind != .port { return }
            switches.isUp = isOn
        case .forward2kni:
            return try refuse(
                isOn,
                "a copy of all packets for the kernel",
                "is not made: what nobody here takes goes to the kernel by itself"
            )
        case .trafficOut, .trafficIn:
            return try refuse(isOn, "traffic control", "is not built yet")
        case .lldp:
            return try refuse(
                link.hasDiscovery != isOn,
                "link-layer discovery",
                "is switched in dpvs.conf: global_defs { lldp }, and lldp of the device"
            )
        }
        guard link.kind == .port || link.kind == .bond else {
            throw CommandFailure(
                "'\(link.name)' is a \(link.kind.rawValue): its device has switches"
            )
        }
        let changed = try await client.change(link.name, switches)
        if options.isJSON { try write(ControlJSON.text(changed)) }
    }

    private func bond(of link: LinkStatus) throws -> BondStatus {
        guard let bond = link.bond else { throw CommandFailure("'\(link.name)' is no bond") }
        return bond
    }

    private func conf(_ link: LinkStatus, _ item: String) -> String {
        "is set in dpvs.conf: netif_defs { bonding \(link.name) { \(item) } }"
    }

    /// What is so already needs no change.
    private func refuse(_ isChange: Bool, _ what: String, _ why: String) throws {
        if isChange { throw CommandFailure("\(what) \(why)") }
    }
}
